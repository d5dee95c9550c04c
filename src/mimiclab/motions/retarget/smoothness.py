"""Cost of velocity and acceleration of the generalised coordinates, and its normal equations."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_conjugate, quat_multiply, quat_to_rotvec
from mimiclab.motions.retarget.banded import BandedSystem


@dataclass(frozen=True, eq=False)
class Smoothness:
    """w_v^2 |v - v*|^2 + w_a^2 |a - a*|^2 for each frame, by differences at `fps`.

    The root's v* and a* are those of the source: its own bounces are no roughness. A joint's are 0.
    """

    fps: float
    velocity: np.ndarray
    """Weights (n,): m per m/s, m per rad/s."""
    acceleration: np.ndarray
    """Weights (n,): m per m/s^2, m per rad/s^2."""
    wanted: np.ndarray
    """Steps of the source (T - 1, n), see `steps`."""

    def evaluate(self, root_pos: np.ndarray, quat: np.ndarray, joints: np.ndarray) -> "Smooth":
        """Differences and their cost for root positions (T, 3), quaternions (T, 4), joints."""
        turn, step = steps(root_pos, quat, joints)
        off = step - self.wanted
        v, a = self.velocity * self.fps, self.acceleration * self.fps**2
        return Smooth(turn, off, np.diff(off, axis=0), v * v, a * a)


def steps(
    root_pos: np.ndarray, quat: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation of the root from frame to frame (T - 1, 3), and change of all coordinates."""
    turn = quat_to_rotvec(quat_multiply(quat[1:], quat_conjugate(quat[:-1])))
    change = [np.diff(root_pos, axis=0), turn, np.diff(joints, axis=0)]
    return turn, np.concatenate(change, axis=1)


@dataclass(frozen=True, eq=False)
class Smooth:
    """Differences at one iterate."""

    turn: np.ndarray
    """Rotation vectors of the root's steps (T - 1, 3)."""
    step: np.ndarray
    """Steps less the wanted ones (T - 1, n)."""
    bend: np.ndarray
    """Changes of `step` (T - 2, n)."""
    velocity: np.ndarray
    """Squared weights (n,) of `step`."""
    acceleration: np.ndarray
    """Squared weights (n,) of `bend`."""

    @property
    def cost(self) -> np.ndarray:
        """Of each frame (T,), m^2."""
        cost = np.zeros(len(self.step) + 1)
        cost[1:] += self.step**2 @ self.velocity
        cost[1:-1] += self.bend**2 @ self.acceleration
        return cost

    def add_to(self, system: BandedSystem, right: np.ndarray) -> None:
        """Normal equations into `system`, minus the gradient into `right` (T, n)."""
        count, size = right.shape
        pull_v, pull_a = self.velocity * self.step, self.acceleration * self.bend
        flat = np.r_[0:3, 6:size]
        right[:-1, flat] += pull_v[:, flat]
        right[1:, flat] -= pull_v[:, flat]
        right[:-2, flat] -= pull_a[:, flat]
        right[1:-1, flat] += 2 * pull_a[:, flat]
        right[2:, flat] -= pull_a[:, flat]

        steps, bends = np.zeros(count), np.zeros(count)
        steps[:-1] += 1
        steps[1:] += 1
        bends[:-2] += 1
        bends[1:-1] += 4
        bends[2:] += 1
        v, a = self.velocity.copy(), self.acceleration.copy()
        v[3:6] = a[3:6] = 0.0
        system.add_diagonal(0, steps[:, None] * v + bends[:, None] * a)
        if count > 1:
            inner = np.zeros(count - 1)
            inner[:-1] += 2
            inner[1:] += 2
            system.add_diagonal(1, -v - inner[:, None] * a)
        if count > 2:
            system.add_diagonal(2, np.broadcast_to(a, (count - 2, size)))
        if count > 1:
            self._add_rotation(system, right)

    def _add_rotation(self, system: BandedSystem, right: np.ndarray) -> None:
        """The root's turns d = log(R' R^T): dd = A x' - B x for world rotations x' and x."""
        after = _inverse_left_jacobian(self.turn)
        before = np.swapaxes(after, 1, 2)
        v, a = self.velocity[3:6], self.acceleration[3:6]
        root = np.arange(3, 6)
        blocks = [np.zeros((max(len(right) - k, 0), 3, 3)) for k in range(3)]

        def add(residual: np.ndarray, parts: list[np.ndarray], weight: np.ndarray) -> None:
            """A residual of consecutive frames t, t + 1, ... with derivative `parts`."""
            count = len(residual)
            for i, left in enumerate(parts):
                weighted = np.swapaxes(left, 1, 2) * weight
                right[i : i + count, 3:6] -= (weighted @ residual[..., None])[..., 0]
                for j in range(i + 1):
                    blocks[i - j][j : j + count] += weighted @ parts[j]

        add(self.step[:, 3:6], [-before, after], v)
        if len(self.turn) > 1:
            middle = -before[1:] - after[:-1]
            add(self.bend[:, 3:6], [before[:-1], middle, after[1:]], a)
        system.add_blocks(blocks[0], first=3)
        for apart in (1, 2):
            if len(right) > apart:
                system.add_couplings(apart, root, root, blocks[apart])


def _inverse_left_jacobian(d: np.ndarray) -> np.ndarray:
    """Derivative of log(exp(x) exp(d)) at x = 0, for rotation vectors (T, 3). (T, 3, 3)."""
    x, y, z = d.T
    zero = np.zeros(len(d))
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    angle = np.linalg.norm(d, axis=1)
    half = 0.5 * np.maximum(angle, 1e-4)
    factor = (1.0 - half / np.tan(half)) / (4.0 * half**2)
    return np.eye(3) - 0.5 * skew + factor[:, None, None] * (skew @ skew)
