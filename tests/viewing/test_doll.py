"""A person's doll: each capsule reaches from joint to joint, whatever the pose."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot
from mimiclab.viewing.doll import beside, make_doll

NAMES = ("Hips", "LeftUpLeg", "LeftLeg", "RightUpLeg", "RightLeg", "Tip")
PARENTS = (-1, 0, 1, 0, 3, 4)
LENGTHS = np.array([0.1, 0.4, 0.1, 0.4, 0.01])


def person(directions: np.ndarray) -> HumanClip:
    """Bones of fixed length along unit `directions` (T, 5, 3)."""
    joints = np.zeros((len(directions), 6, 3))
    joints[:, 0, 2] = 0.9
    for child, parent in enumerate(PARENTS[1:], start=1):
        joints[:, child] = joints[:, parent] + LENGTHS[child - 1] * directions[:, child - 1]
    return HumanClip(
        name="p", fps=30.0, skeleton="", joint_names=NAMES, parents=PARENTS, joint_pos_w=joints
    )


def capsule_ends(model, qpos):
    """World positions of both ends of every capsule. Shape (capsules, 2, 3)."""
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    axis = data.geom_xmat.reshape(-1, 3, 3)[..., 2] * model.geom_size[:, 1:2]
    capsules = model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE
    return np.stack([data.geom_xpos - axis, data.geom_xpos + axis], axis=1)[capsules]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_capsules_reach_from_joint_to_joint(seed):
    directions = np.random.default_rng(seed).normal(size=(3, 5, 3))
    directions[0, 1] = [0.0, 0.0, -1.0]  # straight down, where the shortest turn is not unique
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    clip = person(directions)
    doll = make_doll(clip)
    for frame in range(3):
        ends = capsule_ends(doll.robot.model, doll.qpos[frame])
        assert len(ends) == 4  # the tip of 1 cm is left out
        expected = clip.joint_pos_w[frame][[[PARENTS[i], i] for i in range(1, 5)]]
        np.testing.assert_allclose(ends, expected, atol=1e-9)


def test_the_doll_faces_where_the_person_faces():
    left_hip_to_the_north = np.zeros((1, 5, 3))
    left_hip_to_the_north[:, :, 2] = -1.0
    left_hip_to_the_north[:, 0] = [0.0, 1.0, 0.0]
    left_hip_to_the_north[:, 2] = [0.0, -1.0, 0.0]
    facing_east = make_doll(person(left_hip_to_the_north))
    np.testing.assert_allclose(facing_east.qpos[0, 3:7], [1, 0, 0, 0], atol=1e-12)
    turned = left_hip_to_the_north[..., [1, 0, 2]] * [-1, 1, 1]  # a quarter turn to the left
    half = np.sqrt(0.5)
    np.testing.assert_allclose(make_doll(person(turned)).qpos[0, 3:7], [half, 0, 0, half])


def test_beside_a_robot_both_begin_side_by_side():
    still = np.tile([0.0, 0.0, -1.0], (400, 5, 1))
    clip = builtin_motion("squat")
    robot = get_robot(clip.robot)
    both = beside(robot, clip_qpos(clip), make_doll(person(still)), gap_m=1.5)
    assert both.robot.model.nq == robot.model.nq + 5 * 7
    assert len(both.qpos) == min(clip.num_frames, 400)
    gap = both.qpos[0, robot.model.nq :][:2] - both.qpos[0, :2]
    np.testing.assert_allclose(np.linalg.norm(gap), 1.5)


def test_a_skeleton_without_sides_is_drawn_too():
    joints = np.array([[[0, 0, 0], [0, 0, 1.0]]])
    clip = HumanClip(
        name="stick", fps=1.0, skeleton="", joint_names=("a", "b"), parents=(-1, 0),
        joint_pos_w=joints,
    )  # fmt: skip
    doll = make_doll(clip)
    assert doll.robot.default_root_height == pytest.approx(0.55)
    np.testing.assert_allclose(doll.qpos[0, 3:7], [1, 0, 0, 0])
