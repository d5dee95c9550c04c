"""Released policies run from their own files: order, scales, physics, refusals."""

import json
import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from foreign_onnx import RANGES, matrix, write_loco, write_wbt

from mimiclab.deployment.foreign_policy import ForeignPolicy
from mimiclab.deployment.observations import ObservationBuilder, Observed
from mimiclab.deployment.simulator import RobotSimulator
from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.robots import get_robot


@pytest.fixture
def loco(tmp_path, g1):
    """A random locomotion policy of the G1 whose joints are in reverse order."""
    joints = g1.joint_names[::-1]
    weights = matrix(29, 100)
    return write_loco(tmp_path / "loco.onnx", g1, weights, joints=joints), weights


def test_observations_and_actions_are_the_published_ones(loco):
    """The file's own observation vector, written out by hand, gives the same joint targets."""
    path, weights = loco
    policy = ForeignPolicy(path, "holosoma-loco")
    simulator, rng = RobotSimulator(policy.contract), np.random.default_rng(1)
    simulator.place(
        root_pos_w=np.array([0.0, 0.0, 0.8]),
        root_quat_w=np.array([0.96, 0.2, 0.1, 0.15]) / np.linalg.norm([0.96, 0.2, 0.1, 0.15]),
        joint_pos=rng.uniform(-0.2, 0.2, 29),
        root_ang_vel_w=rng.normal(size=3),
        joint_vel=rng.normal(size=29),
    )
    robot, last, phases = simulator.state(), rng.normal(size=29), np.array([0.3, 0.3 - np.pi])
    observed = Observed(
        contract=policy.contract,
        robot=robot,
        last_action=last,
        velocity=np.array([0.5, -0.2, 0.7]),
        phases=phases,
    )
    given = policy.act(ObservationBuilder(policy.contract)(observed))
    turn, back = quat_to_matrix(robot.body_quat_w[0]), slice(None, None, -1)
    default = np.array(policy.contract.default_joint_pos)
    theirs = np.concatenate(
        [
            last[back],
            0.25 * (turn.T @ robot.body_ang_vel_w[0]),
            [0.7],
            [0.5, -0.2],
            np.cos(phases),
            (robot.joint_pos - default)[back],
            0.05 * robot.joint_vel[back],
            turn.T @ [0.0, 0.0, -1.0],
            np.sin(phases),
        ]
    )
    np.testing.assert_allclose(given, (weights @ theirs)[back], atol=1e-5)
    assert policy.act(np.zeros((3, 100))).shape == (3, 29)
    with pytest.raises(ContractError, match=r"expected \(N, 100\)"):
        policy.act(np.zeros(99))


def test_the_published_numbers_are_in_the_contract(tmp_path, g1):
    t1 = get_robot("booster_t1_29")
    path = write_loco(tmp_path / "t1.onnx", t1, matrix(29, 100))
    contract = ForeignPolicy(path, "holosoma-loco").contract
    pose = dict(zip(contract.joint_names, contract.default_joint_pos, strict=True))
    assert pose["Left_Ankle_Pitch"] == pose["Right_Ankle_Pitch"] == -0.25
    assert set(contract.action_scale) == {0.25} and contract.action_clip == 100.0
    scales = {term.name: term.scale for term in contract.observations}
    assert list(scales) == [
        "actions", "base_ang_vel", "command_ang_vel", "command_lin_vel", "cos_phase", "joint_pos",
        "joint_vel", "projected_gravity", "sin_phase",
    ]  # fmt: skip
    assert scales["base_ang_vel"] == 1.0 and scales["joint_vel"] == 0.1
    assert contract.velocity is not None and contract.velocity.ang_vel_z == (-1.0, 1.0)
    assert {"Trunk", "H2", "AL1", "Waist"} <= set(contract.terminations.contact_bodies)
    assert contract.physics.floor_friction == (0.7, 0.005, 0.001)
    effort = dict(zip(contract.joint_names, contract.effort_limit, strict=True))
    assert effort["Left_Ankle_Roll"] == 12.0 and effort["Left_Knee_Pitch"] == 60.0


def test_servos_under_euler_are_explicit_torques(loco):
    """The PD law, clipped, computed anew before each physics step, moves the robot alike."""
    contract = ForeignPolicy(loco[0], "holosoma-loco").contract
    simulator = RobotSimulator(contract)
    start = {
        "root_pos_w": np.array([0.0, 0.0, 0.78]),
        "root_quat_w": np.array([1.0, 0.0, 0.0, 0.0]),
        "joint_pos": np.array(contract.default_joint_pos),
    }
    simulator.place(**start)
    model = simulator.model
    data = mujoco.MjData(model)
    data.qpos[:] = simulator.qpos
    target = start["joint_pos"] + np.random.default_rng(0).uniform(-2.0, 2.0, 29)  # limits bite
    simulator.step(target)
    model.actuator_gainprm[:] = model.actuator_biasprm[:] = 0.0  # the servos do nothing now
    kp, kd, limit = map(np.array, (contract.stiffness, contract.damping, contract.effort_limit))
    saturated = False
    for _ in range(4):
        torque = kp * (target - data.qpos[7:]) - kd * data.qvel[6:]
        saturated |= bool(np.any(np.abs(torque) > limit))
        data.qfrc_applied[6:] = np.clip(torque, -limit, limit)
        mujoco.mj_step(model, data)
    np.testing.assert_allclose(simulator.qpos, data.qpos, atol=1e-9)
    assert saturated and contract.physics.decimation == 4


