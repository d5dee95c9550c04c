"""The G1's constants against the published table and against mjlab's own configuration."""

import re

import numpy as np
import pytest

# Actuator: armature, stiffness, damping, effort, speed, action scale, joints (BeyondMimic).
PUBLISHED = {
    "5020": (
        (0.003609725, 14.2506, 0.90722, 25, 37, 0.438577),
        r".*_shoulder_(pitch|roll|yaw)_joint|.*_elbow_joint|.*_wrist_roll_joint",
    ),
    "7520-14": (
        (0.010177520, 40.1792, 2.55789, 88, 32, 0.547546),
        r".*_hip_(pitch|yaw)_joint|waist_yaw_joint",
    ),
    "7520-22": (
        (0.025101925, 99.0984, 6.30880, 139, 20, 0.350661),
        r".*_hip_roll_joint|.*_knee_joint",
    ),
    "4010": ((0.00425, 16.7783, 1.06814, 5, 22, 0.074501), r".*_wrist_(pitch|yaw)_joint"),
    "2 x 5020": (
        (0.00721945, 28.5012, 1.81445, 50, 37, 0.438577),
        r".*_ankle_(pitch|roll)_joint|waist_(roll|pitch)_joint",
    ),
}


def test_motors_are_those_of_the_published_table(g1):
    covered = 0
    for numbers, joints in PUBLISHED.values():
        for i, name in enumerate(g1.joint_names):
            if re.fullmatch(joints, name):
                covered += 1
                given = (
                    g1.armature[i], g1.stiffness[i], g1.damping[i], g1.effort_limit[i],
                    g1.velocity_limit[i], g1.action_scale[i],
                )  # fmt: skip
                assert given == pytest.approx(numbers, rel=2e-5), name
    assert covered == g1.num_joints == 29


def test_joints_are_in_the_order_of_the_public_csv_files(g1):
    leg = ["hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll"]
    arm = ["shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow"]
    arm += ["wrist_roll", "wrist_pitch", "wrist_yaw"]
    names = [f"{side}_{part}_joint" for side in ("left", "right") for part in leg]
    names += [f"waist_{part}_joint" for part in ("yaw", "roll", "pitch")]
    names += [f"{side}_{part}_joint" for side in ("left", "right") for part in arm]
    assert list(g1.joint_names) == names


def test_default_pose_is_the_published_one(g1):
    pose = dict(zip(g1.joint_names, g1.default_pose, strict=True))
    assert pose["left_hip_pitch_joint"] == pose["right_hip_pitch_joint"] == -0.312
    assert pose["right_knee_joint"] == 0.669
    assert pose["left_ankle_pitch_joint"] == -0.363
    assert pose["left_elbow_joint"] == 0.6
    assert (pose["left_shoulder_roll_joint"], pose["right_shoulder_roll_joint"]) == (0.2, -0.2)
    assert pose["waist_yaw_joint"] == 0.0
    assert g1.default_root_height == 0.76


def test_entity_is_mjlabs_own(g1):
    constants = pytest.importorskip("mjlab.asset_zoo.robots.unitree_g1.g1_constants")
    entity = pytest.importorskip("mjlab.entity")
    ours = entity.Entity(g1.entity_cfg()).spec.compile()
    theirs = entity.Entity(constants.get_g1_robot_cfg()).spec.compile()
    assert ours.nu == theirs.nu == 29
    for name in g1.joint_names:
        a, b = ours.actuator(name), theirs.actuator(name)
        # mjlab's pi has eleven digits
        np.testing.assert_allclose(a.gainprm, b.gainprm, rtol=1e-9)
        np.testing.assert_allclose(a.biasprm, b.biasprm, rtol=1e-9)
        np.testing.assert_allclose(a.forcerange, b.forcerange)
        dof = (m.dof_armature[m.joint(name).dofadr[0]] for m in (ours, theirs))
        assert next(dof) == pytest.approx(next(dof), rel=1e-12)
    for key in ("geom_friction", "geom_condim", "geom_priority", "geom_contype"):
        np.testing.assert_array_equal(getattr(ours, key), getattr(theirs, key))
    for pattern, scale in constants.G1_ACTION_SCALE.items():
        for i, name in enumerate(g1.joint_names):
            if re.fullmatch(pattern, name):
                assert g1.action_scale[i] == pytest.approx(scale, rel=1e-9)
    default = constants.get_g1_robot_cfg().init_state
    assert default.pos[2] == g1.default_root_height
    for i, name in enumerate(g1.joint_names):
        angle = [v for k, v in default.joint_pos.items() if re.fullmatch(k, name)] or [0.0]
        assert g1.default_pose[i] == angle[-1], name
