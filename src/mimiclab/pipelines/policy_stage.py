"""The stage that trains a policy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimiclab.errors import PipelineError
from mimiclab.learning.config import TrainCfg
from mimiclab.pipelines.motions import open_motion_groups
from mimiclab.pipelines.stage import Stage, State
from mimiclab.tasks.tracking.task import TrackingTask


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

    def advance(self, folder: Path) -> State:
        """Train, or resume."""
        from mimiclab.learning.train import resume, train

        state, settings = self.state(folder), self.train
        if state == "absent":
            library = open_motion_groups(self.groups, self.task, self.motion_folder)
            result = train(self.task, library, settings, folder)
        else:
            self._require_same_settings(folder)
            if state == "finished":
                return state
            limits: dict[str, Any] = {
                "iterations": settings.iterations, "minutes": settings.minutes,
            }  # fmt: skip
            result = resume(folder, progress=settings.progress, **limits)
        return "started" if result.reason == "interrupted" else "finished"

    def _require_same_settings(self, folder: Path) -> None:
        """A run goes on with the settings that it was begun with; only its limits may move."""
        from mimiclab.learning.checkpoint import layout_difference
        from mimiclab.learning.run import read_config
        from mimiclab.learning.serialise import to_plain

        noted = read_config(folder)
        lines = layout_difference(noted["task"], to_plain(self.task), "task")
        for key in ("ppo", "num_envs", "seed"):
            lines += layout_difference(noted["train"][key], to_plain(self.train)[key], key)
        if lines:
            raise PipelineError(
                f"{folder} was made with other settings than the recipe has now:\n  "
                + "\n  ".join(line.replace("in the checkpoint", "in the run") for line in lines)
                + "\nUse those, or another --name"
            )
