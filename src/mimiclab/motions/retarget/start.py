"""A first guess: the root where hips and chest say, joints in the default pose."""

import numpy as np
from scipy.spatial.transform import Rotation

from mimiclab.motions.retarget.proportions import stature
from mimiclab.motions.retarget.targets import RetargetProblem


def first_guess(
    problem: RetargetProblem, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Root position (T, 3), root quaternion (T, 4) and joints (T, J) for chosen frames (T,)."""
    robot = problem.robot
    body = stature(robot)
    names = problem.landmark_names
    target = problem.target_pos[frames]
    rest = np.stack([body.of(name) for name in names])[None]
    rotation = pelvis_frame(target, names) @ pelvis_frame(rest, names)[0].T
    position = target[:, names.index("pelvis")] - rotation @ (body.of("pelvis") - body.root)
    quat = Rotation.from_matrix(rotation).as_quat(scalar_first=True)
    low, high = robot.joint_limits.T
    joints = np.clip(robot.default_pose, low, high)
    return position, quat, np.tile(joints, (len(frames), 1))


def pelvis_frame(pos: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Axes forward, left and up of landmarks (T, L, 3) as columns (T, 3, 3).

    Left is from hip to hip, up as near as that allows to the next landmark above the pelvis.
    """
    left = pos[:, names.index("left_hip")] - pos[:, names.index("right_hip")]
    above = next((n for n in ("chest", "neck", "head") if n in names), None)
    if above is None:
        up = np.broadcast_to([0.0, 0.0, 1.0], left.shape)
    else:
        up = pos[:, names.index(above)] - pos[:, names.index("pelvis")]
    left = _unit(left)
    forward = _unit(np.cross(left, up))
    return np.stack([forward, left, np.cross(forward, left)], axis=-1)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
