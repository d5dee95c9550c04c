"""Where a motion breaks: joint spikes, joint steps, and roots that teleport."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.clip import MotionClip

SHORT = 3
"""A wrong stretch of up to this many frames is a glitch; a longer one is motion."""


@dataclass(frozen=True)
class Jump:
    """A joint that moves too far between two neighbouring frames, or three."""

    joint: int
    before: int
    """Last frame before it."""
    after: int
    """First frame after it."""
    size: float
    """Angle after minus angle before, rad."""


@dataclass(frozen=True)
class Spike:
    """A joint that leaves its course for at most `SHORT` frames and comes back."""

    joint: int
    first: int
    last: int
    """Wrong frames, both ends included."""
    size: float
    """Largest distance from the straight line between its neighbours, rad."""


def joint_jumps(joint_pos: np.ndarray, limits: CheckLimits | None = None) -> list[Jump]:
    """Steps over one frame, or two in the same direction, that stick out of the steps around.

    A fast motion takes many frames of like speed and is no jump. joint_pos: (T, J), rad.
    """
    limits = limits or CheckLimits()
    steps = np.diff(joint_pos, axis=0)
    size = np.abs(steps)
    found = []
    for length in (1, 2):
        count = len(steps) - length + 1
        # At the ends of a clip the second step on the one side stands for that on the other.
        if len(steps) < length + 2:
            break
        before = np.concatenate([size[length + 1 : length + 2], size[: count - 1]])
        after = np.concatenate([size[length:], size[-length - 2 : -length - 1]])
        smallest = np.min([size[k : k + count] for k in range(length)], axis=0)
        outside = np.maximum(before, after)
        signs = np.sign([steps[k : k + count] for k in range(length)])
        stands_out = (smallest > limits.jump_rad) & (smallest > limits.jump_ratio * outside)
        for t, j in zip(*np.nonzero(stands_out & (signs == signs[:1]).all(axis=0)), strict=True):
            end = int(t) + length
            found.append(Jump(int(j), int(t), end, float(joint_pos[end, j] - joint_pos[t, j])))
    return sorted(found, key=lambda jump: (jump.before, jump.joint))


def joint_spikes(joint_pos: np.ndarray, limits: CheckLimits | None = None) -> list[Spike]:
    """Joints that jump away and back within a few frames. joint_pos: (T, J), rad."""
    limits = limits or CheckLimits()
    frames = len(joint_pos)
    steps = np.diff(joint_pos, axis=0)
    around = np.pad(np.abs(steps), ((1, 1), (0, 0)))
    taken = np.zeros(joint_pos.shape, bool)
    found = []
    for length in range(1, SHORT + 1):
        count = frames - length - 1  # candidates for the first wrong frame: 1 ... count
        if count < 1:
            break
        leave, come_back = steps[:count], steps[length : length + count]
        smaller = np.minimum(np.abs(leave), np.abs(come_back))
        outside = np.maximum(around[:count], around[length + 2 : length + 2 + count])
        apart = np.abs(joint_pos[length + 1 :] - joint_pos[:count])
        wrong = (
            (leave * come_back < 0)
            & (smaller > limits.jump_rad)
            & (smaller > limits.jump_ratio * outside)
            & (smaller > 2.0 * apart)
        )
        for t, j in zip(*np.nonzero(wrong), strict=True):
            first, last = int(t) + 1, int(t) + length
            if taken[first : last + 1, j].any():
                continue
            taken[first : last + 1, j] = True
            line = np.linspace(joint_pos[t, j], joint_pos[last + 1, j], length + 2)[1:-1]
            size = float(np.abs(joint_pos[first : last + 1, j] - line).max())
            found.append(Spike(int(j), first, last, size))
    return sorted(found, key=lambda spike: (spike.first, spike.joint))


def root_speeds(clip: MotionClip) -> tuple[np.ndarray, np.ndarray]:
    """Speed (m/s) and turning rate (rad/s) of the root between frames. Shapes (T - 1,)."""
    speed = np.linalg.norm(np.diff(clip.root_pos, axis=0), axis=1) * clip.fps
    turn = quat_angle(clip.root_quat_wxyz[:-1], clip.root_quat_wxyz[1:]) * clip.fps
    return speed, turn


def root_jumps(clip: MotionClip, limits: CheckLimits | None = None) -> np.ndarray:
    """Frames after which the root teleports. Shape (K,).

    Faster than any body can be, or a step that sticks out of those before and after it.
    """
    limits = limits or CheckLimits()
    speed, turn = root_speeds(clip)
    over = (speed > limits.root_speed) | (turn > limits.root_turn)
    for rate, least in ((speed, limits.root_step_m), (turn, limits.root_step_rad)):
        around = np.pad(rate, 1)
        neighbours = np.maximum(around[:-2], around[2:])
        over |= (rate > least * clip.fps) & (rate > limits.jump_ratio * neighbours)
    return np.flatnonzero(over)
