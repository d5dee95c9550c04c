"""Levenberg-Marquardt over all frames of a window, with joint limits as hard bounds."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply, quat_slerp, quat_to_matrix
from mimiclab.motions.retarget.banded import BandedSystem
from mimiclab.motions.retarget.composite import Composite
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.residuals import BodyResiduals, Linearised
from mimiclab.motions.retarget.smoothness import Smooth, Smoothness, steps
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import RetargetProblem
from mimiclab.motions.skeleton import Pose, Skeleton

_MOST_STEP = 0.6
"""Largest change of a coordinate in one step, m or rad: linearisation holds no further."""

_SLIM = np.float32
"""Of the matrix, which need not be exact where the gradient is: half the memory, twice as fast."""
_OVERSHOOT = 5e-3
"""Steps beyond a limit that are cut off without asking the other joints, rad."""
_DAMPING = 2e-2
"""Of the first step, m^2 per m^2 or rad^2. More leads limbs into worse minima, less throws them."""


@dataclass(frozen=True, eq=False)
class State:
    """Generalised coordinates of T frames."""

    root_pos: np.ndarray
    """(T, 3), m."""
    quat: np.ndarray
    """(T, 4), wxyz."""
    joints: np.ndarray
    """(T, J), rad."""

    @property
    def qpos(self) -> np.ndarray:
        """MuJoCo's generalised positions (T, 7 + J)."""
        return np.concatenate([self.root_pos, self.quat, self.joints], axis=1)

    def part(self, frames: slice | np.ndarray) -> "State":
        """Some of the frames."""
        return State(self.root_pos[frames], self.quat[frames], self.joints[frames])

    def mixed(self, other: "State", share: np.ndarray) -> "State":
        """Between this (share 0) and another (share 1) of as many frames; `share` is (T,)."""
        part = share[:, None]
        return State(
            self.root_pos + part * (other.root_pos - self.root_pos),
            quat_slerp(self.quat, other.quat, share),
            self.joints + part * (other.joints - self.joints),
        )

    @staticmethod
    def joined(parts: "list[State]") -> "State":
        """One after the other."""
        return State(
            np.concatenate([part.root_pos for part in parts]),
            np.concatenate([part.quat for part in parts]),
            np.concatenate([part.joints for part in parts]),
        )

    def moved(self, step: np.ndarray, low: np.ndarray, high: np.ndarray) -> "State":
        """After a step (T, 6 + J): rotation in world axes, joints held inside their limits."""
        return State(
            self.root_pos + step[:, :3],
            quat_multiply(quat_from_rotvec(step[:, 3:6]), self.quat),
            np.clip(self.joints + step[:, 6:], low, high),
        )


@dataclass(frozen=True, eq=False)
class _Iterate:
    """Everything known at one state."""

    state: State
    pose: Pose
    bodies: Linearised
    smooth: Smooth
    cost: np.ndarray
    """Of each frame (T,), m^2."""


