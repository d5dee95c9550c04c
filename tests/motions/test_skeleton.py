"""Kinematics of the synthesis against MuJoCo's."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_from_rotvec, quat_to_matrix
from mimiclab.motions.skeleton import Skeleton


@pytest.fixture(scope="module")
def skeleton(g1):
    return Skeleton(g1)


def _random_states(g1, count, seed=0):
    random = np.random.default_rng(seed)
    quat = quat_from_rotvec(random.normal(size=(count, 3)))
    joints = random.uniform(*g1.joint_limits.T, size=(count, g1.num_joints))
    return random.normal(size=(count, 3)), quat, joints


def test_poses_centre_of_mass_and_jacobians_are_mujocos(g1, skeleton):
    root, quat, joints = _random_states(g1, 5)
    pose = skeleton.pose(root, quat_to_matrix(quat), joints)
    model, data = g1.model, mujoco.MjData(g1.model)
    com_jacobian = skeleton.com_jacobian(pose)
    for t in range(5):
        data.qpos[:] = np.concatenate([root[t], quat[t], joints[t]])
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(pose.body_pos[t], data.xpos[1:], atol=1e-9)
        np.testing.assert_allclose(
            pose.body_rot[t].reshape(-1, 9), data.xmat[1:].reshape(-1, 9), atol=1e-9
        )
        np.testing.assert_allclose(pose.com[t], data.subtree_com[1], atol=1e-9)
        # MuJoCo's root rotation is in body axes, ours in world axes.
        to_world = np.eye(model.nv)
        to_world[3:6, 3:6] = data.xmat[1].reshape(3, 3).T
        linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacSubtreeCom(model, data, linear, 1)
        np.testing.assert_allclose(com_jacobian[t], linear @ to_world, atol=1e-9)
        for name in ("left_ankle_roll_link", "torso_link", "right_wrist_yaw_link"):
            ours = skeleton.body_jacobian(pose, g1.body_names.index(name))
            mujoco.mj_jacBody(model, data, linear, angular, model.body(name).id)
            np.testing.assert_allclose(ours[0][t], linear @ to_world, atol=1e-9)
            np.testing.assert_allclose(ours[1][t], angular @ to_world, atol=1e-9)


def test_angular_momentum_is_mujocos(g1, skeleton):
    fps = 1000.0
    state = np.concatenate(_random_states(g1, 1, seed=3), axis=1)[0]
    model, data = g1.model, mujoco.MjData(g1.model)
    velocity = np.random.default_rng(4).normal(size=model.nv)
    frames = np.tile(state, (3, 1))
    for frame, dt in zip(frames, (-1 / fps, 0.0, 1 / fps), strict=True):
        mujoco.mj_integratePos(model, frame, velocity, dt)
    data.qpos[:], data.qvel[:] = state, velocity
    mujoco.mj_forward(model, data)
    mujoco.mj_subtreeVel(model, data)
    pose = skeleton.pose(frames[:, :3], quat_to_matrix(frames[:, 3:7]), frames[:, 7:])
    ours = skeleton.angular_momentum(pose, fps)[1]
    np.testing.assert_allclose(ours, data.subtree_angmom[1], atol=1e-4)


def test_several_hinges_in_one_body_are_mujocos(g1):
    xml = """<mujoco><worldbody><body name="root"><freejoint/><geom size=".1"/>
    <body name="arm" pos=".1 .2 .3" euler="20 30 40">
    <joint name="a" axis="1 0 0" pos="0 .1 0"/><joint name="b" axis="0 1 1" ref="30"/>
    <joint name="c" axis="0 0 1" pos=".1 0 .2"/><geom size=".1"/>
    <body name="hand" pos="0 0 -.4"><joint name="d" axis="0 1 0"/><geom size=".1"/></body></body>
    </body></worldbody></mujoco>"""
    robot = replace(g1, spec_fn=lambda: mujoco.MjSpec.from_string(xml))
    random = np.random.default_rng(0)
    joints, quat = random.uniform(-2, 2, (3, 4)), quat_from_rotvec(random.normal(size=(3, 3)))
    skeleton, data = Skeleton(robot), mujoco.MjData(robot.model)
    pose = skeleton.pose(np.ones((3, 3)), quat_to_matrix(quat), joints)
    for t in range(3):
        data.qpos[:] = np.concatenate([np.ones(3), quat[t], joints[t]])
        mujoco.mj_forward(robot.model, data)
        np.testing.assert_allclose(pose.body_pos[t], data.xpos[1:], atol=1e-9)
        np.testing.assert_allclose(pose.anchors[t], data.xanchor[1:], atol=1e-9)
        np.testing.assert_allclose(pose.axes[t], data.xaxis[1:], atol=1e-9)
        to_world = np.eye(robot.model.nv)
        to_world[3:6, 3:6] = data.xmat[1].reshape(3, 3).T
        linear = np.zeros((3, robot.model.nv))
        mujoco.mj_jacBody(robot.model, data, linear, None, 2)
        ours = skeleton.body_jacobian(pose, 1)[0][t]
        np.testing.assert_allclose(ours, linear @ to_world, atol=1e-9)


def test_models_of_another_kind_are_refused(g1):
    xml = """<mujoco><worldbody><body name="root"><freejoint/><geom size=".1"/>
    <body name="arm"><joint name="a" type="ball"/><geom size=".1"/></body></body></worldbody>
    </mujoco>"""
    with pytest.raises(RobotError, match="joint 'a' is not a hinge"):
        Skeleton(replace(g1, spec_fn=lambda: mujoco.MjSpec.from_string(xml)))
