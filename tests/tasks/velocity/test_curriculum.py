"""The penalty curriculum: its rules by hand, in an environment, and across a restart."""

import pytest
import torch

from mimiclab.learning import env_state
from mimiclab.tasks.velocity import PenaltyCfg, VelocityTask
from mimiclab.tasks.velocity.mdp.curriculum import moved_average, moved_scale

PPO, SAC = PenaltyCfg(), VelocityTask().for_fastsac().penalties


def rule(env):
    return env.curriculum_manager.get_term_cfg("penalty").func


def test_average_episode_length():
    # weight 4096 / (1000 * 4096) of one episode in 4096 environments
    assert moved_average(100.0, 1100.0, 1, 4096) == pytest.approx(101.0)
    assert moved_average(100.0, 200.0, 100, 1024) == pytest.approx(100 + 0.4 * 100)
    assert moved_average(7.0, 3.0, 64, 64) == 3.0  # the weight is at most 1


@pytest.mark.parametrize(
    ("scale", "average_s", "cfg", "expected"),
    [
        (0.5, 2.99, PPO, 0.5 * (1 - 2.5e-4)),
        (0.5, 3.0, PPO, 0.5),
        (0.5, 15.0, PPO, 0.5),
        (0.5, 15.01, PPO, 0.5 * (1 + 2.5e-4)),
        (1.0, 20.0, PPO, 1.0),
        (0.5, 1.0, SAC, 0.5),
        (0.6, 1.0, SAC, 0.6 * 0.999),
        (0.6, 16.0, SAC, 0.6 * 1.001),
    ],
)
def test_scale_follows_the_average(scale, average_s, cfg, expected):
    assert moved_scale(scale, average_s, cfg) == pytest.approx(expected)


def test_growth_takes_as_long_as_published():
    for cfg, steps in ((PPO, 9_200), (SAC, 700)):
        scale, count = cfg.start, 0
        while scale < 1.0:
            scale, count = moved_scale(scale, 19.0, cfg), count + 1
        assert count == pytest.approx(steps, rel=0.02)


def test_every_step_moves_the_weights_of_penalties_alone(make):
    env = make(num_envs=4, fresh=True, penalties=PenaltyCfg(start=0.4, degree=0.1))
    manager = env.reward_manager

    def weights():
        return {name: manager.get_term_cfg(name).weight for name in manager.active_terms}

    begin = weights()
    assert begin["pose"] == pytest.approx(-0.5 * 0.4)
    assert begin["penalty_action_rate"] == pytest.approx(-2.0 * 0.4)
    rule(env).average_s = 16.0
    env.sim.data.qpos[:, 2] = 3.0
    env.step(torch.zeros(4, 22))
    env.step(torch.zeros(4, 22))
    now = weights()
    for name, weight in begin.items():
        grown = name.startswith("penalty_") or name == "pose"
        assert now[name] == pytest.approx(weight * (1.21 if grown else 1.0)), name


def test_finished_episodes_count_before_the_scale_moves(make):
    env = make(num_envs=4, fresh=True, penalties=PenaltyCfg(start=0.4, degree=0.1))
    rule(env).average_s = 10.0
    env.sim.data.qpos[:, 2] = 3.0
    env.episode_length_buf[:] = torch.tensor([999, 5, 5, 5])
    *_, extras = env.step(torch.zeros(4, 22))
    # One of 4 environments: the weight is 1, so the average is that episode's 20 s.
    assert rule(env).average_s == pytest.approx(20.0)
    assert rule(env).scale == pytest.approx(0.44)
    assert extras["log"]["Curriculum/penalty/episode_length_s"] == pytest.approx(20.0)
    env.reset()  # not the end of an episode
    assert rule(env).average_s == pytest.approx(20.0)


def test_a_restart_goes_on_with_average_and_scale(make):
    env = make(num_envs=2, fresh=True)
    rule(env).scale, rule(env).average_s = 0.73, 12.5
    saved = env_state.capture(env)
    assert saved["terms"]["curriculum.penalty"] == {"scale": 0.73, "average_s": 12.5}
    other = make(num_envs=2, seed=5, fresh=True)
    assert rule(other).scale == 0.1
    env_state.restore(other, saved)
    assert (rule(other).scale, rule(other).average_s) == (0.73, 12.5)
    weight = other.reward_manager.get_term_cfg("penalty_orientation").weight
    assert weight == pytest.approx(-7.3)
    other.sim.data.qpos[:, 2] = 3.0
    other.step(torch.zeros(2, 22))
    assert rule(other).scale == 0.73  # 12.5 s: neither grows nor shrinks