def test_parts_collide_only_where_they_did_in_training(tmp_path, g1, loco):
    def pairs(contract):
        model = RobotSimulator(contract).model
        solid = np.flatnonzero(model.geom_contype | model.geom_conaffinity)
        floor = model.geom("floor").id
        meet = [
            (int(a), int(b))
            for a in solid
            for b in solid
            if a < b
            and (
                model.geom_contype[a] & model.geom_conaffinity[b]
                or model.geom_contype[b] & model.geom_conaffinity[a]
            )
        ]
        return sum(floor in p for p in meet), sum(floor not in p for p in meet)

    with_floor, with_itself = pairs(ForeignPolicy(loco[0], "holosoma-loco").contract)
    assert with_floor > 10 and with_itself == 0
    tables = {"joint_pos": np.zeros((3, 29)), "joint_vel": np.zeros((3, 29))}
    wbt = write_wbt(tmp_path / "wbt.onnx", g1, matrix(29, 154), tables)
    contract = ForeignPolicy(wbt, "holosoma-wbt", action_scale="1").contract
    assert pairs(contract)[0] == with_floor and pairs(contract)[1] > 100


def wbt_file(tmp_path, robot, **metadata):
    tables = {"joint_pos": np.zeros((3, 29)), "joint_vel": np.zeros((3, 29))}
    return write_wbt(tmp_path / "wbt.onnx", robot, matrix(29, 154), tables, **metadata)


def test_an_action_scale_is_read_or_told_but_never_guessed(tmp_path, g1):
    bare = wbt_file(tmp_path, g1)
    with pytest.raises(ContractError, match=r"no action scale .* --action-scale 1 .* effort"):
        ForeignPolicy(bare, "holosoma-wbt")
    told = ForeignPolicy(bare, "holosoma-wbt", action_scale="0.3").contract.action_scale
    assert told == (0.3,) * 29
    effort = ForeignPolicy(bare, "holosoma-wbt", action_scale="effort").contract.action_scale
    # A quarter of 88 N m over 40.18 N m/rad for the hip, 5 over 16.78 for the last wrist joint.
    np.testing.assert_allclose([effort[0], effort[-1]], [0.5475, 0.0745], atol=1e-4)
    for word in ("0", "-1", "nan", "many"):
        with pytest.raises(ContractError, match="expected a positive number"):
            ForeignPolicy(bare, "holosoma-wbt", action_scale=word)
    settings = {
        "robot": {
            "control": {"action_scale": 0.25, "action_scales_by_effort_limit_over_p_gain": True}
        }
    }
    stored = wbt_file(tmp_path, g1, experiment_config=json.dumps(settings))
    policy = ForeignPolicy(stored)  # recognised by its metadata
    np.testing.assert_allclose(policy.contract.action_scale, g1.action_scale)
    other = ForeignPolicy(stored, action_scale="1")
    assert other.contract.action_scale == (1.0,) * 29
    assert "replaces that of the file" in " ".join(other.remarks)
    settings["robot"]["control"]["action_scales_by_effort_limit_over_p_gain"] = False
    plain = wbt_file(tmp_path, g1, experiment_config=json.dumps(settings))
    assert ForeignPolicy(plain).contract.action_scale == (0.25,) * 29


