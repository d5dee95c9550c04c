"""What policy and critic see: order, sizes, scales, noise, clipping and history."""

import numpy as np
import pytest
import torch

from mimiclab.learning.env_state import layout_of
from mimiclab.tasks.velocity import RandomisationCfg
from mimiclab.tasks.velocity.command import velocity_command

# Of the G1, as published: first index, term and size.
ACTOR = [
    (0, "actions", 29),
    (29, "base_ang_vel", 3),
    (32, "command_ang_vel", 1),
    (33, "command_lin_vel", 2),
    (35, "cos_phase", 2),
    (37, "dof_pos", 29),
    (66, "dof_vel", 29),
    (95, "projected_gravity", 3),
    (98, "sin_phase", 2),
]
CRITIC = [(n, d) for _, n, d in ACTOR[:2]] + [("base_lin_vel", 3)]
CRITIC += [(n, d) for _, n, d in ACTOR[2:]]


@pytest.mark.parametrize("robot", ["unitree_g1", "booster_t1_29"])
def test_published_order_of_the_29_joint_robots(make, robot):
    env = make(robot=robot, num_envs=1)
    seen, _ = env.reset()
    assert seen["actor"].shape == (1, 100) and seen["critic"].shape == (1, 103)
    layout = layout_of(env, robot=robot)["observations"]
    starts = np.cumsum([0, *layout["actor"].values()])
    found = list(zip(starts.tolist(), layout["actor"], layout["actor"].values(), strict=False))
    assert found == ACTOR
    assert list(layout["critic"].items()) == CRITIC


def test_sizes_of_the_others(make):
    for robot, joints in (("booster_k1", 22), ("booster_t1", 23)):
        seen, _ = make(robot=robot, num_envs=1).reset()
        assert seen["actor"].shape == (1, 3 * joints + 13)
        assert seen["critic"].shape == (1, 3 * joints + 16)


@pytest.mark.parametrize(
    ("robot", "scales"),
    [
        ("unitree_g1", {"base_ang_vel": 0.25, "base_lin_vel": 2.0, "dof_vel": 0.05}),
        ("booster_t1_29", {"base_ang_vel": 1.0, "base_lin_vel": 1.0, "dof_vel": 0.1}),
    ],
)
def test_numbers_are_the_robots_times_the_published_scales(make, robot, scales):
    env = make(robot=robot, num_envs=3, seed=4)
    data, term = env.sim.data, velocity_command(env)
    env.action_manager.process_action(torch.linspace(-150, 150, 87).reshape(3, 29))
    env.sim.forward()
    critic = env.observation_manager.compute(update_history=True)["critic"]
    names = [name for name, size in CRITIC for _ in range(size)]

    def of(name):
        return critic[:, [i for i, n in enumerate(names) if n == name]]

    def close(name, value):
        torch.testing.assert_close(of(name), value, atol=1e-5, rtol=1e-5)

    qpos, qvel = data.qpos, data.qvel
    assert float(qvel[:, :6].abs().max()) > 0.3
    close("base_ang_vel", qvel[:, 3:6] * scales["base_ang_vel"])
    assert float((qpos[:, 3] - 1).abs().max()) < 1e-6  # upright: the root's frame is the world's
    close("base_lin_vel", qvel[:, :3] * scales["base_lin_vel"])
    close("projected_gravity", torch.tensor([0.0, 0.0, -1.0]).expand(3, 3))
    close("dof_pos", qpos[:, 7:] - term.robot.data.default_joint_pos)
    close("dof_vel", qvel[:, 6:] * scales["dof_vel"])
    close("command_lin_vel", term.command[:, :2])
    close("command_ang_vel", term.command[:, 2:])
    close("cos_phase", term.phase.cos())
    close("sin_phase", term.phase.sin())
    actions = of("actions")
    assert float(actions.min()) == -100.0 and float(actions.max()) == 100.0
    close("actions", torch.linspace(-150, 150, 87).reshape(3, 29).clamp(-100, 100))


