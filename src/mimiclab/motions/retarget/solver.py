"""One least-squares problem for a whole clip: damped Gauss-Newton under hard joint limits."""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.maths.rotations import quat_slerp
from mimiclab.motions.retarget.descent import Descent, State, root_steps
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import RetargetProblem
from mimiclab.motions.skeleton import Skeleton

_HELD = 2
"""Frames at the start of a window that the window before has settled: position and speed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """Result of a solve."""

    qpos: np.ndarray
    """Root position in m, root quaternion wxyz, joints in rad: (T, 7 + J)."""
    iterations: int
    """Linear systems solved over all frames, the most of any window."""
    cost: float
    """Final value of the objective, m^2 summed over frames."""


def solve(problem: RetargetProblem, cfg: SolveCfg | None = None) -> Solution:
    """The motion of the robot that fits the problem best. Joint limits hold exactly.

    First a few frames a second, from the default pose; then all of them, from the interpolated
    answer.

    Raises:
        RobotError: the robot has other joints than a free root and hinges.
        MotionError: the equations cannot be solved.
    """
    cfg = cfg or SolveCfg()
    last = problem.num_frames - 1
    stride = max(1, round(problem.fps / cfg.coarse_hz))
    coarse = np.unique(np.append(np.arange(0, last + 1, stride), last))
    every = np.arange(last + 1)
    # Limbs first find their way without being pushed about by the ground.
    rough = replace(cfg, tolerance=max(cfg.tolerance, _ROUGH))
    loose = replace(
        rough,
        ground=_LOOSE * cfg.ground,
        stand=_LOOSE * cfg.stand,
        flat=_LOOSE * cfg.flat,
        slide=_LOOSE * cfg.slide,
        self_collision=0.0,
    )
    skeleton = Skeleton(problem.robot)
    state = State(*first_guess(problem, coarse))
    for weights, iterations in zip((loose, rough), cfg.coarse_iterations, strict=True):
        state, _, _ = _in_windows(problem, weights, skeleton, coarse, state, iterations)
    state = _between(state, coarse, every)
    state, count, cost = _in_windows(problem, cfg, skeleton, every, state, cfg.fine_iterations)
    return Solution(qpos=state.qpos, iterations=count, cost=cost)


_ROUGH = 0.03
"""Tolerance of the coarse passes: what they find is refined anyway."""
_LOOSE = 0.1
"""Share of the weights on ground and sliding in the very first pass."""


def _in_windows(
    problem: RetargetProblem,
    cfg: SolveCfg,
    skeleton: Skeleton,
    frames: np.ndarray,
    state: State,
    iterations: int,
) -> tuple[State, int, float]:
    """Best coordinates of `frames` from a guess, in windows that each continue the one before."""
    start, total, most = 0, 0.0, 0
    wanted = root_steps(problem, cfg, frames)
    while True:
        stop = min(start + cfg.window, len(frames))
        part = slice(start, stop)
        descent = Descent(
            problem, cfg, skeleton, frames[part], wanted[start : stop - 1], _HELD if start else 0
        )
        found, count, cost = descent.run(state.part(part), iterations)
        state = state.replaced(part, found)
        total, most = total + cost, max(most, count)
        if stop == len(frames):
            return state, most, total
        start = stop - cfg.overlap


def _between(state: State, given: np.ndarray, wanted: np.ndarray) -> State:
    """Coordinates at all frames `wanted` from those at `given`, which span them."""
    if len(given) == 1:
        return state
    high = np.clip(np.searchsorted(given, wanted, side="right"), 1, len(given) - 1)
    low = high - 1
    blend = (wanted - given[low]) / (given[high] - given[low])

    def mix(values: np.ndarray) -> np.ndarray:
        return values[low] + blend[:, None] * (values[high] - values[low])

    quat = quat_slerp(state.quat[low], state.quat[high], blend)
    return replace(state, root_pos=mix(state.root_pos), quat=quat, joints=mix(state.joints))
