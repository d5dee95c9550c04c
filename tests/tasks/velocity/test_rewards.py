"""The ten rewards: hand-computed values of their formulas, and terms in a real environment."""

import math

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.maths.rotations import quat_from_rotvec
from mimiclab.robots import get_robot
from mimiclab.robots.walking import sole_centres
from mimiclab.tasks.velocity import rewards
from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.mdp import rewards as terms


def t(*values):
    return torch.tensor(values)


def test_velocity_match():
    command, velocity = t([0.5, -0.5]), t([0.2, -0.1])
    expected = math.exp(-(0.09 + 0.16) / 0.25)
    assert float(rewards.velocity_match(command, velocity)) == pytest.approx(expected)
    assert float(rewards.velocity_match(t(0.5), t(0.0))) == pytest.approx(math.exp(-1.0))


def test_swing_match_sums_over_feet():
    found = rewards.swing_match(t([0.05, 0.0]), t([0.09, 0.02]))
    assert float(found) == pytest.approx(math.exp(-(0.0016 + 0.0004) / 0.008))


def test_other_formulas():
    assert float(rewards.xy_square(t([0.3, -0.4, 9.0]))) == pytest.approx(0.25)
    found = rewards.weighted_square(t([1.0, 2.0]), t([0.5, 2.5]), t(0.01, 50.0))
    assert float(found) == pytest.approx(0.01 * 0.25 + 50 * 0.25)
    assert rewards.too_close(t(0.14, 0.15, 0.3), 0.15).tolist() == [1.0, 0.0, 0.0]
    tilt = t([[0.0, 0.6, -0.8], [0.03, 0.04, -1.0]])
    assert float(rewards.foot_tilt(tilt)) == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("joint", "weight"),
    [
        ("left_hip_pitch_joint", 0.01),
        ("Right_Hip_Roll", 1.0),
        ("hipYaw_Left", 5.0),
        ("Left_Knee_Pitch", 0.01),
        ("right_ankle_pitch_joint", 5.0),
        ("Right_Ankle_Roll", 5.0),
        ("left_ankle", 5.0),
        ("waist_yaw_joint", 50.0),
        ("Left_Shoulder_Roll", 50.0),
        ("AAHead_yaw", 50.0),
    ],
)
def test_weights_of_the_pose(joint, weight):
    assert terms.pose_weight(joint) == weight


@pytest.fixture
def posed(make):
    """A G1 in the air, in a state whose rewards are known, beside one in the default pose."""
    env = make(num_envs=2, robot="unitree_g1", fresh=True, reset_noise=0.0)
    term, data = velocity_command(env), env.sim.data
    term.hold(torch.tensor([0.5, -0.2, 0.4]))
    data.qvel[:] = 0.0
    data.qpos[:, 2] = 1.0
    data.qpos[1, 3:7] = torch.tensor(quat_from_rotvec(np.array([0.0, 0.3, 0.0])))
    data.qvel[1, :6] = torch.tensor([0.6, 0.1, -0.2, 0.5, -0.3, 0.7])
    data.qpos[1, 7] += 0.2  # left hip pitch
    data.qpos[1, 7 + 12] += 0.1  # waist yaw
    env.sim.forward()
    return env


def test_terms_read_the_robot(posed):
    env = posed
    lin_x = 0.6 * math.cos(0.3) + 0.2 * math.sin(0.3)  # world to root, pitched by 0.3
    error = (0.5 - lin_x) ** 2 + (-0.2 - 0.1) ** 2
    expected = {
        terms.tracking_lin_vel: math.exp(-error / 0.25),
        terms.tracking_ang_vel: math.exp(-((0.4 - 0.7) ** 2) / 0.25),
        terms.penalty_ang_vel_xy: 0.25 + 0.09,
        terms.penalty_orientation: math.sin(0.3) ** 2,
        terms.alive: 1.0,
    }
    for func, value in expected.items():
        assert float(func(env)[1]) == pytest.approx(value, rel=1e-4), func.__name__
    pose = env.reward_manager.get_term_cfg("pose").func(env)
    assert float(pose[1]) == pytest.approx(0.01 * 0.04 + 50 * 0.01, rel=1e-4)
    assert float(pose[0]) == pytest.approx(0.0, abs=1e-10)
    # The left foot pitches with pelvis and hip, the right one with the pelvis alone.
    chain = -0.312 + 0.669 - 0.363
    tilt = abs(math.sin(0.3 + 0.2 + chain)) + abs(math.sin(0.3 + chain))
    assert float(terms.penalty_feet_ori(env)[1]) == pytest.approx(tilt, rel=1e-3)


