"""Repairs of single joints: whole turns, spikes and steps."""

from dataclasses import replace

import numpy as np

from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.check.jumps import joint_jumps, joint_spikes
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.repair.change import Change
from mimiclab.robots import Robot

_TURN = 2.0 * np.pi
_WRAP_REST = 1.0
"""A step is a wrap if it is this close to whole turns, rad."""
_SPREAD_S = 0.2
"""Least time over which a step is spread, s."""
_SPEED_SHARE = 0.5
"""Share of a motor's speed limit that a spread step may ask for."""


def unwrap_angles(
    clip: MotionClip, robot: Robot, _: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Take whole turns out of joints whose angle jumps by them or lies beyond the limits by them.

    The turn is left that keeps the joint inside its limits best, by preference the given one.
    """
    joints = clip.joint_pos.copy()
    changes = []
    for j, name in enumerate(clip.joint_names):
        angle = joints[:, j]
        low, high = robot.joint_limits[robot.joint_names.index(name)]
        steps = np.diff(angle)
        turns = np.round(steps / _TURN)
        turns[np.abs(steps - turns * _TURN) > _WRAP_REST] = 0.0
        straight = angle - _TURN * np.concatenate([[0.0], np.cumsum(turns)])

        def beyond(shift: int, straight=straight, low=low, high=high) -> float:
            moved = straight + _TURN * shift
            return float(np.maximum(np.maximum(low - moved, moved - high), 0.0).mean())

        shift = min((0, -1, 1, -2, 2), key=lambda n: (round(beyond(n), 6), abs(n)))
        # A joint that never jumps is off by a turn only if that alone explains all its excess.
        if not turns.any() and not (beyond(0) > _WRAP_REST and beyond(shift) < 0.1):
            continue
        mended = straight + _TURN * shift
        if np.array_equal(mended, angle):
            continue
        changed = np.abs(mended - angle) > 1.0
        joints[:, j] = np.where(changed, mended, angle)
        changes.append(
            Change(
                kind="wrap",
                amount=float(np.abs(mended - angle).max()),
                unit="rad",
                frames=tuple(np.flatnonzero(changed).tolist()),
                joints=(name,),
                message=f"{name}: whole turns taken out of {changed.sum()} frames",
            )
        )
    return (replace(clip, joint_pos=joints), changes) if changes else (clip, [])


def remove_spikes(
    clip: MotionClip, _: Robot, limits: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Interpolate joints that leave their course for a few frames and come back."""
    joints = clip.joint_pos.copy()
    changes = []
    for spike in joint_spikes(clip.joint_pos, limits):
        name, j = clip.joint_names[spike.joint], spike.joint
        before, after = spike.first - 1, spike.last + 1
        joints[before : after + 1, j] = _bridge(joints[:, j], before, after)
        changes.append(
            Change(
                kind="spike",
                amount=spike.size,
                unit="rad",
                frames=tuple(range(spike.first, spike.last + 1)),
                joints=(name,),
                message=f"{name}: spike of {spike.size:.2f} rad at frame {spike.first} "
                "interpolated",
            )
        )
    return (replace(clip, joint_pos=joints), changes) if changes else (clip, [])


def _bridge(angle: np.ndarray, before: int, after: int) -> np.ndarray:
    """Cubic from frame `before` to `after`, both included, with the slopes of the good sides."""
    span = after - before
    u = np.arange(span + 1) / span
    start, end = angle[before], angle[after]
    slope_in = (angle[before] - angle[before - 1]) * span if before > 0 else end - start
    slope_out = (angle[after + 1] - angle[after]) * span if after + 1 < len(angle) else end - start
    curve = (
        (2 * u**3 - 3 * u**2 + 1) * start
        + (u**3 - 2 * u**2 + u) * slope_in
        + (3 * u**2 - 2 * u**3) * end
        + (u**3 - u**2) * slope_out
    )
    curve[0], curve[-1] = start, end
    return curve


def spread_steps(
    clip: MotionClip, robot: Robot, limits: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Replace one-frame steps by smooth ones, keeping the motion before and after.

    The step is taken out and a cubic of the same height put in, over at least 0.2 s and so slowly
    that it asks for half of the motor's speed at most.
    """
    source = clip.joint_pos
    joints = source.copy()
    changes = []
    for jump in joint_jumps(source, limits):
        j, name = jump.joint, clip.joint_names[jump.joint]
        motor = robot.joint_motors[robot.joint_names.index(name)]
        angle, length = source[:, j], jump.after - jump.before
        outside = []
        if jump.before > 0:
            outside.append(angle[jump.before] - angle[jump.before - 1])
        if jump.after + 1 < len(angle):
            outside.append(angle[jump.after + 1] - angle[jump.after])
        height = jump.size - length * (float(np.mean(outside)) if outside else 0.0)
        lasting = max(_SPREAD_S, 1.5 * abs(height) / (_SPEED_SHARE * motor.velocity_limit))
        half = max(1, int(np.ceil(0.5 * (lasting * clip.fps - length))))
        first, last = max(0, jump.before - half), min(len(angle) - 1, jump.after + half)
        frames = np.arange(first, last + 1)
        u = (frames - first) / (last - first)
        step = np.clip((frames - jump.before) / length, 0.0, 1.0)
        joints[frames, j] += height * (u * u * (3.0 - 2.0 * u) - step)
        changes.append(
            Change(
                kind="step",
                amount=abs(jump.size),
                unit="rad",
                frames=tuple(range(first + 1, last)),
                joints=(name,),
                message=f"{name}: step of {jump.size:.2f} rad after frame {jump.before} spread "
                f"over frames {first} to {last}",
            )
        )
    if not changes:
        return clip, []
    # A spread step may pass a limit that the motion kept; what was beyond it before stays so.
    order = [robot.joint_names.index(name) for name in clip.joint_names]
    low, high = robot.joint_limits[order].T
    joints = np.clip(joints, np.minimum(low, source), np.maximum(high, source))
    return replace(clip, joint_pos=joints), changes
