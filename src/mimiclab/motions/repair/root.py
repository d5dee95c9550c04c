"""Repairs of the whole pose: a few wrong frames, and roots that go on elsewhere."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from mimiclab.maths.rotations import (
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    quat_slerp,
    quat_yaw,
)
from mimiclab.motions.check.feet import stretches
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.check.jumps import SHORT, joint_jumps, root_jumps
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.repair.change import Change
from mimiclab.robots import Robot

_FIRST_STEP = 0.15
"""A first step above this that the next ones do not keep up is unsettled, rad."""


def replace_glitches(
    clip: MotionClip, _: Robot, limits: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Replace up to three frames in a row that do not belong to the motion.

    Between good frames they are interpolated. At the start, where retargeting has often not
    settled yet, and at the end the nearest good frame is held, so that the clip keeps its length.
    """
    wrong = _short_segments(clip.num_frames, root_jumps(clip, limits))
    wrong |= _unsettled_ends(clip.joint_pos, limits)
    if not wrong.any() or wrong.all():
        return clip, []
    good = np.flatnonzero(~wrong)
    after = np.minimum(np.searchsorted(good, np.arange(clip.num_frames)), len(good) - 1)
    before = np.maximum(np.searchsorted(good, np.arange(clip.num_frames), side="right") - 1, 0)
    low, high = good[before], good[after]
    blend = (np.arange(clip.num_frames) - low) / np.maximum(high - low, 1)
    # Before the first and after the last good frame both neighbours are the same frame.
    blend = np.where(high == low, 0.0, blend)

    def mended(values: np.ndarray) -> np.ndarray:
        mixed = values[low] + blend[:, None] * (values[high] - values[low])
        return np.where(wrong[:, None], mixed, values)

    quat = clip.root_quat_wxyz
    turned = quat_slerp(quat[low], quat[high], blend)
    result = replace(
        clip,
        root_pos=mended(clip.root_pos),
        root_quat_wxyz=np.where(wrong[:, None], turned, quat),
        joint_pos=mended(clip.joint_pos),
    )
    changes = []
    for start, stop in stretches(wrong):
        part = slice(start, stop)
        held = start == 0 or stop == clip.num_frames
        moved = float(np.linalg.norm(result.root_pos - clip.root_pos, axis=1)[part].max())
        bent = float(np.abs(result.joint_pos - clip.joint_pos)[part].max())
        changes.append(
            Change(
                kind="glitch",
                amount=moved,
                unit="m",
                frames=tuple(range(start, stop)),
                message=f"{_named(start, stop - 1)} not of the motion, "
                f"{'replaced by the nearest good frame' if held else 'interpolated'}: root moved "
                f"by {moved:.2f} m, joints by up to {bent:.2f} rad",
            )
        )
    return result, changes


def _named(first: int, last: int) -> str:
    return f"frame {first} is" if first == last else f"frames {first} to {last} are"


def _short_segments(frames: int, breaks: np.ndarray) -> np.ndarray:
    """Frames of segments between breaks that are too short to be motion. Shape (T,)."""
    edges = [0, *(breaks + 1).tolist(), frames]
    wrong = np.zeros(frames, bool)
    for start, stop in pairwise(edges):
        wrong[start:stop] = stop - start <= SHORT
    return wrong


def _unsettled_ends(joint_pos: np.ndarray, limits: CheckLimits) -> np.ndarray:
    """First and last frames from which joints jump: two at once, or right after the first. (T,)."""
    frames = len(joint_pos)
    wrong = np.zeros(frames, bool)
    jumps = joint_jumps(joint_pos, limits)
    for before in {jump.before for jump in jumps}:
        together = [jump for jump in jumps if jump.before == before]
        if len(together) < 2:
            continue
        after = max(jump.after for jump in together)
        if after <= SHORT:
            wrong[:after] = True
        if before >= frames - 1 - SHORT:
            wrong[before + 1 :] = True
    if frames > SHORT + 1:
        steps = np.abs(np.diff(joint_pos[: SHORT + 1], axis=0))
        alone = (steps[0] > _FIRST_STEP) & (steps[0] > limits.jump_ratio * steps[1:].max(axis=0))
        wrong[0] |= alone.any()
    return wrong


def join_teleports(
    clip: MotionClip, _: Robot, limits: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Move and turn, about the vertical, all that follows a teleport to where it should go on.

    The pose must go on: where joints jump too, two motions were put together, which is reported.
    A clip with terrain or objects is left alone, as they would stay behind.
    """
    changes = []
    for before in root_jumps(clip, limits).tolist():
        after = before + 1
        step = float(np.abs(clip.joint_pos[after] - clip.joint_pos[before]).max())
        away = float(np.linalg.norm((clip.root_pos[after] - clip.root_pos[before])[:2]))
        reason = ""
        if step > limits.jump_rad:
            reason = f"joints jump there too (by {step:.2f} rad); cut the clip in two"
        elif clip.objects or clip.terrain:
            reason = "its terrain and objects would stay behind; cut the clip in two"
        if not reason:
            clip = _joined(clip, before)
        changes.append(
            Change(
                kind="teleport",
                amount=away,
                unit="m",
                frames=tuple(range(after, clip.num_frames)) if not reason else (after,),
                message=f"teleport of {away:.2f} m after frame {before} "
                + (f"left alone: {reason}" if reason else "joined"),
                applied=not reason,
            )
        )
    return clip, changes


def _joined(clip: MotionClip, before: int) -> MotionClip:
    after = before + 1
    pos, quat = clip.root_pos.copy(), clip.root_quat_wxyz.copy()
    heading = quat_yaw(quat)
    turn = quat_multiply(heading[before], quat_conjugate(heading[after]))
    behind = pos[before] - pos[before - 1] if before > 0 else np.zeros(3)
    pivot = pos[after].copy()
    goal = pos[before] + behind
    moved = quat_rotate(turn, pos[after:] - pivot)
    pos[after:, :2] = goal[:2] + moved[:, :2]
    quat[after:] = quat_multiply(turn, quat[after:])
    return replace(clip, root_pos=pos, root_quat_wxyz=quat)