def test_contradictions_are_refused(tmp_path, g1, loco):
    def refused(match, contract="holosoma-loco", error=ContractError, **changes):
        values = {"weights": matrix(29, 100)} | changes
        path = write_loco(tmp_path / "bad.onnx", g1, **values)
        with pytest.raises(error, match=match):
            ForeignPolicy(path, contract)

    refused("observes 90 numbers; Holosoma's locomotion observes 100", weights=matrix(29, 90))
    refused("gives 23 actions, but its layout names 29", weights=matrix(23, 100))
    joints = json.dumps(g1.joint_names)
    refused("no known robot's", dof_names=joints.replace("knee", "patella"))
    refused("its 28 joints .* no known robot's", dof_names=json.dumps(g1.joint_names[:28]))
    refused("tracking observes 154 on unitree_g1", "holosoma-wbt")
    refused("the metadata lack dof_names", dof_names=None)
    refused("'dof_names' are not JSON", dof_names="left_knee,right_knee")
    refused("command ranges lack lin_vel_x", command_ranges="null")
    refused("28 numbers in the metadata for 29", kp=json.dumps([1.0] * 28))
    refused("gives motors; expected 'actions'", names=("actor_obs", "motors"))
    refused("the metadata lack joint_names", "mjlab")
    refused("did you mean 'holosoma-loco'", "holosoma-loko", UnknownNameError)
    refused("mine.yaml does not describe a policy", str(tmp_path / "mine.yaml"))
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ContractError, match="is it a whole ONNX file"):
        ForeignPolicy(tmp_path / "text.onnx")
    with pytest.raises(ContractError, match="no such policy file"):
        ForeignPolicy(tmp_path / "absent.onnx")
    ranges = RANGES | {"lin_vel_x": [1.0, -1.0]}
    refused("lin_vel_x is", command_ranges=json.dumps(ranges))


def test_a_yaml_file_describes_any_walker(tmp_path, g1):
    """The same network under its own description acts as under the published one."""
    weights = matrix(29, 100)
    path = write_loco(tmp_path / "p.onnx", g1, weights)
    (tmp_path / "mine.yaml").write_text(
        f"""
robot: unitree_g1
observations:
  - {{name: actions}}
  - {{name: base_ang_vel, scale: 0.25}}
  - {{name: command_ang_vel}}
  - {{name: command_lin_vel}}
  - {{name: cos_phase}}
  - {{name: joint_pos}}
  - {{name: joint_vel, scale: 0.05}}
  - {{name: projected_gravity}}
  - {{name: sin_phase}}
joint_names: {json.dumps(g1.joint_names)}
default_joint_pos: {json.dumps(g1.default_pose.tolist())}
action_scale: {json.dumps([0.25] * 29)}
explicit_torque: true
self_collision: false
action_clip: 100
floor: {{friction: [0.7, 0.005, 0.001], solref: [0.001, 1], solimp: [0.99, 0.99, 0.01, 0.5, 2]}}
command_ranges: {{lin_vel_x: [-1, 1], lin_vel_y: [-1, 1], ang_vel_z: [-1, 1]}}
gait_period_s: 1.0
"""
    )
    mine = ForeignPolicy(path, str(tmp_path / "mine.yaml")).contract
    assert mine.differences(ForeignPolicy(path, "holosoma-loco").contract) == []
    text = (tmp_path / "mine.yaml").read_text()
    for old, new, match in (
        ("name: sin_phase", "name: lidar", "observes lidar, which our task does not give"),
        ("ang_vel_z:", "turn:", "expected lin_vel_x, lin_vel_y, ang_vel_z"),
        ("gait_period_s: 1.0", "control_hz: 60", "control_hz 60 is no divisor"),
        ("gait_period_s: 1.0", "limits: {lean: 1.0}", "unknown limits lean"),
        ("  - {name: sin_phase}\n", "", "observes 100 numbers, which"),
    ):
        (tmp_path / "mine.yaml").write_text(text.replace(old, new))
        with pytest.raises(ContractError, match=match):
            ForeignPolicy(path, str(tmp_path / "mine.yaml"))


def test_running_a_released_policy_needs_no_torch(loco):
    code = (
        "import sys; from mimiclab.deployment.foreign_policy import ForeignPolicy; "
        f"from mimiclab.deployment.walking import Walker; Walker(ForeignPolicy({str(loco[0])!r})); "
        "assert not {'torch', 'mjlab'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def released(*parts):
    """A file of Holosoma's inference package, where that is installed."""
    package = pytest.importorskip(
        "holosoma_inference", reason="the released policies come with holosoma_inference"
    )
    return Path(next(iter(package.__path__))).joinpath("models", *parts)


@pytest.mark.parametrize(
    ("robot", "file", "expected"),
    [
        ("g1_29dof", "fastsac_g1_29dof.onnx", (0.41, 0.73)),
        ("t1_29dof", "ppo_t1_29dof.onnx", (0.41, 0.78)),
    ],
)
def test_released_walkers_reach_their_published_speeds(robot, file, expected):
    from mimiclab.deployment.commands import ScriptedCommands
    from mimiclab.deployment.walking import WalkCfg, Walker

    walker = Walker(ForeignPolicy(released("loco", robot, file), "holosoma-loco"))
    for command, axis, speed in (((0.5, 0, 0), 0, expected[0]), ((0, 0, 0.8), 2, expected[1])):
        walk = walker.run(ScriptedCommands.in_turn([command], 10.0), WalkCfg(seconds=10.0))
        assert walk.completed
        assert walk.metrics["segments"][0]["achieved"][axis] == pytest.approx(speed, abs=0.1)
