"""The mirror map against the model's kinematics."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_from_rotvec, quat_to_matrix
from mimiclab.robots import Robot
from mimiclab.robots.mirror import mirror_error, mirror_positions, mirror_quats


def _two_arms(axis_left: str, axis_right: str, right_y: float = -0.2, **changes) -> Robot:
    def limb(name: str, y: float, axis: str) -> str:
        return f"""<body name="{name}_arm" pos="0 {y} 0"><joint name="{name}" axis="{axis}"
        range="-1 1"/><geom size=".05" pos=".1 0 .3"/>
        <body name="{name}_tip" pos="0.1 0 .3"><geom size=".05"/></body></body>"""

    xml = f"""<mujoco><compiler angle="radian"/><worldbody><body name="root"><freejoint/>
    <geom size=".1"/>{limb("left", 0.2, axis_left)}{limb("right", right_y, axis_right)}
    </body></worldbody></mujoco>"""
    settings = dict(
        name="arms", spec_fn=lambda: mujoco.MjSpec.from_string(xml), motors={},
        default_joint_pos={}, default_root_height=1.0, root_body="root", anchor_body="root",
        tracked_bodies=("root",), end_effectors=(), feet=("left_tip", "right_tip"),
        foot_geoms=".*", mirror_swap=(("left", "right"),),
    )  # fmt: skip
    return Robot(**(settings | changes))


def test_random_poses_of_the_g1_are_mirrored_bodily(g1):
    assert mirror_error(g1, g1.mirror, poses=50) < 1e-4


def test_whole_states_of_the_g1_mirror_with_the_root_and_all_orientations(g1):
    random = np.random.default_rng(0)
    data = mujoco.MjData(g1.model)
    low, high = g1.joint_limits.T
    for _ in range(10):
        joints = random.uniform(low, high)
        quat = quat_from_rotvec(random.normal(size=3))
        root = random.normal(size=3)
        data.qpos[:] = [*root, *quat, *joints]
        mujoco.mj_kinematics(g1.model, data)
        pos, rot = data.xpos[1:].copy(), quat_to_matrix(data.xquat[1:])
        mirrored = mirror_positions(root), mirror_quats(quat), g1.mirror.joints(joints)
        data.qpos[:] = np.concatenate(mirrored)
        mujoco.mj_kinematics(g1.model, data)
        ids = g1.mirror.body_ids
        np.testing.assert_allclose(mirror_positions(pos), data.xpos[1:][ids], atol=1e-4)
        flip = np.diag([1.0, -1.0, 1.0])
        np.testing.assert_allclose(
            flip @ rot @ flip, quat_to_matrix(data.xquat[1:])[ids], atol=1e-3
        )


def test_map_is_its_own_inverse(g1):
    values = np.random.default_rng(1).normal(size=(7, 29))
    np.testing.assert_array_equal(g1.mirror.joints(g1.mirror.joints(values)), values)
    np.testing.assert_array_equal(g1.mirror.body_ids[g1.mirror.body_ids], np.arange(30))


def test_default_pose_of_the_g1_is_symmetric(g1):
    np.testing.assert_allclose(g1.mirror.joints(g1.default_pose), g1.default_pose)


@pytest.mark.parametrize(
    ("left", "right", "sign"),
    [("0 1 0", "0 1 0", 1), ("1 0 0", "1 0 0", -1), ("1 0 0", "-1 0 0", 1), ("0 0 1", "0 0 1", -1)],
)
def test_sign_follows_from_the_axes(left, right, sign):
    robot = _two_arms(left, right)
    assert robot.mirror.joint_signs.tolist() == [sign, sign]
    assert robot.mirror.joint_ids.tolist() == [1, 0]
    assert mirror_error(robot, robot.mirror) < 1e-9


def test_skew_axes_are_refused():
    with pytest.raises(RobotError, match="do not mirror"):
        _ = _two_arms("0 1 0", "1 0 0").mirror


def test_displaced_body_is_refused():
    with pytest.raises(RobotError, match=r"50\.0 mm from being mirror images"):
        _ = _two_arms("0 1 0", "0 1 0", right_y=-0.25).mirror


def test_missing_counterpart_is_named():
    with pytest.raises(RobotError, match="counterpart 'links_arm'"):
        _ = _two_arms("0 1 0", "0 1 0", mirror_swap=(("left", "links"),)).mirror


@pytest.mark.parametrize(
    ("swap", "name", "other"),
    [
        (("left_", "right_"), "left_knee", "right_knee"),
        (("left_", "right_"), "upright_post", "upright_post"),
        (("_Left", "_Right"), "kneePitch_Right", "kneePitch_Left"),
        (("L_", "R_"), "R_L_twist", "L_L_twist"),
    ],
)
def test_names_are_mirrored_at_their_ends(g1, swap, name, other):
    assert replace(g1, mirror_swap=(swap,)).mirrored_name(name) == other
