"""Imitation beside PPO: formulas, groups, what it brings, resuming."""

from pathlib import Path
from types import SimpleNamespace

import torch
from tensordict import TensorDict
from torch.distributions import Normal, kl_divergence
from toy_teachers import class_of, solution, taught, teacher
from toy_tracking import Lines, same

from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.algorithms.imitation import TeacherLoss, action_loss
from mimiclab.learning.algorithms.recording import RecordingLoss
from mimiclab.learning.config import TrainCfg


def test_kl_is_that_of_two_gaussians_from_student_to_teacher() -> None:
    torch.manual_seed(0)
    mean, target = torch.randn(5, 3), torch.randn(5, 3)
    std, target_std = torch.rand(5, 3) + 0.1, torch.rand(5, 3) + 0.1
    expected = kl_divergence(Normal(mean, std), Normal(target, target_std)).mean(-1)
    torch.testing.assert_close(action_loss("kl", mean, std, target, target_std), expected)
    assert action_loss("kl", mean, std, mean, std).abs().max() < 1e-6


def test_mse_by_hand() -> None:
    a, b = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert action_loss("mse", a, a, b).tolist() == [2.5, 12.5]


def test_loss_and_diagnostics_of_groups_by_hand() -> None:
    # Two steps of teacher 0 (errors 2.5 and 12.5), one of teacher 1 (2.5), one of nobody.
    cfg = ImitationCfg(mode="hybrid", weight=2.0)
    loss = TeacherLoss(cfg, ["gmt", "adaptor"], [1.0, 3.0])
    mean = torch.tensor([[1.0, 2.0], [0.0, 0.0], [1.0, 2.0], [9.0, 9.0]])
    target = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    index = torch.tensor([[0.0], [0.0], [1.0], [-1.0]])
    obs = TensorDict({"teacher_mean": target, "teacher_index": index}, batch_size=[4])
    actor = SimpleNamespace(output_mean=mean, output_std=torch.ones_like(mean))
    batch = SimpleNamespace(observations=obs, masks=None)
    value = loss(actor, batch)  # type: ignore[arg-type]
    assert float(value) == (1.0 * (2.5 + 12.5) + 3.0 * 2.5) / 4
    loss(actor, batch)  # type: ignore[arg-type]
    found = loss.metrics()
    assert found["bc_teacher/gmt/loss"] == 7.5
    assert found["bc_teacher/gmt/steps"] == 2.0
    assert found["bc_teacher/adaptor/steps"] == 1.0
    assert abs(found["bc_teacher/gmt/action_l2"] - (5**0.5 + 5.0) / 2) < 1e-6
    assert loss.metrics()["bc_teacher/gmt/steps"] == 0.0


def test_hybrid_learns_faster_than_ppo_alone(toy_cfg: TrainCfg) -> None:
    rewards = {}
    for name, cfg, teachers in (
        ("plain", toy_cfg, []),
        ("mse", taught(toy_cfg, "hybrid"), [("", teacher())]),
        ("kl", taught(toy_cfg, "hybrid", loss="kl", weight=0.1), [("", teacher())]),
    ):
        sink = Lines()
        class_of(cfg, teachers, sinks=[sink]).learn(iterations=26)
        rewards[name] = sink.lines[-1]["step_reward"]
    assert rewards["mse"] > rewards["plain"] + 0.2
    assert rewards["kl"] > rewards["plain"] + 0.1


def test_two_teachers_of_opposite_opinions_are_both_heard(toy_cfg: TrainCfg) -> None:
    sink = Lines()
    cfg = taught(toy_cfg, "distil")
    pair = [("even", teacher()), ("odd", teacher(lambda obs: -solution(obs)))]
    runner = class_of(cfg, pair, grouped=True, sinks=[sink])
    runner.learn(iterations=40)
    obs = runner.env.get_observations()
    expected = solution(obs["teacher_0"]) * torch.tensor([1.0, -1.0]).repeat(16)[:, None]
    with torch.no_grad():
        error = (runner.alg.actor(obs) - expected).square().mean()
    assert error < 0.05 * expected.square().mean()
    losses = sink.lines[-1]["losses"]
    assert losses["bc_teacher/even/steps"] == losses["bc_teacher/odd/steps"] == 16 * 32 / 8
    assert 0.0 < losses["bc_teacher/odd/loss"] < 0.5


def test_teachers_observations_are_not_stored(toy_cfg: TrainCfg) -> None:
    runner = class_of(taught(toy_cfg, "hybrid"), [("", teacher())])
    stored = set(runner.alg.storage.observations.keys())
    assert stored == {"actor", "critic", "motion_group", "teacher_mean", "teacher_index"}


def recording(cfg: TrainCfg, count: int = 300) -> RecordingLoss:
    obs = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    return RecordingLoss(cfg.imitation, obs, solution(obs), torch.full((count, 2), 0.1))


def test_resumed_imitation_equals_uninterrupted_bit_for_bit(
    toy_cfg: TrainCfg, tmp_path: Path
) -> None:
    cfg = taught(toy_cfg, "hybrid", recording="x.h5", recording_batch=64)
    make = [("", teacher())]
    straight = class_of(cfg, make, [recording(cfg)])
    straight.learn(iterations=3)
    straight.learn(iterations=6)
    class_of(cfg, make, [recording(cfg)], folder=tmp_path).learn(iterations=3)
    resumed = class_of(cfg, make, [recording(cfg)], seed=99)
    resumed.restore(tmp_path / "checkpoints" / "last.pt")
    resumed.learn(iterations=6)
    a, b = straight.state(), resumed.state()
    for key in ("actor", "critic", "optimizer", "algorithm"):
        assert same(a[key], b[key]), key
    # The first rollout is only measured, so five updates have learnt.
    assert a["algorithm"]["updates"] == 5
    assert abs(a["algorithm"]["auxiliary"]["bc_teacher"]["weight"] - 0.995**5) < 1e-12
