"""Where a second figure stands beside the first."""

import numpy as np

from mimiclab.maths.rotations import quat_rotate


def to_the_left(root_quat_wxyz: np.ndarray, distance_m: float) -> np.ndarray:
    """Horizontal step to the left of a figure with this orientation (4,). Shape (3,), m."""
    left = quat_rotate(root_quat_wxyz, np.array([0.0, 1.0, 0.0]))
    left[2] = 0.0
    return distance_m * left / max(float(np.linalg.norm(left)), 1e-6)
