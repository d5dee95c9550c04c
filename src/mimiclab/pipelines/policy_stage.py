"""The stage that trains a policy."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.learning.config import TrainCfg
from mimiclab.pipelines.motions import open_motion_groups
from mimiclab.pipelines.settings import require_same
from mimiclab.pipelines.stage import Stage, State
from mimiclab.tasks.tracking.task import TrackingTask

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary


@dataclass(frozen=True, kw_only=True)
class PolicyStage(Stage):
    """A training run; its folder is a run folder like any other."""

    task: TrackingTask
    train: TrainCfg

    def state(self, folder: Path) -> State:
        """Whether the run's newest checkpoint is at a limit of the settings.

        Raises:
            CheckpointError: it is damaged.
        """
        from mimiclab.learning.checkpoint import load_checkpoint

        last = folder / "checkpoints" / "last.pt"
        if not last.is_file():
            return "absent"
        found, minutes = load_checkpoint(last), self.train.minutes
        late = minutes is not None and found["train_time_s"] >= 60.0 * minutes
        return "finished" if late or found["iteration"] >= self.train.iterations else "started"

    def check(self, folder: Path) -> None:
        """Look at the settings, and at the motions and teachers of a run that has begun.

        Raises:
            MimiclabError: settings that cannot work.
            PipelineError: the run was begun with other settings or motions.
            CheckpointError: who taught it has changed since, or is gone.
        """
        from mimiclab.learning.run import read_config
        from mimiclab.learning.serialise import to_plain
        from mimiclab.learning.start.sources import require_unchanged

        self.train.check()
        if self.state(folder) == "absent":
            return
        noted = read_config(folder)
        require_same(
            {
                "task": noted["task"],
                "train": noted["train"],
                "motions": noted["motions"]["content_hash"],
            },
            {
                "task": to_plain(self.task),
                "train": to_plain(self.train),
                "motions": self._library().content_hash,
            },
            folder,
        )
        require_unchanged(noted["sources"], self.train, folder)

    def advance(self, folder: Path) -> State:
        """Train, or resume."""
        from mimiclab.learning.train import resume, train

        self.check(folder)
        state, settings = self.state(folder), self.train
        if state == "finished":
            return state
        if state == "absent":
            result = train(self.task, self._library(), settings, folder)
        else:
            limits: dict[str, Any] = {
                "iterations": settings.iterations, "minutes": settings.minutes,
            }  # fmt: skip
            result = resume(folder, progress=settings.progress, **limits)
        return "started" if result.reason == "interrupted" else "finished"

    def _library(self) -> "MotionLibrary":
        return open_motion_groups(self.groups, self.task, self.motion_folder)