def test_large_values_are_clipped_after_scaling(make):
    env = make(num_envs=1, observation_scales={"dof_vel": 0.5}, fresh=True)
    env.sim.data.qvel[:, 6] = 150.0
    env.sim.data.qvel[:, 7] = 500.0
    seen = env.observation_manager.compute(update_history=True)["critic"]
    speed = seen[0, 22 + 3 + 3 + 3 + 2 + 22 :][:2]
    assert speed.tolist() == [75.0, 100.0]


def test_only_joints_of_the_actor_are_noisy(make):
    env = make(num_envs=256)
    draws = [env.observation_manager.compute(update_history=True)["actor"] for _ in range(2)]
    change = (draws[0] - draws[1]).abs().amax(0)
    noisy = torch.zeros(79, dtype=torch.bool)
    noisy[30:74] = True
    assert (change[~noisy] == 0).all()
    # The largest of 256 differences of two uniform numbers is near twice the half-width.
    positions, speeds = change[30:52], change[52:74]
    assert (positions <= 0.02).all() and (positions > 0.015).all()
    assert (speeds <= 0.02).all() and (speeds > 0.015).all()  # 0.1 rad/s times 0.1
    critics = [env.observation_manager.compute(update_history=True)["critic"] for _ in range(2)]
    assert torch.equal(*critics)
    quiet = make(num_envs=4, noise=False)
    a, b = (quiet.observation_manager.compute(update_history=True)["actor"] for _ in range(2))
    assert torch.equal(a, b)


def test_history_is_term_by_term_oldest_first_and_padded_with_nought(make):
    env = make(num_envs=2, history=3, noise=False)
    plain = make(num_envs=2, history=1, noise=False)
    layout = layout_of(env, robot="booster_k1")
    assert layout["history"]["actor"]["dof_pos"] == 3
    sizes = [22, 3, 1, 2, 2, 22, 22, 3, 2]

    def now():
        frame = plain.observation_manager.cfg["actor"].terms
        return torch.cat(
            [
                t.func(env, **t.params) * (t.scale if t.scale is not None else 1.0)
                for t in frame.values()
            ],
            dim=1,
        )

    def stacked(frames):
        columns = [frame.split(sizes, dim=1) for frame in frames]
        return torch.cat([frame[i] for i in range(9) for frame in columns], dim=1)

    seen, _ = env.reset()
    zero = torch.zeros(2, 79)
    frames = [zero, zero, now()]
    torch.testing.assert_close(seen["actor"], stacked(frames))
    for i in range(4):
        seen, *_ = env.step(torch.full((2, 22), 0.1 * i))
        frames = [*frames[1:], now()]
        torch.testing.assert_close(seen["actor"], stacked(frames))
    seen, _ = env.reset(env_ids=torch.tensor([1]))
    fresh = [torch.cat([f[:1], zero[1:]]) for f in frames[:2]]
    torch.testing.assert_close(seen["actor"], stacked([*fresh, now()]))
    env.episode_length_buf[0] = 10_000
    before = now()
    seen, _, _, out, _ = env.step(torch.zeros(2, 22))
    assert out.tolist() == [True, False]
    last = now()
    expected = stacked([torch.zeros(2, 79), torch.cat([zero[:1], before[1:]]), last])
    torch.testing.assert_close(seen["actor"], expected)


def test_biased_encoders_shift_what_is_seen_and_what_is_aimed_at(make):
    env = make(num_envs=32, randomisation=RandomisationCfg(joint_bias_rad=0.01))
    data = velocity_command(env).robot.data
    bias = data.encoder_bias
    assert float(bias.abs().max()) <= 0.01 and float(bias.abs().max()) > 0.009
    seen = env.observation_manager.compute(update_history=True)["critic"][:, 33:55]
    torch.testing.assert_close(seen, data.joint_pos - data.default_joint_pos + bias)
    env.action_manager.process_action(torch.zeros(32, 22))
    env.action_manager.apply_action()
    torch.testing.assert_close(data.joint_pos_target, data.default_joint_pos - bias)
