"""Balance of a planned clip: the centre of mass follows from where the ground shall push.

The zero-moment point (ZMP) of the whole body is
`p = c - (c_z c'' + (L_y', -L_x') / m) / (g + c_z'')` for the horizontal components, with centre of
mass c, mass m and angular momentum L about c (Kajita et al. 2003).
"""

import numpy as np

from mimiclab.motions.synthesis.skeleton import Pose, Skeleton, derivative, second_derivative

GRAVITY = 9.81


def com_from_zmp(zmp: np.ndarray, com_height: np.ndarray, fps: float) -> np.ndarray:
    """Horizontal centre of mass (T, 2) whose ZMP, without angular momentum, is `zmp` (T, 2).

    The whole clip is one boundary-value problem, at rest over the ZMP at both ends, so the motion
    looks ahead: the sway begins before the first step, as with preview control.
    `com_height` (T,), m.
    """
    frames = len(zmp)
    gain = com_height / (GRAVITY + second_derivative(com_height, fps)) * fps**2
    gain[0] = gain[-1] = 0.0
    matrix = np.diag(1.0 + 2.0 * gain)
    inner = np.arange(1, frames - 1)
    matrix[inner, inner - 1] = matrix[inner, inner + 1] = -gain[inner]
    return np.linalg.solve(matrix, zmp)


def zmp_of(skeleton: Skeleton, pose: Pose, fps: float) -> np.ndarray:
    """ZMP on the ground plane z = 0 of a moving robot. (T, 2); undefined in free fall."""
    acceleration = second_derivative(pose.com, fps)
    torque = derivative(skeleton.angular_momentum(pose, fps), fps) / skeleton.total_mass
    moment = pose.com[:, 2:] * acceleration[:, :2] + np.stack([torque[:, 1], -torque[:, 0]], axis=1)
    return pose.com[:, :2] - moment / (GRAVITY + acceleration[:, 2:])