def test_feet_phase_uses_soles_above_the_ground(posed):
    env = posed
    term, model = velocity_command(env), env.sim.mj_model
    data = mujoco.MjData(model)
    data.qpos[:] = env.sim.data.qpos[1].double().numpy()
    mujoco.mj_kinematics(model, data)
    heights, soles = [], sole_centres(get_robot("unitree_g1"))
    for side, foot, offset in zip(("left", "right"), term.walker.soles_w[1], soles, strict=True):
        body = data.body(f"robot/{side}_ankle_roll_link")
        heights.append((body.xpos + body.xmat.reshape(3, 3) @ offset)[2])
        assert float(foot[2]) == pytest.approx(heights[-1], abs=1e-5)
    target = [0.09 * (3 * x**2 - 2 * x**3) for x in (1 - term.phase[1].abs().numpy() / np.pi)]
    error = sum((h - z) ** 2 for h, z in zip(heights, target, strict=True))
    found = float(terms.feet_phase(env, 0.09)[1])
    assert found == pytest.approx(math.exp(-error / 0.008), rel=1e-3)


@pytest.mark.parametrize("robot", ["unitree_g1", "booster_t1", "booster_t1_29", "booster_k1"])
def test_standing_in_the_default_pose_earns_nearly_all(make, robot):
    env = make(num_envs=1, robot=robot, fresh=True, play=True)
    term = velocity_command(env)
    term.hold(torch.zeros(3))
    env.sim.data.qpos[:, 2] = get_robot(robot).default_root_height
    env.sim.data.qvel[:] = 0.0
    env.sim.forward()
    assert float(terms.feet_phase(env, 0.09)) > 0.99
    assert term.walker.foot_height.abs().max() < 4e-3
    for func in (terms.tracking_lin_vel, terms.tracking_ang_vel):
        assert float(func(env)) == pytest.approx(1.0)
    assert float(terms.penalty_close_feet_xy(env, 0.15)) == 0.0
    assert float(terms.penalty_feet_ori(env)) < 0.02
    assert float(terms.penalty_orientation(env)) < 1e-6


def test_distance_of_feet_is_sideways_as_the_robot_heads(make):
    env = make(num_envs=2, fresh=True, reset_noise=0.0)
    data = env.sim.data
    apart = velocity_command(env).walker.feet_apart.clone()
    data.qpos[1, 3:7] = torch.tensor(quat_from_rotvec(np.array([0.0, 0.0, 1.3])))
    env.sim.forward()
    turned = velocity_command(env).walker.feet_apart
    torch.testing.assert_close(turned[1], apart[0], atol=1e-4, rtol=0)
    assert 0.17 < float(apart[0]) < 0.21
    assert float(terms.penalty_close_feet_xy(env, 0.15).sum()) == 0.0
    assert terms.penalty_close_feet_xy(env, 0.3).tolist() == [1.0, 1.0]


def test_action_rate_counts_clipped_actions_and_starts_at_nought(make):
    env = make(num_envs=2, fresh=True)
    env.action_manager.process_action(torch.full((2, 22), 0.5))
    assert terms.penalty_action_rate(env).tolist() == pytest.approx([22 * 0.25] * 2)
    env.action_manager.process_action(torch.full((2, 22), 300.0))
    assert terms.penalty_action_rate(env)[0].item() == pytest.approx(22 * 99.5**2)
    env.action_manager.reset(torch.tensor([0]))
    env.action_manager.process_action(torch.zeros(2, 22))
    assert terms.penalty_action_rate(env).tolist() == pytest.approx([0.0, 22e4])


def test_the_step_earns_the_weighted_sum_times_the_step(posed):
    env = posed
    env.reward_manager.compute(env.step_dt)
    scale = 0.1  # of the penalties at the beginning
    total = 0.0
    for name in env.reward_manager.active_terms:
        cfg = env.reward_manager.get_term_cfg(name)
        total = total + cfg.weight * cfg.func(env, **cfg.params)
    torch.testing.assert_close(env.reward_manager._reward_buf, total * 0.02)
    assert env.reward_manager.get_term_cfg("pose").weight == pytest.approx(-0.5 * scale)
    assert env.reward_manager.get_term_cfg("feet_phase").weight == 5.0
