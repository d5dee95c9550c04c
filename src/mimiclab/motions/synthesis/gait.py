"""Feet that step, and the ground push that goes with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimiclab.motions.synthesis.plan import Plan, Stance, rest
from mimiclab.motions.synthesis.profiles import bump, smoothstep

LEFT, RIGHT = 0, 1


@dataclass(frozen=True)
class Step:
    """Where a foot goes next; the stance's origin and heading are the world's."""

    side: int
    """LEFT or RIGHT."""
    x: float
    """Ankle, m."""
    y: float
    """Ankle, m."""
    yaw: float = 0.0
    """rad."""


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Timing of a gait."""

    swing_s: float = 0.45
    """A foot's time in the air."""
    double_support_s: float = 0.25
    """Time between steps, in which the push moves from one foot to the other."""
    clearance: float = 0.05
    """Height of the swing foot, m."""
    settle_s: float = 0.9
    """Standing before and after, long enough for the centre of mass to come to rest."""


def gait(start: Stance, steps: Sequence[Step], rhythm: Rhythm, fps: float) -> Plan:
    """Plan of one step after the other, from and to standing; feet stay flat.

    The push stands still under the supporting foot while the other swings, so a model of the
    supporting foot's width decides the balance. Pelvis and torso head where both feet point on
    average.
    """
    stride = rhythm.swing_s + rhythm.double_support_s
    seconds = 2 * rhythm.settle_s + len(steps) * stride + rhythm.double_support_s
    plan = rest(start, seconds, fps)
    t = plan.times
    feet, turn = plan.feet_pos, plan.feet_turn
    zmp = plan.zmp.copy()
    where = [feet[0, side].copy() for side in (LEFT, RIGHT)]
    heading = [0.0, 0.0]
    push = zmp[0].copy()

    def shift_to(goal: np.ndarray, at: float) -> np.ndarray:
        zmp[:] += smoothstep((t - at) / rhythm.double_support_s)[:, None] * (goal - push)
        return goal

    for number, step in enumerate(steps):
        shift = rhythm.settle_s + number * stride
        other = 1 - step.side
        push = shift_to(_under(where[other], heading[other], start), shift)
        swing = (t - shift - rhythm.double_support_s) / rhythm.swing_s
        goal = np.array([step.x, step.y, start.ankle_height])
        # Up before forward and forward before down: no scuffing.
        go = smoothstep((swing - 0.1) / 0.8)
        feet[:, step.side] += go[:, None] * (goal - where[step.side])
        feet[:, step.side, 2] += rhythm.clearance * bump(swing)
        turn[:, step.side, 0] += go * (step.yaw - heading[step.side])
        where[step.side], heading[step.side] = goal, step.yaw
    both = [_under(where[side], heading[side], start) for side in (LEFT, RIGHT)]
    push = shift_to(0.5 * (both[0] + both[1]), rhythm.settle_s + len(steps) * stride)
    yaw = turn[:, :, 0].mean(axis=1)
    plan.pelvis[:, 0], plan.torso[:, 0] = yaw, yaw
    return replace(plan, zmp=zmp)


def _under(ankle: np.ndarray, yaw: float, start: Stance) -> np.ndarray:
    return ankle[:2] + start.com_ahead * np.array([np.cos(yaw), np.sin(yaw)])
