"""One least-squares problem for a whole clip: damped Gauss-Newton under hard joint limits."""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.motions.retarget.descent import Descent, State, root_steps
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import RetargetProblem
from mimiclab.motions.retarget.windows import solve_windows
from mimiclab.motions.skeleton import Skeleton


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
    skeleton = Skeleton(problem.robot)
    # Limbs first find their way without being pushed about by the ground.
    rough = replace(cfg, tolerance=max(cfg.tolerance, _ROUGH))
    loose = replace(
        rough,
        stand=_LOOSE * cfg.stand,
        flat=_LOOSE * cfg.flat,
        ground=_LOOSE * cfg.ground,
        slide=_LOOSE * cfg.slide,
        self_collision=0.0,
    )
    state, before, count, cost = None, np.zeros(0, int), 0, 0.0
    for weights, rate, iterations in zip(
        (loose, rough, cfg), (*cfg.coarse_hz, problem.fps), cfg.iterations, strict=True
    ):
        frames = _frames_at(problem, rate)
        # At first minutes at a time, so that limbs agree on their way.
        window_s = cfg.window_s * (_FIRST_WINDOW if state is None else 1.0)
        if state is None:
            state = State(*first_guess(problem, frames))
        else:
            state = _between(state, before, frames)
        wanted = root_steps(problem, weights, frames)

        def part(
            window: slice,
            state=state,
            weights=weights,
            frames=frames,
            wanted=wanted,
            most=iterations,
        ) -> tuple[State, int, float]:
            steps = wanted[window.start : window.stop - 1]
            descent = Descent(problem, weights, skeleton, frames[window], steps)
            return descent.run(state.part(window), most)

        sizes = (round(seconds * min(rate, problem.fps)) for seconds in (window_s, cfg.overlap_s))
        state, count, cost = solve_windows(part, len(frames), *sizes)
        before = frames
    assert state is not None
    return Solution(qpos=state.qpos, iterations=count, cost=cost)


def _frames_at(problem: RetargetProblem, rate: float) -> np.ndarray:
    """Frames at about a rate, the first and the last among them."""
    last = problem.num_frames - 1
    stride = max(1, round(problem.fps / rate))
    return np.unique(np.append(np.arange(0, last + 1, stride), last))


_FIRST_WINDOW = 8.0
"""Length of the windows of the first pass over those of the others."""
_ROUGH = 0.03
"""Tolerance of the coarse passes: what they find is refined anyway."""
_LOOSE = 0.1
"""Share of the weights on ground and sliding in the very first pass."""


def _between(state: State, given: np.ndarray, wanted: np.ndarray) -> State:
    """Coordinates at all frames `wanted` from those at `given`, which span them."""
    if len(given) == 1:
        return state
    high = np.clip(np.searchsorted(given, wanted, side="right"), 1, len(given) - 1)
    low = high - 1
    share = (wanted - given[low]) / (given[high] - given[low])
    return state.part(low).mixed(state.part(high), share)
