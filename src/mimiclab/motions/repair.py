"""Deliberate changes to a clip; nothing here runs unless it is asked for."""

from dataclasses import replace

import numpy as np

from mimiclab.errors import RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.robots import Robot


def clamp_joint_limits(clip: MotionClip, robot: Robot) -> tuple[MotionClip, int]:
    """The clip with every joint held inside its limits, and the number of frames changed.

    Raises:
        RobotError: the clip's joints are not the robot's.
    """
    if set(clip.joint_names) != set(robot.joint_names):
        wrong = sorted(set(clip.joint_names) ^ set(robot.joint_names))
        raise RobotError(
            f"motion {clip.name!r} does not fit robot {robot.name!r}: joints differ in "
            f"{', '.join(wrong)}; retarget it first"
        )
    order = [robot.joint_names.index(name) for name in clip.joint_names]
    low, high = robot.joint_limits[order].T
    inside = np.clip(clip.joint_pos, low, high)
    changed = int((inside != clip.joint_pos).any(axis=1).sum())
    return (replace(clip, joint_pos=inside), changed) if changed else (clip, 0)
