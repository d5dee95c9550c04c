"""Normal equations of the tree against Jacobian rows of MuJoCo."""

import mujoco
import numpy as np
import pytest

from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.motions.retarget.composite import Composite, cross, point_rows
from mimiclab.motions.skeleton import Skeleton
from mimiclab.robots import get_robot


def _random_qpos(robot, count: int, seed: int = 0) -> np.ndarray:
    """Random poses (count, 7 + J) within the joint limits."""
    random = np.random.default_rng(seed)
    quat = random.normal(size=(count, 4))
    return np.concatenate(
        [
            random.normal(size=(count, 3)),
            quat / np.linalg.norm(quat, axis=1, keepdims=True),
            random.uniform(*robot.joint_limits.T, size=(count, robot.num_joints)),
        ],
        axis=1,
    )


@pytest.mark.parametrize("name", ["unitree_g1", "dm_cmu_humanoid"])
def test_blocks_and_gradient_are_those_of_mujocos_jacobians(name):
    robot = get_robot(name)
    skeleton, model = Skeleton(robot), robot.model
    composite, data = Composite(skeleton), mujoco.MjData(robot.model)
    qpos = _random_qpos(robot, 2)
    pose = skeleton.pose(qpos[:, :3], quat_to_matrix(qpos[:, 3:7]), qpos[:, 7:])
    random = np.random.default_rng(1)
    bodies = random.choice(len(robot.body_names), 7, replace=False)
    offsets = random.normal(size=(7, 3))
    weights, errors = random.uniform(1, 3, (2, 7, 3)), random.normal(size=(2, 7, 3))

    inertia = np.zeros((len(robot.body_names), 2, 6, 6))
    wrench = np.zeros((len(robot.body_names), 2, 6))
    for i, body in enumerate(bodies):
        place = pose.body_pos[:, body] + pose.body_rot[:, body] @ offsets[i]
        rows = point_rows(place - pose.root_pos)
        inertia[body] += np.swapaxes(rows, 1, 2) @ (weights[:, i, :, None] * rows)
        wrench[body] += np.einsum("tri,tr->ti", rows, weights[:, i] * errors[:, i])
    lower, gradient = composite.normal_blocks(composite.screws(pose), inertia, wrench)
    assert not np.triu(lower, 1).any()
    hessian = np.tril(lower) + np.swapaxes(np.tril(lower, -1), 1, 2)

    for t in range(2):
        data.qpos[:] = qpos[t]
        mujoco.mj_forward(model, data)
        # MuJoCo's root rotation is in body axes, ours in world axes.
        to_world = np.eye(model.nv)
        to_world[3:6, 3:6] = data.xmat[1].reshape(3, 3).T
        expected, pull = np.zeros((model.nv, model.nv)), np.zeros(model.nv)
        for i, body in enumerate(bodies):
            place = data.xpos[body + 1] + data.xmat[body + 1].reshape(3, 3) @ offsets[i]
            jacobian = np.zeros((3, model.nv))
            mujoco.mj_jac(model, data, jacobian, None, place, body + 1)
            jacobian = jacobian @ to_world
            expected += jacobian.T @ (weights[t, i, :, None] * jacobian)
            pull += jacobian.T @ (weights[t, i] * errors[t, i])
        np.testing.assert_allclose(hessian[t], expected, atol=1e-9)
        np.testing.assert_allclose(gradient[t], pull, atol=1e-9)


def test_cross_is_numpys():
    a, b = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-12)
