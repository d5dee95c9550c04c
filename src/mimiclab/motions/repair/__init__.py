"""Deliberate changes to a clip: flaws that have one right answer; nothing runs unasked."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from mimiclab.errors import RobotError, UnknownNameError
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.repair.change import Change
from mimiclab.motions.repair.ground import level_ground, straighten_ground
from mimiclab.motions.repair.joints import remove_spikes, spread_steps, unwrap_angles
from mimiclab.motions.repair.root import join_teleports, replace_glitches
from mimiclab.robots import Robot, get_robot

__all__ = ["REPAIRS", "Change", "Repair", "clamp_joint_limits", "repair"]


@dataclass(frozen=True)
class Repair:
    """One kind of repair."""

    about: str
    run: Callable[[MotionClip, Robot, CheckLimits], tuple[MotionClip, list[Change]]]


def repair(
    clip: MotionClip,
    robot: Robot | None = None,
    *,
    only: Collection[str] | None = None,
    limits: CheckLimits | None = None,
) -> tuple[MotionClip, list[Change]]:
    """The clip with its flaws mended, and what was changed; a sound clip is returned as it is.

    Args:
        clip: the motion; on flat ground at z = 0 if it has no terrain and no objects.
        robot: the robot, if it is not the registered one of the clip's name.
        only: names of `REPAIRS` to do; all if left out. They are done in the order of `REPAIRS`.
        limits: what counts as a jump, a float, a limit violation.

    Raises:
        RobotError: the clip's joints are not the robot's.
        UnknownNameError: `only` has a name that is no repair.
    """
    robot = robot or get_robot(clip.robot)
    limits = limits or CheckLimits()
    chosen = REPAIRS if only is None else only
    for name in chosen:
        if name not in REPAIRS:
            raise UnknownNameError("repair", name, REPAIRS)
    _check_joints(clip, robot)
    changes: list[Change] = []
    for name, step in REPAIRS.items():
        if name in chosen:
            clip, made = step.run(clip, robot, limits)
            changes += made
    return clip, changes


def clamp_joint_limits(clip: MotionClip, robot: Robot) -> tuple[MotionClip, int]:
    """The clip with every joint held inside its limits, and the number of frames changed.

    Raises:
        RobotError: the clip's joints are not the robot's.
    """
    _check_joints(clip, robot)
    low, high = _limits(clip, robot).T
    inside = np.clip(clip.joint_pos, low, high)
    changed = int((inside != clip.joint_pos).any(axis=1).sum())
    return (replace(clip, joint_pos=inside), changed) if changed else (clip, 0)


def _clamp(clip: MotionClip, robot: Robot, _: CheckLimits) -> tuple[MotionClip, list[Change]]:
    mended, count = clamp_joint_limits(clip, robot)
    if not count:
        return clip, []
    moved = np.abs(mended.joint_pos - clip.joint_pos)
    joints = np.flatnonzero(moved.max(axis=0))
    worst = int(moved.max(axis=0).argmax())
    change = Change(
        kind="limits",
        amount=float(moved.max()),
        unit="rad",
        frames=tuple(np.flatnonzero(moved.max(axis=1)).tolist()),
        joints=tuple(clip.joint_names[j] for j in joints),
        message=f"{len(joints)} joints held inside their limits in {count} frames, most of all "
        f"{clip.joint_names[worst]} by {moved.max():.3f} rad",
    )
    return mended, [change]


REPAIRS = MappingProxyType(
    {
        "wrap": Repair("angles that are off by whole turns", unwrap_angles),
        "glitch": Repair("up to 3 wrong frames of the whole pose", replace_glitches),
        "spike": Repair("joints that jump away and back", remove_spikes),
        "step": Repair("joints that jump and stay: spread over more frames", spread_steps),
        "teleport": Repair("roots that jump and go on elsewhere: joined", join_teleports),
        "limits": Repair("joints beyond their limits: held inside", _clamp),
        "tilt": Repair("a ground that is not level: turned", straighten_ground),
        "float": Repair("a ground that is not at height 0: moved there", level_ground),
    }
)
"""All repairs by name, in the order in which they are done."""


def _limits(clip: MotionClip, robot: Robot) -> np.ndarray:
    """Joint limits in the clip's own joint order. Shape (J, 2)."""
    return robot.joint_limits[[robot.joint_names.index(name) for name in clip.joint_names]]


def _check_joints(clip: MotionClip, robot: Robot) -> None:
    if set(clip.joint_names) != set(robot.joint_names):
        wrong = sorted(set(clip.joint_names) ^ set(robot.joint_names))
        raise RobotError(
            f"motion {clip.name!r} does not fit robot {robot.name!r}: joints differ in "
            f"{', '.join(wrong)}; retarget it first"
        )
