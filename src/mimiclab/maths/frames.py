"""Relative-frame maths of motion tracking: where the reference is, seen from the robot.

Positions in metres, quaternions (w, x, y, z), world frame z up. `N` environments, `B` bodies.
"""

from array_api_compat import array_namespace

from mimiclab.maths.rotations import (
    Array,
    quat_conjugate,
    quat_multiply,
    quat_rotate_inverse,
    quat_to_matrix,
    quat_to_rot6d,
    quat_yaw,
)


def relative_pose(pos: Array, quat: Array, other_pos: Array, other_quat: Array) -> tuple:
    """Pose of `other` in the frame (pos, quat). Shapes (..., 3), (..., 4), broadcast."""
    return (
        quat_rotate_inverse(quat, other_pos - pos),
        quat_multiply(quat_conjugate(quat), other_quat),
    )


def reanchor(
    robot_anchor_pos: Array,
    robot_anchor_quat: Array,
    ref_anchor_pos: Array,
    ref_anchor_quat: Array,
    ref_body_pos: Array,
    ref_body_quat: Array,
) -> tuple[Array, Array]:
    """Move a reference pose under the robot: xy and heading follow the robot, height is kept.

    `dq = yaw(q_a * conj(q_a*))`, `p = (x_a, y_a, z_a*) + dq.rotate(p_b* - p_a*)`, `q = dq * q_b*`.
    Anchors (N, 3), (N, 4); bodies (N, B, 3), (N, B, 4). Source: BeyondMimic, section III.

    Returns:
        Re-anchored body positions (N, B, 3) and orientations (N, B, 4).
    """
    xp = array_namespace(robot_anchor_pos)
    turn = quat_yaw(quat_multiply(robot_anchor_quat, quat_conjugate(ref_anchor_quat)))
    c, s = turn[..., None, :1], turn[..., None, 3:]
    cos, sin = c * c - s * s, 2.0 * c * s  # of the whole angle
    base = xp.concat([robot_anchor_pos[..., :2], ref_anchor_pos[..., 2:]], axis=-1)
    offset = ref_body_pos - ref_anchor_pos[..., None, :]
    x, y = offset[..., :1], offset[..., 1:2]
    turned = xp.concat([cos * x - sin * y, sin * x + cos * y, offset[..., 2:]], axis=-1)
    # (c, 0, 0, s) * (w, x, y, z) = c (w, x, y, z) + s (-z, -y, x, w)
    w, x, y, z = (ref_body_quat[..., i : i + 1] for i in range(4))
    quat = c * ref_body_quat + s * xp.concat([-z, -y, x, w], axis=-1)
    return base[..., None, :] + turned, quat


def bodies_in_frame(
    pos: Array, quat: Array, body_pos: Array, body_quat: Array
) -> tuple[Array, Array]:
    """Body poses in the frame (pos, quat), orientations as the first two matrix columns.

    Shapes (N, 3), (N, 4), (N, B, 3), (N, B, 4). Equal to `relative_pose` followed by
    `quat_to_rot6d`, by one matrix product for all bodies.

    Returns:
        Positions (N, B, 3) and orientations (N, B, 6), elements R00 R01 R10 R11 R20 R21.
    """
    xp = array_namespace(pos)
    frame = quat_to_matrix(quat)
    columns = xp.reshape(quat_to_rot6d(body_quat), (*body_quat.shape[:-1], 3, 2))
    first, second = columns[..., 0] @ frame, columns[..., 1] @ frame  # v @ R = R^T v
    ori = xp.reshape(xp.stack([first, second], axis=-1), (*body_quat.shape[:-1], 6))
    return (body_pos - pos[..., None, :]) @ frame, ori
