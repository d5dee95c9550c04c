"""Motion tracking: BeyondMimic's task on mjlab's managers, with its variants as arguments."""

from typing import TYPE_CHECKING, Any

from mimiclab.tasks.tracking.task import CurriculumCfg as CurriculumCfg
from mimiclab.tasks.tracking.task import TrackingTask as TrackingTask

if TYPE_CHECKING:
    from mimiclab.tasks.tracking.command import TrackingCommand as TrackingCommand
    from mimiclab.tasks.tracking.command import TrackingCommandCfg as TrackingCommandCfg
    from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg as tracking_env_cfg

_HOMES = {
    "TrackingCommand": "command",
    "TrackingCommandCfg": "command",
    "tracking_env_cfg": "env_cfg",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch and mjlab only when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
