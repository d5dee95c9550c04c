"""Normal equations of a kinematic tree without Jacobian rows, as rigid-body dynamics does it.

A residual at a body has the gradient f (a wrench) with respect to the body's twist, and a joint
adds its screw s to the twists of all bodies it carries. So the residual's Jacobian is f . s, and
J^T J between joints j and k, j before k on one limb, is s_j^T M_k s_k, where M_k sums w f f^T over
all bodies beyond k. That is the composite-rigid-body algorithm for the mass matrix (Featherstone,
Rigid Body Dynamics Algorithms, 2008, section 6.2) with residuals in place of masses: its cost does
not grow with the number of residuals. Twists and wrenches are (angular, linear) in world axes
about the root's origin of each frame. T frames, B bodies, n = 6 + J coordinates: root translation,
root rotation (world axes), joints.
"""

import numpy as np

from mimiclab.motions.skeleton import Pose, Skeleton


class Composite:
    """The tree's bookkeeping, made once for a robot."""

    def __init__(self, skeleton: Skeleton) -> None:
        joints = len(skeleton.joint_names)
        self.size = 6 + joints
        self.body = np.concatenate([np.zeros(6, int), skeleton.joint_body])
        self.children_first = [
            (b, skeleton.parent[b]) for b in range(len(skeleton.parent) - 1, 0, -1)
        ]
        # before[j, k]: coordinate j moves the body of coordinate k, and does not come after k
        moved = np.concatenate([np.ones((len(self.body), 6)), skeleton.moves[self.body]], axis=1)
        self.before = np.triu(moved.T)
        self.chains = [
            np.concatenate([np.arange(6), 6 + np.flatnonzero(row)]) for row in skeleton.moves
        ]
        """Coordinates that move each body."""

    def screws(self, pose: Pose) -> np.ndarray:
        """Twist of every coordinate per unit speed. Shape (T, n, 6)."""
        frames = len(pose.joints)
        out = np.zeros((frames, self.size, 6))
        out[:, [0, 1, 2], [3, 4, 5]] = 1.0
        out[:, [3, 4, 5], [0, 1, 2]] = 1.0
        out[:, 6:, :3] = pose.axes
        out[:, 6:, 3:] = cross(pose.anchors - pose.root_pos[:, None], pose.axes)
        return out

    def normal_blocks(
        self, screws: np.ndarray, inertia: np.ndarray, wrench: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower triangle of J^T W J (T, n, n), and J^T W r (T, n).

        Args:
            screws: of the coordinates (T, n, 6).
            inertia: sum of w f f^T for each body (B, T, 6, 6), of any precision; used up.
            wrench: sum of w r f for each body (B, T, 6); used up.
        """
        for body, parent in self.children_first:
            inertia[parent] += inertia[body]
            wrench[parent] += wrench[body]
        gradient = np.empty(screws.shape[:2])
        slim = screws.astype(inertia.dtype, copy=False)
        force = np.empty_like(slim)
        for k, body in enumerate(self.body):
            force[:, k] = (inertia[body] @ slim[:, k, :, None])[..., 0]
            gradient[:, k] = np.einsum("ti,ti->t", screws[:, k], wrench[body])
        blocks = force @ np.swapaxes(slim, 1, 2)
        blocks *= self.before.T.astype(blocks.dtype)
        return blocks, gradient


def point_rows(arm: np.ndarray) -> np.ndarray:
    """Wrenches of the world x, y and z of points at `arm` (..., 3) from the root: (..., 3, 6)."""
    out = np.zeros((*arm.shape[:-1], 3, 6))
    x, y, z = np.moveaxis(arm, -1, 0)
    out[..., 0, 1], out[..., 0, 2], out[..., 0, 3] = z, -y, 1.0
    out[..., 1, 0], out[..., 1, 2], out[..., 1, 4] = -z, x, 1.0
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 5] = y, -x, 1.0
    return out


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of (..., 3); several times faster than `numpy.cross`."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
