"""DAgger and classic student-teacher on the toy problem."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensordict import TensorDict
from toy_teachers import Classroom, class_of, solution, taught, teacher
from toy_tracking import Lines, same

from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg


def reward_of_teacher() -> float:
    env, total = Classroom(32, 7), 0.0
    for _ in range(200):
        _, reward, _, _ = env.step(solution(env.get_observations()["teacher_0"]))
        total += float(reward.mean()) / 200
    return total


@pytest.mark.parametrize("unroll", [0, 6])
def test_student_reaches_the_teachers_reward(toy_cfg: TrainCfg, unroll: int) -> None:
    sink = Lines()
    cfg = taught(toy_cfg, "distil", unroll=unroll)
    runner = class_of(cfg, [("", teacher())], sinks=[sink])
    runner.learn(iterations=40)
    assert sink.lines[1]["step_reward"] < 0.7
    assert sink.lines[-1]["step_reward"] > reward_of_teacher() - 0.02
    assert sink.lines[-1]["learning_rate"] == cfg.ppo.learning_rate
    losses = sink.lines[-1]["losses"]
    assert losses["bc_teacher/all/action_l2"] < 0.3
    assert "surrogate" not in losses


def test_rollouts_take_mean_actions(toy_cfg: TrainCfg) -> None:
    runner = class_of(taught(toy_cfg, "distil"), [("", teacher())])
    runner.learn(iterations=2)
    storage, actor = runner.alg.storage, runner.alg.actor
    obs = runner.env.get_observations()
    with torch.inference_mode():
        assert torch.equal(runner.alg.act(obs), actor(obs))
    assert storage.actions.std() > 0


@pytest.mark.parametrize("train_critic", [True, False])
def test_critic_learns_the_students_returns_or_stays(toy_cfg: TrainCfg, train_critic: bool) -> None:
    sink = Lines()
    cfg = taught(toy_cfg, "distil", train_critic=train_critic)
    runner = class_of(cfg, [("", teacher())], sinks=[sink])
    before = {k: v.clone() for k, v in runner.alg.critic.named_parameters()}
    runner.learn(iterations=40)
    moved = [not torch.equal(before[k], v) for k, v in runner.alg.critic.named_parameters()]
    assert all(moved) if train_critic else not any(moved)
    if train_critic:
        values = [line["losses"]["value"] for line in sink.lines[1:]]
        assert values[-1] < 0.2 * max(values[:5])
        # What the critic says is what the student will get: near the sum of discounted rewards.
        returns = runner.alg.storage.returns
        with torch.no_grad():
            said = runner.alg.critic(runner.alg.storage.observations.flatten(0, 1))
        assert (said - returns.flatten(0, 1)).square().mean() < 0.25 * returns.mean().square()
    else:
        assert "value" not in sink.lines[-1]["losses"]


class Remembering:
    """A teacher whose action is what it saw in the step before; 0 in the first of an episode."""

    is_recurrent = True

    def __init__(self, count: int) -> None:
        self.last = torch.zeros(count, 2)

    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        action, self.last = self.last, obs[:, :2].clone()
        return action

    def reset(self, dones: torch.Tensor | None = None) -> None:
        assert dones is not None
        self.last = torch.where(dones.bool().unsqueeze(1), 0.0, self.last)


class Flicker(Classroom):
    """Observations are noise, so that only memory can tell what was seen before."""

    def get_observations(self) -> TensorDict:
        obs = super().get_observations()
        obs["actor"] = torch.randn(self.num_envs, 4)
        obs["teacher_0"] = obs["actor"]
        return obs


@pytest.mark.parametrize("unroll", [0, 8])
def test_recurrent_student_learns_a_teacher_that_remembers(toy_cfg: TrainCfg, unroll: int) -> None:
    cfg = taught(replace(toy_cfg, num_envs=16), "distil", unroll=unroll)
    cfg = replace(cfg, ppo=replace(cfg.ppo, learning_rate=1e-2, mini_batches=2))
    gru = NetworkCfg(kind="recurrent", cell="gru", width=16)
    found = {}
    for name, settings in (("mlp", cfg), ("gru", replace(cfg, network=gru))):
        sink = Lines()
        make = [("", teacher(Remembering(16)))]
        runner = class_of(settings, make, sinks=[sink], room=Flicker)
        runner.learn(iterations=10)
        found[name] = sink.lines[-1]["losses"]["bc_teacher"]
    assert found["mlp"] > 0.7  # noise of variance 1 cannot be guessed
    assert found["gru"] < 0.1


def test_unroll_of_an_mlp_is_a_batch_of_consecutive_steps(toy_cfg: TrainCfg) -> None:
    """With one mini-batch and one epoch, the whole rollout is one gradient step either way."""
    ppo = replace(toy_cfg.ppo, epochs=1, mini_batches=1)
    states = []
    for unroll in (0, 16):
        cfg = taught(replace(toy_cfg, ppo=ppo), "distil", unroll=unroll)
        runner = class_of(cfg, [("", teacher())])
        runner.learn(iterations=2)
        states.append(runner.alg.actor.state_dict())
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, atol=1e-5, rtol=1e-4)


def test_resumed_distillation_equals_uninterrupted_bit_for_bit(
    toy_cfg: TrainCfg, tmp_path: Path
) -> None:
    cfg = taught(toy_cfg, "distil")
    straight = class_of(cfg, [("", teacher())])
    straight.learn(iterations=3)
    straight.learn(iterations=6)
    class_of(cfg, [("", teacher())], folder=tmp_path).learn(iterations=3)
    resumed = class_of(cfg, [("", teacher())], seed=99)
    resumed.restore(tmp_path / "checkpoints" / "last.pt")
    resumed.learn(iterations=6)
    a, b = straight.state(), resumed.state()
    for key in ("actor", "critic", "optimizer", "algorithm"):
        assert same(a[key], b[key]), key
