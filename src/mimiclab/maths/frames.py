"""Relative-frame maths of motion tracking: where the reference is, seen from the robot.

Positions in metres, quaternions (w, x, y, z), world frame z up. `N` environments, `B` bodies.
"""

from array_api_compat import array_namespace

from mimiclab.maths.rotations import (
    Array,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
    quat_rotate_inverse,
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
    base = xp.concat([robot_anchor_pos[..., :2], ref_anchor_pos[..., 2:]], axis=-1)
    offset = ref_body_pos - ref_anchor_pos[..., None, :]
    turn = turn[..., None, :]
    return base[..., None, :] + quat_rotate(turn, offset), quat_multiply(turn, ref_body_quat)
