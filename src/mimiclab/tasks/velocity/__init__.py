"""Walking at a commanded velocity: Holosoma's task on mjlab's managers, variants as arguments."""

from typing import TYPE_CHECKING, Any

from mimiclab.tasks.velocity.ground_cfg import GroundCfg as GroundCfg
from mimiclab.tasks.velocity.ground_cfg import SpawnCfg as SpawnCfg
from mimiclab.tasks.velocity.ground_cfg import TileSharesCfg as TileSharesCfg
from mimiclab.tasks.velocity.laptop import cpu_velocity_task as cpu_velocity_task
from mimiclab.tasks.velocity.task import CommandCfg as CommandCfg
from mimiclab.tasks.velocity.task import PenaltyCfg as PenaltyCfg
from mimiclab.tasks.velocity.task import RandomisationCfg as RandomisationCfg
from mimiclab.tasks.velocity.task import VelocityTask as VelocityTask

if TYPE_CHECKING:
    from mimiclab.tasks.velocity.command import VelocityCommand as VelocityCommand
    from mimiclab.tasks.velocity.command import VelocityCommandCfg as VelocityCommandCfg
    from mimiclab.tasks.velocity.env_cfg import velocity_env_cfg as velocity_env_cfg

_HOMES = {
    "VelocityCommand": "command",
    "VelocityCommandCfg": "command",
    "velocity_env_cfg": "env_cfg",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch and mjlab only when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
