"""Every robot that ships: the check, the published gains, and standing up."""

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.robots import LANDMARKS, Motor, Robot, get_robot
from mimiclab.robots.check import check_robot

COMPACT = {
    # name: joints, mass kg, warnings that are the maker's or the publisher's
    "unitree_h1": (19, 51.437, set()),
    "unitree_h1_2": (27, 66.984, {"gains"}),
    "booster_t1": (23, 31.6144, set()),
    "booster_t1_29": (29, 34.5145, set()),
    "booster_k1": (22, 19.666, set()),
    "pnd_adam_lite": (25, 58.1883, {"mirror"}),
}


@pytest.mark.parametrize("name", COMPACT)
def test_check_passes(name):
    joints, mass, odd = COMPACT[name]
    report = check_robot(get_robot(name))
    assert report.ok, report.findings
    assert {finding.code for finding in report.findings} == odd
    assert report.facts["joints"] == joints
    assert report.facts["mass_kg"] == pytest.approx(mass, abs=1e-3)
    assert abs(report.facts["left_sole_height_mm"]) < 0.1
    assert abs(report.facts["right_sole_height_mm"]) < 0.1
    assert report.facts["mirror_error_mm"] <= 1.0


@pytest.mark.parametrize("name", COMPACT)
def test_model_is_small_primitives_and_nothing_else(name):
    model = get_robot(name).model
    assert model.nmesh == model.nu == model.nsensor == model.nkey == 0
    kinds = {mujoco.mjtGeom(kind).name for kind in model.geom_type}
    assert kinds <= {"mjGEOM_CAPSULE", "mjGEOM_BOX", "mjGEOM_SPHERE"}
    assert all(model.geom(g).name for g in range(model.ngeom))
    assert not any(model.geom_bodyid == 0)
    assert not model.dof_armature.any()


@pytest.mark.parametrize("name", COMPACT)
def test_landmarks_are_where_a_body_has_them(name):
    robot = get_robot(name)
    assert set(robot.landmarks) == set(LANDMARKS)
    at = landmarks_standing(robot)
    up = ["toe", "ankle", "knee", "hip"]
    for side in ("left_", "right_"):
        heights = [at[side + part][2] for part in up]
        assert heights == sorted(heights)
        assert heights[0] < 0.03
        assert at[side + "toe"][0] > at[side + "ankle"][0] + 0.05
        lengths = [
            np.linalg.norm(at[side + a] - at[side + b])
            for a, b in [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")]
        ]
        assert min(lengths) > 0.15
        assert lengths[0] == pytest.approx(lengths[1], rel=0.35)
    np.testing.assert_allclose(at["hip_middle"], at["pelvis"], atol=0.02)
    np.testing.assert_allclose(at["shoulder_middle"], at["chest"], atol=0.02)
    assert at["chest"][2] < at["neck"][2] < at["head"][2]
    mirrored = {
        "left_" + k.removeprefix("right_"): v * [1, -1, 1]
        for k, v in at.items() if k.startswith("right_")
    }  # fmt: skip
    for landmark, point in mirrored.items():
        np.testing.assert_allclose(at[landmark], point, atol=2e-3)


def landmarks_standing(robot: Robot) -> dict[str, np.ndarray]:
    data = default_pose(robot, robot.model)
    at = {
        name: data.body(mark.body).xpos + data.body(mark.body).xmat.reshape(3, 3) @ mark.point
        for name, mark in robot.landmarks.items()
    }
    for part in ("hip", "shoulder"):
        at[f"{part}_middle"] = 0.5 * (at[f"left_{part}"] + at[f"right_{part}"])
    return at


def default_pose(robot: Robot, model: mujoco.MjModel) -> mujoco.MjData:
    data = mujoco.MjData(model)
    data.qpos[:7] = [0.0, 0.0, robot.default_root_height, 1.0, 0.0, 0.0, 0.0]
    for joint, angle in zip(robot.joint_names, robot.default_pose, strict=True):
        data.qpos[model.joint(joint).qposadr[0]] = angle
    mujoco.mj_forward(model, data)
    return data


@pytest.mark.parametrize("name", COMPACT)
def test_stands_for_two_seconds_with_its_motors_and_an_ankle_reflex(name):
    robot = get_robot(name)
    spec = robot.spec_fn()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], name="floor")
    for joint, motor in zip(robot.joint_names, robot.joint_motors, strict=True):
        act = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        act.set_to_position(kp=motor.stiffness, kv=motor.damping)
        act.forcerange, act.forcelimited = [-motor.effort_limit, motor.effort_limit], 1
        spec.joint(joint).armature = motor.armature
    spec.option.timestep = 0.005
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    model = spec.compile()
    data = default_pose(robot, model)
    mass = model.body_mass.sum()
    ankles = [model.actuator(joint_above(model, foot)).id for foot in robot.feet]
    lean = 0.0
    while data.time < 2.0:
        data.ctrl[:] = robot.default_pose
        # Published gains are softer than gravity is steep: somebody has to balance.
        last, lean = lean, data.subtree_com[1, 0] - sum(sole_x(data, f) for f in robot.feet) / 2
        moment = 9.81 * mass * (1.6 * lean + 0.5 * (lean - last) / 0.005)
        for ankle in ankles:
            data.ctrl[ankle] += 0.5 * moment / robot.stiffness[ankle]
        mujoco.mj_step(model, data)
    upright = data.body(robot.anchor_body).xmat[8]
    assert upright > 0.98
    assert data.qpos[2] > 0.94 * robot.default_root_height
    assert np.abs(data.qvel).max() < 1.0


