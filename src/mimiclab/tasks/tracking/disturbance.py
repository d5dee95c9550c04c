"""How far the robot is put off the reference: by pushes, and at reset. Source: BeyondMimic."""

import torch
from mjlab.utils.lab_api.math import quat_from_euler_xyz, quat_mul

from mimiclab.motions.library import MotionFrame

PUSH_VELOCITY = (0.5, 0.5, 0.2, 0.52, 0.52, 0.78)
"""Largest change of root velocity in x, y, z (m/s), roll, pitch, yaw (rad/s) by a push."""
RESET_POSE = (0.05, 0.05, 0.01, 0.1, 0.1, 0.2)
"""Largest error of the root pose at reset in x, y, z (m), roll, pitch, yaw (rad)."""
RESET_JOINT_POS = 0.1
"""Largest error of a joint angle at reset, rad."""


def reset_spread(joints: int, device: torch.device | str) -> torch.Tensor:
    """Largest errors of a state at reset, (12 + J,): root pose, root velocity, joint angles."""
    spread = [*RESET_POSE, *PUSH_VELOCITY, *[RESET_JOINT_POS] * joints]
    return torch.tensor(spread, device=device)


def disturbed(
    frame: MotionFrame, origins: torch.Tensor, error: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The states of references that are off by some errors.

    Args:
        frame: references of n environments.
        origins: of the environments, added to positions, m, (n, 3).
        error: in the order of `reset_spread`, (n, 12 + J).

    Returns:
        Joint angles, rad, (n, J), and root states (n, 13): position, orientation, linear and
        angular velocity, in the world.
    """
    turn = quat_from_euler_xyz(error[:, 3], error[:, 4], error[:, 5])
    root = [
        frame.body_pos_w[:, 0] + origins + error[:, :3],
        quat_mul(turn, frame.body_quat_w[:, 0]),
        frame.body_lin_vel_w[:, 0] + error[:, 6:9],
        frame.body_ang_vel_w[:, 0] + error[:, 9:12],
    ]
    return frame.joint_pos + error[:, 12:], torch.cat(root, dim=-1)
