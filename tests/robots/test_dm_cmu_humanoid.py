"""The CMU humanoid against the walker that dm_control itself builds."""

import importlib.util
import subprocess
import sys

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_angle, quat_multiply
from mimiclab.robots import dm_cmu_humanoid, get_robot
from mimiclab.robots.check import check_robot


@pytest.fixture(scope="module", params=["dm_cmu_humanoid", "dm_cmu_humanoid_2019"])
def robot(request):
    pytest.importorskip("dm_control")
    return get_robot(request.param)


@pytest.fixture(scope="module")
def theirs(robot):
    """dm_control's own position controlled walker, on a floor."""
    from dm_control import mjcf
    from dm_control.locomotion.arenas import floors
    from dm_control.locomotion.walkers import cmu_humanoid

    walker = {
        "dm_cmu_humanoid": cmu_humanoid.CMUHumanoidPositionControlledV2020,
        "dm_cmu_humanoid_2019": cmu_humanoid.CMUHumanoidPositionControlled,
    }[robot.name]()
    arena = floors.Floor()
    walker.create_root_joints(arena.attach(walker))
    return mjcf.Physics.from_mjcf_model(arena.mjcf_model).model.ptr


def test_check_passes_and_tells_where_the_model_is_not_symmetric(robot):
    report = check_robot(robot)
    assert report.ok
    assert report.facts["joints"] == 56
    is_2020 = robot.name == "dm_cmu_humanoid"
    assert report.facts["mass_kg"] == pytest.approx(70 if is_2020 else 39.6254)
    assert report.facts["mirror_error_mm"] < 8
    # The face weighs nothing, and the right arm cannot go all the way down.
    codes = {finding.code for finding in report.findings}
    assert codes == ({"mass", "mirror"} if is_2020 else set())


def test_joints_bodies_and_collisions_are_dm_controls(robot, theirs):
    model = robot.model
    assert [f"walker/{name}" for name in robot.joint_names] == [
        theirs.joint(j).name for j in range(1, theirs.njnt)
    ]
    assert robot.tracked_bodies == robot.body_names
    for name in robot.joint_names:
        joint, other = model.joint(name), theirs.joint(f"walker/{name}")
        for key in ("range", "axis", "pos", "armature", "stiffness", "qpos0"):
            np.testing.assert_allclose(getattr(joint, key), getattr(other, key), atol=1e-12)
    for body in robot.body_names:
        ours, other = model.body(body), theirs.body(f"walker/{body}")
        assert ours.mass[0] == pytest.approx(other.mass[0], abs=2e-5)  # dm_control's least mass
        inertia = np.sort(ours.inertia), np.sort(other.inertia)
        np.testing.assert_allclose(*inertia, rtol=1e-9, atol=1.1e-5)
    for g in range(model.ngeom):
        geom, other = model.geom(g), theirs.geom(f"walker/{model.geom(g).name}")
        for key in ("size", "friction", "condim", "contype", "conaffinity", "solref", "solimp"):
            np.testing.assert_allclose(getattr(geom, key), getattr(other, key), rtol=1e-12)
        assert geom.priority == other.priority
    ours, other = _excluded(model), _excluded(theirs)
    assert len(ours) == 5
    assert {(f"walker/{a}", f"walker/{b}") for a, b in ours} == other


def _excluded(model: mujoco.MjModel) -> set[tuple[str, str]]:
    return {
        (model.body(int(pair) >> 16).name, model.body(int(pair) & 0xFFFF).name)
        for pair in model.exclude_signature
    }


def test_servos_are_dm_controls(robot, theirs):
    for j, name in enumerate(robot.joint_names):
        servo = theirs.actuator(f"walker/{name}")
        half_range = (robot.joint_limits[j, 1] - robot.joint_limits[j, 0]) / 2
        # Their control of -1 to 1 spans the range: gain per control = stiffness * half range.
        assert servo.gainprm[0] == pytest.approx(robot.stiffness[j] * half_range)
        assert servo.biasprm[1] == pytest.approx(-robot.stiffness[j])
        assert servo.forcerange[1] == pytest.approx(robot.effort_limit[j])
        dof = theirs.joint(f"walker/{name}").dofadr[0]
        assert robot.damping[j] == pytest.approx(theirs.dof_damping[dof])
        assert robot.armature[j] == pytest.approx(theirs.dof_armature[dof])
    assert not robot.model.dof_damping.any()


