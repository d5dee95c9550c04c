"""The motions of a stage or of an examination."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.tracking.task import TrackingTask


def open_motion_groups(
    groups: Mapping[str, str], task: "TrackingTask", motion_folder: str | None
) -> "MotionLibrary":
    """One library of all groups, for the robot and at the rate of a task.

    Raises:
        MotionError: a group without motions; and what `open_groups` raises.
    """
    from mimiclab.motions.library.open import open_groups

    return open_groups(
        groups,
        robot=task.robot,
        fps=task.control_hz,
        motion_folder=None if motion_folder is None else Path(motion_folder),
    )
