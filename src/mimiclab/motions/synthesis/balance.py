"""Balance of a planned clip: the centre of mass follows from where the ground shall push.

The zero-moment point (ZMP) of the whole body is
`p = c - (c_z c'' + (L_y', -L_x') / m) / (g + c_z'')` for the horizontal components, with centre of
mass c, mass m and angular momentum L about c (Kajita et al. 2003).
"""

import numpy as np

from mimiclab.motions.skeleton import Pose, Skeleton, derivative, second_derivative

GRAVITY = 9.81


def com_from_zmp(zmp: np.ndarray, com_height: np.ndarray, fps: float) -> np.ndarray:
    """Horizontal centre of mass (T, 2) whose ZMP, without angular momentum, is `zmp` (T, 2).

    The whole clip is one boundary-value problem, at rest over the ZMP at both ends, so the motion
    looks ahead: the sway begins before the first step, as with preview control.
    `com_height` (T,), m.
    """
    gain = com_height / (GRAVITY + second_derivative(com_height, fps)) * fps**2
    gain[0] = gain[-1] = 0.0
    # (1 + 2 gain) c[t] - gain (c[t-1] + c[t+1]) = zmp[t]: eliminate forwards, insert backwards.
    com, ratio = np.array(zmp, float), np.zeros(len(zmp))
    for t in range(1, len(zmp)):
        pivot = 1.0 + gain[t] * (2.0 - ratio[t - 1])
        ratio[t] = gain[t] / pivot
        com[t] = (com[t] + gain[t] * com[t - 1]) / pivot
    for t in range(len(zmp) - 2, -1, -1):
        com[t] += ratio[t] * com[t + 1]
    return com


def zmp_of(skeleton: Skeleton, pose: Pose, fps: float) -> np.ndarray:
    """ZMP on the ground plane z = 0 of a moving robot. (T, 2); undefined in free fall."""
    acceleration = second_derivative(pose.com, fps)
    torque = derivative(skeleton.angular_momentum(pose, fps), fps) / skeleton.total_mass
    moment = pose.com[:, 2:] * acceleration[:, :2] + np.stack([torque[:, 1], -torque[:, 0]], axis=1)
    return pose.com[:, :2] - moment / (GRAVITY + acceleration[:, 2:])