def joint_above(model: mujoco.MjModel, foot: str) -> str:
    """The joint about y nearest above a foot."""
    body = model.body(foot).id
    while model.jnt_axis[model.body_jntadr[body]][1] != 1.0:
        body = model.body_parentid[body]
    return model.joint(model.body_jntadr[body]).name


def sole_x(data: mujoco.MjData, foot: str) -> float:
    return float(data.body(foot).xpos[0]) + 0.03


def test_signs_of_the_t1_are_those_of_holosomas_table():
    robot = get_robot("booster_t1_29")
    turned = {"Shoulder_Roll", "Elbow_Yaw", "Wrist_Yaw", "Hand_Roll", "Hip_Roll", "Hip_Yaw"}
    turned |= {"Ankle_Roll"}
    for joint, other, sign in zip(
        robot.joint_names, robot.mirror.joint_ids, robot.mirror.joint_signs, strict=True
    ):
        side, _, part = joint.partition("_")
        if side in ("Left", "Right"):
            assert robot.joint_names[other] == {"Left": "Right_", "Right": "Left_"}[side] + part
            assert sign == (-1 if part in turned else 1)
        else:
            assert robot.joint_names[other] == joint
            assert sign == (1 if joint == "Head_pitch" else -1)


def test_published_gains_are_kept():
    t1 = get_robot("booster_t1")
    gains = dict(zip(t1.joint_names, zip(t1.stiffness, t1.damping, strict=True), strict=True))
    assert gains["Left_Knee_Pitch"] == pytest.approx((200.0, 5.0))
    assert gains["Right_Ankle_Roll"] == pytest.approx((50.0, 3.0))
    assert gains["AAHead_yaw"] == pytest.approx((5.0, 0.5))
    h1_2 = get_robot("unitree_h1_2")
    mosaic = {  # kp, kd, action scale
        "left_hip_yaw_joint": (249.739, 15.899, 0.200209),
        "right_knee_joint": (633.542, 40.333, 0.118382),
        "left_ankle_roll_joint": (20.0896, 5.1158, 0.933318),
        "left_elbow_joint": (99.0984, 6.3088, 0.252274),
        "left_wrist_roll_joint": (0.14251, 0.9072, 43.8577),
        "right_wrist_yaw_joint": (0.14251, 1.8144, 43.8577),
    }
    for joint, numbers in mosaic.items():
        i = h1_2.joint_names.index(joint)
        given = (h1_2.stiffness[i], h1_2.damping[i], h1_2.action_scale[i])
        assert given == pytest.approx(numbers, rel=5e-5), joint
    adam = get_robot("pnd_adam_lite")
    i = adam.joint_names.index("waistYaw")
    given = (adam.stiffness[i], adam.damping[i], adam.action_scale[i])
    assert given == pytest.approx((1776.529, 113.097, 0.015480), rel=5e-5)


def test_gains_that_are_no_gains_are_refused():
    with pytest.raises(RobotError, match="each must be > 0"):
        Motor.with_gains(10.0, 0.0, effort_limit=1.0, velocity_limit=1.0, armature=0.01)