def test_poses_are_dm_controls_with_the_root_in_our_axes(robot, theirs):
    random = np.random.default_rng(0)
    mine, other = mujoco.MjData(robot.model), mujoco.MjData(theirs)
    for _ in range(5):
        quat = random.normal(size=4)
        quat /= np.linalg.norm(quat)
        joints = random.uniform(*robot.joint_limits.T)
        other.qpos[:] = np.concatenate([random.normal(size=3), quat, joints])
        mine.qpos[:] = other.qpos
        mine.qpos[3:7] = quat_multiply(quat, dm_cmu_humanoid.ROOT_FROM_DM_CONTROL)
        mujoco.mj_forward(robot.model, mine)
        mujoco.mj_forward(theirs, other)
        for body in robot.body_names[1:]:
            a, b = mine.body(body), other.body(f"walker/{body}")
            np.testing.assert_allclose(a.xpos, b.xpos, atol=1e-9)
            assert quat_angle(a.xquat, b.xquat) < 1e-6
        np.testing.assert_allclose(
            mine.subtree_com[0], other.body("walker/root").subtree_com, atol=1e-6
        )


def test_an_upright_root_has_no_rotation(robot):
    data = mujoco.MjData(robot.model)
    data.qpos[:7] = [0, 0, robot.default_root_height, 1, 0, 0, 0]
    data.qpos[7:] = robot.default_pose
    mujoco.mj_forward(robot.model, data)
    head, toes = data.body("head").xpos, data.body("ltoes").xpos
    # A tall person stands, or one as small as AMC files assume, and looks along x.
    assert head[2] == pytest.approx({"dm_cmu_humanoid": 1.79}.get(robot.name, 1.45), abs=0.01)
    assert toes[0] - data.body("lfoot").xpos[0] > 0.1
    assert data.body("lhand").xpos[1] > 0.4 > -0.4 > data.body("rhand").xpos[1]


def test_landmarks_are_complete_and_midway(robot):
    from mimiclab.robots import LANDMARKS

    assert tuple(sorted(robot.landmarks)) == tuple(sorted(LANDMARKS))
    data = mujoco.MjData(robot.model)
    data.qpos[3] = 1.0
    mujoco.mj_forward(robot.model, data)
    place = {
        name: data.body(at.body).xpos + data.body(at.body).xmat.reshape(3, 3) @ at.point
        for name, at in robot.landmarks.items()
    }
    for middle, side in (("pelvis", "hip"), ("chest", "shoulder")):
        between = (place[f"left_{side}"] + place[f"right_{side}"]) / 2
        np.testing.assert_allclose(place[middle], between, atol=1e-4)


def test_without_dm_control_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RobotError, match=r"pip install mimiclab\[cmu\]"):
        dm_cmu_humanoid.DM_CMU_HUMANOID.spec_fn()


def test_the_model_loads_without_importing_dm_control(robot):
    code = (
        "import sys; from mimiclab.robots import get_robot; "
        "get_robot('dm_cmu_humanoid').model; assert 'dm_control' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_tracking_task_runs_and_a_still_servo_gives_the_reference(robot):
    import torch

    from mimiclab.motions.clip import MotionClip
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation import make_env
    from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg

    clip = MotionClip(
        name="stand",
        robot=robot.name,
        fps=50,
        joint_names=robot.joint_names,
        root_pos=np.tile([0, 0, robot.default_root_height], (40, 1)),
        root_quat_wxyz=np.tile([1.0, 0, 0, 0], (40, 1)),
        joint_pos=np.tile(robot.default_pose, (40, 1)),
    )
    library = MotionLibrary.from_clips([clip], robot=robot.name, fps=50)
    task = TrackingTask(robot=robot.name, pushes=False, noise=False, randomisation=False)
    env = make_env(tracking_env_cfg(task, library, num_envs=2), engine="native", device="cpu")
    env.reset()
    model = env.sim.mj_model
    for _ in range(15):
        _, reward, _, _, _ = env.step(torch.zeros(2, 56))
    assert torch.isfinite(reward).all()
    # The servos hold a standing person, no part of whom flies apart by wrong contacts.
    heights = env.scene["robot"].data.root_link_pos_w[:, 2]
    assert (heights > 0.9 * robot.default_root_height).all()
    assert model.nu == 56
    for name, stiffness, damping in zip(
        robot.joint_names, robot.stiffness, robot.damping, strict=True
    ):
        servo = list(model.actuator_trnid[:, 0]).index(model.joint(f"robot/{name}").id)
        gains = -model.actuator_biasprm[servo, 1:3]
        np.testing.assert_allclose(gains, [stiffness, damping])
