"""Every robot that ships: the check, the published gains, and standing up."""

import mujoco
import numpy as np
import pytest

from mimiclab.robots import LANDMARKS, Robot, get_robot
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
