"""The stage that trains an estimator of the reference's velocity."""

from dataclasses import dataclass
from pathlib import Path

from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.pipelines.motions import open_motion_groups
from mimiclab.pipelines.settings import require_same
from mimiclab.pipelines.stage import Stage, State
from mimiclab.tasks.tracking.task import TrackingTask


@dataclass(frozen=True, kw_only=True)
class EstimatorStage(Stage):
    """A supervised training on motions alone; short, so that it is not resumed but done at once."""

    task: TrackingTask
    """Whose policies will use it."""
    settings: EstimatorCfg
    device: str | None = None
    """Torch device of the network; none takes a GPU if there is one."""
    is_policy: bool = False

    def state(self, folder: Path) -> State:
        """Whether the estimator is there."""
        from mimiclab.learning.estimator.files import FILE

        return "finished" if (folder / FILE).is_file() else "absent"

    def check(self, folder: Path) -> None:
        """Look at the settings of an estimator that is there."""
        from mimiclab.learning.estimator.files import load_estimator
        from mimiclab.learning.serialise import to_plain

        if self.state(folder) == "finished":
            made = load_estimator(folder)[0].cfg
            require_same(to_plain(made), to_plain(self.settings), folder)

    def advance(self, folder: Path) -> State:
        """Train it, unless it is there."""
        from mimiclab.learning.distributed import pick_device
        from mimiclab.learning.estimator.train import train_estimator

        self.check(folder)
        if self.state(folder) == "finished":
            return "finished"
        train_estimator(
            self.settings,
            open_motion_groups(self.groups, self.task, self.motion_folder),
            fps=self.task.control_hz,
            folder=folder,
            device=pick_device(self.device),
        )
        return "finished"
