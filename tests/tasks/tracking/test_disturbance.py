import math
from types import SimpleNamespace

import torch

from mimiclab.tasks.tracking.disturbance import (
    PUSH_VELOCITY,
    RESET_JOINT_POS,
    RESET_POSE,
    disturbed,
    reset_spread,
)

JOINTS = 4


def references(n: int = 3) -> SimpleNamespace:
    pose = {"body_pos_w": torch.randn(n, 2, 3), "body_quat_w": torch.zeros(n, 2, 4)}
    pose["body_quat_w"][..., 0] = 1.0
    speed = {name: torch.randn(n, 2, 3) for name in ("body_lin_vel_w", "body_ang_vel_w")}
    return SimpleNamespace(joint_pos=torch.randn(n, JOINTS), **pose, **speed)


def test_without_errors_the_robot_is_where_the_reference_is():
    frame, origins = references(), torch.tensor([[0.0, 0, 0], [5, 0, 0], [0, 7, 0]])
    joints, root = disturbed(frame, origins, torch.zeros(3, 12 + JOINTS))
    assert torch.equal(joints, frame.joint_pos)
    assert torch.equal(root[:, :3], frame.body_pos_w[:, 0] + origins)
    assert torch.equal(root[:, 3:7], frame.body_quat_w[:, 0])
    assert torch.equal(root[:, 7:10], frame.body_lin_vel_w[:, 0])
    assert torch.equal(root[:, 10:], frame.body_ang_vel_w[:, 0])


def test_each_error_lands_where_its_spread_says():
    spread = reset_spread(JOINTS, "cpu")
    assert spread.tolist() == torch.tensor([*RESET_POSE, *PUSH_VELOCITY, *[0.1] * 4]).tolist()
    frame = references(1)
    joints, root = disturbed(frame, torch.zeros(1, 3), spread[None])
    torch.testing.assert_close(joints - frame.joint_pos, torch.full((1, 4), RESET_JOINT_POS))
    torch.testing.assert_close(root[0, :3] - frame.body_pos_w[0, 0], torch.tensor(RESET_POSE[:3]))
    moved = torch.cat([root[0, 7:10] - frame.body_lin_vel_w[0, 0], root[0, 10:]])
    moved[3:] -= frame.body_ang_vel_w[0, 0]
    torch.testing.assert_close(moved, torch.tensor(PUSH_VELOCITY))
    yaw = torch.zeros(1, 12 + JOINTS)
    yaw[0, 5] = 0.2
    turned = disturbed(frame, torch.zeros(1, 3), yaw)[1][0, 3:7]
    torch.testing.assert_close(turned, torch.tensor([math.cos(0.1), 0.0, 0.0, math.sin(0.1)]))