class Descent:
    """The objective over chosen frames of a problem, and its minimiser."""

    def __init__(
        self,
        problem: RetargetProblem,
        cfg: SolveCfg,
        skeleton: Skeleton,
        frames: np.ndarray,
        wanted: np.ndarray,
    ) -> None:
        """`wanted` are the root's steps between the frames, see `root_steps`."""
        robot = problem.robot
        self.cfg, self.skeleton = cfg, skeleton
        self.composite = Composite(skeleton)
        self.residuals = BodyResiduals(problem, cfg, skeleton, frames)
        self.low, self.high = robot.joint_limits.T
        self.rest = np.clip(robot.default_pose, self.low, self.high)
        size = self.composite.size
        velocity, acceleration = np.zeros(size), np.zeros(size)
        velocity[6:] = cfg.velocity
        acceleration[:3], acceleration[3:6] = cfg.root_acceleration, cfg.root_turning
        acceleration[6:] = cfg.joint_acceleration
        rate = problem.fps / frame_gap(frames)
        self.smoothness = Smoothness(rate, velocity, acceleration, wanted)

    def run(self, state: State, iterations: int) -> tuple[State, int, float]:
        """The best state found from a start, the number of steps tried, and its cost."""
        frames = len(state.joints)
        now = self._at(state.moved(np.zeros((frames, self.composite.size)), self.low, self.high))
        damping = np.full(frames, _DAMPING)
        system, right = self._system(now)
        count = 0
        while count < iterations:
            count += 1
            step = self._step(now.state, system, right, damping)
            then = self._at(now.state.moved(step, self.low, self.high))
            before, after = float(now.cost.sum()), float(then.cost.sum())
            # Frames near one that got worse were led too far; the others may go on as they did.
            worse = _spread(then.cost > now.cost + 1e-3 * before / frames)
            damping = np.where(worse, 30.0 * damping, 0.2 * damping).clip(1e-6, 1e4)
            promised = float(np.sum(right * step))
            if after < before:
                now = then
            least = self.cfg.tolerance * before
            if promised < least or 0.0 < before - after < least:
                break
            if after >= before:
                continue
            system, right = self._system(now)
        return now.state, count, float(now.cost.sum())

    def _step(
        self, state: State, system: BandedSystem, right: np.ndarray, damping: np.ndarray
    ) -> np.ndarray:
        """Least-squares step (T, 6 + J) that ends inside the joint limits."""
        known = np.where(self._free(state, right), np.nan, 0.0)
        step = system.solve(right, known, damping)
        largest = np.abs(step).max(axis=1, keepdims=True)
        if largest.max() > _MOST_STEP:
            return step * np.minimum(1.0, _MOST_STEP / largest)
        # Joints that would leave their range stop at its end, and the others make up for it.
        there = np.clip(state.joints + step[:, 6:], self.low, self.high) - state.joints
        crossing = np.isnan(known[:, 6:]) & (np.abs(there - step[:, 6:]) > _OVERSHOOT)
        if not crossing.any():
            return step
        known[:, 6:][crossing] = there[crossing]
        return system.solve(right, known, damping)

    def _at(self, state: State) -> _Iterate:
        pose = self.skeleton.pose(state.root_pos, quat_to_matrix(state.quat), state.joints)
        bodies = self.residuals.evaluate(pose)
        smooth = self.smoothness.evaluate(state.root_pos, state.quat, state.joints)
        posture = np.sum((self.cfg.posture * (self.rest - state.joints)) ** 2, axis=1)
        return _Iterate(state, pose, bodies, smooth, bodies.cost + smooth.cost + posture)

    def _system(self, now: _Iterate) -> tuple[BandedSystem, np.ndarray]:
        """Normal equations: matrix, and minus half the gradient of the cost (T, 6 + J)."""
        screws = self.composite.screws(now.pose)
        inertia, wrench = now.bodies.inertia(self.residuals.bodies, _SLIM)
        blocks, right = self.composite.normal_blocks(screws, inertia, wrench)
        now.bodies.add_pairs(screws, blocks, right)
        system = BandedSystem(len(right), self.composite.size, _SLIM)
        system.add_blocks(blocks)
        now.bodies.add_couplings(system, self.composite, screws)
        now.smooth.add_to(system, right)
        weight = np.zeros(self.composite.size)
        weight[6:] = self.cfg.posture**2
        system.add_diagonal(0, np.broadcast_to(weight, right.shape))
        right[:, 6:] += weight[6:] * (self.rest - now.state.joints)
        return system, right

    def _free(self, state: State, right: np.ndarray) -> np.ndarray:
        """Coordinates that may move: not at a limit that the cost pushes them against."""
        free = np.ones(right.shape, bool)
        pull = right[:, 6:]
        free[:, 6:] &= ~((state.joints <= self.low) & (pull < 0))
        free[:, 6:] &= ~((state.joints >= self.high) & (pull > 0))
        return free


def frame_gap(frames: np.ndarray) -> float:
    """Usual distance of chosen frames. Costs are sums over frames: fewer a second must not make
    motion cheaper.
    """
    return float(np.median(np.diff(frames))) if len(frames) > 1 else 1.0


def root_steps(problem: RetargetProblem, cfg: SolveCfg, frames: np.ndarray) -> np.ndarray:
    """Steps of the source's root between frames (F,), without its noise: (F - 1, 6 + J)."""
    raw = steps(*first_guess(problem, frames))[1]
    if len(raw) < 2:
        return raw
    width = cfg.root_smoothing_s * problem.fps / frame_gap(frames)
    return gaussian_filter1d(raw, width, axis=0)


def _spread(mask: np.ndarray, reach: int = 4) -> np.ndarray:
    """True within `reach` frames of a true one."""
    return maximum_filter1d(mask, 2 * reach + 1)
