"""What learning needs to know of any task, and the kinds of tasks by name.

A package brings its own kind through an entry point of the group `mimiclab.tasks` whose name is the
kind and whose value is `module:CLASS`, a dataclass with the members of `Task`.
"""

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from mimiclab.errors import UnknownNameError

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.motions.library import MotionLibrary


class Task(Protocol):
    """Arguments of a task: a dataclass of plain values."""

    kind: ClassVar[str]
    """Name of the class in `task_kinds`."""
    robot: str
    """Registry name of the robot."""
    control_hz: int
    """Policy rate, Hz."""

    def env_cfg(
        self,
        library: "MotionLibrary | None",
        *,
        num_envs: int,
        play: bool = False,
        views: "Mapping[str, Any] | None" = None,
        extra: tuple[str, ...] = (),
    ) -> "ManagerBasedRlEnvCfg":
        """The environment for mjlab.

        Args:
            library: the motions; None for a task without any.
            num_envs: number of environments.
            play: to watch a policy, without disturbances.
            views: more observation groups, by name: the tasks of other policies.
            extra: more observation groups of a single term.
        """
        ...


_SHIPPED = {
    "tracking": "mimiclab.tasks.tracking:TrackingTask",
    "velocity": "mimiclab.tasks.velocity:VelocityTask",
}


def task_kinds() -> dict[str, str]:
    """Where the class of each kind of task is, as `module:CLASS`."""
    return {e.name: e.value for e in entry_points(group="mimiclab.tasks")} | _SHIPPED


def task_class(kind: str) -> type[Task]:
    """The dataclass of a kind of task.

    Raises:
        UnknownNameError: no such kind.
    """
    kinds = task_kinds()
    if kind not in kinds:
        raise UnknownNameError("kind of task", kind, kinds)
    module, name = kinds[kind].split(":")
    return getattr(importlib.import_module(module), name)
