"""A frozen base and its correction: on the toy problem, by hand, and from real runs."""

import json
import math

import pytest
import torch
from tensordict import TensorDict
from toy_tracking import LAYOUT, Lines, ToyTracking

from mimiclab.errors import MimiclabError
from mimiclab.learning.build import build_actor, rsl_rl_config
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.networks.frozen import ColumnMap, FrozenPolicy, freeze, rebuild
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.networks.residual import ResidualActor
from mimiclab.learning.runner import Runner
from mimiclab.learning.serialise import from_plain, to_plain

WIDTH, ACTIONS = 4, 2


def base_actor(cfg):
    """A trained-looking base: weights and statistics are no longer fresh."""
    torch.manual_seed(7)
    actor = build_actor(cfg, LAYOUT)
    actor.fold_in(TensorDict({"actor": 2.0 * torch.randn(500, WIDTH) + 1.0}, [500]))
    return actor.eval()


def with_base(cfg, *, width=WIDTH, **residual) -> TrainCfg:
    spec = {
        "kind": "run", "train": to_plain(cfg), "layout": LAYOUT, "observations": WIDTH,
        "actions": ACTIONS, "extra": list(range(WIDTH, width)), "groups": ["walk", "teleop"],
    }  # fmt: skip
    options = {"hidden": (32, 32), "base": "somewhere", "base_network": spec} | residual
    changed = from_plain(TrainCfg, to_plain(cfg))
    changed.residual = ResidualCfg(**options)
    return changed


def install(actor, base):
    network = FrozenPolicy(
        base.as_onnx(False), ColumnMap(range(WIDTH)), ColumnMap(range(ACTIONS)),
        base.input_normaliser(),
    )  # fmt: skip
    actor.mlp.base.load_state_dict(network.state_dict())


def residual_actor(cfg, layout=LAYOUT, **options):
    """A fresh residual actor with its base in place, and the base."""
    base = base_actor(cfg)
    width = sum(layout["observations"]["actor"].values())
    torch.manual_seed(3)
    actor = build_actor(with_base(cfg, width=width, **options), layout)
    install(actor, base)
    return actor, base


def observations(count=50, width=WIDTH):
    return {"actor": 3.0 * torch.randn(count, width, generator=torch.Generator().manual_seed(1))}


def test_starts_as_the_base_up_to_a_near_zero_correction(toy_cfg):
    actor, base = residual_actor(toy_cfg)
    difference = actor(observations()) - base(observations())
    assert 0 < difference.norm(dim=-1).mean() < 0.05 * base(observations()).norm(dim=-1).mean()
    exact, _ = residual_actor(toy_cfg, gain=0.0)
    assert torch.equal(exact(observations()), base(observations()))


def test_the_correction_is_initialised_as_in_mosaic(toy_cfg):
    """Xavier: uniform with bound gain * sqrt(6 / (in + out)); biases zero."""
    actor, _ = residual_actor(toy_cfg, gain=0.05)
    layers = [m for m in actor.mlp.correction if isinstance(m, torch.nn.Linear)]
    for layer, gain in zip(layers, (1.0, 1.0, 0.05), strict=True):
        bound = gain * math.sqrt(6 / (layer.in_features + layer.out_features))
        assert 0.8 * bound < layer.weight.abs().max().item() <= bound
        assert not layer.bias.any()


def test_the_mean_is_base_plus_correction_by_hand(toy_cfg):
    actor, base = residual_actor(toy_cfg, gain=1.0, scale=0.5)
    x = observations()["actor"]
    normalised = (x - base.obs_normalizer._mean) / (base.obs_normalizer._std + 0.01)
    expected = base(observations()) + 0.5 * actor.mlp.correction(normalised)
    torch.testing.assert_close(actor(observations()), expected)


def test_bound_and_gate(toy_cfg):
    far = {"actor": 1e4 * observations()["actor"]}
    bounded, base = residual_actor(toy_cfg, gain=5.0, bound=0.1, scale=2.0)
    correction = bounded(far) - base(far)
    assert 0.19 < correction.abs().max() <= 0.2 + 1e-3  # of actions of the order of 1e4
    near = 1e-3 * torch.ones(1, WIDTH)
    free, _ = residual_actor(toy_cfg, gain=5.0, scale=2.0)
    small = bounded.mlp.correction(near) * 1e-3
    torch.testing.assert_close(0.1 * torch.tanh(small / 0.1), small, atol=1e-6, rtol=1e-3)
    assert (free(far) - base(far)).abs().max() > 1.0

    gated, base = residual_actor(toy_cfg, gain=1.0, gate=True)
    assert gated.mlp.correction[-1].out_features == ACTIONS + 1
    _, x = gated.mlp.base.act(observations()["actor"])
    raw = gated.mlp.correction(x)
    expected = base(observations()) + torch.sigmoid(raw[:, 2:]) * raw[:, :2]
    torch.testing.assert_close(gated(observations()), expected)
    torch.nn.init.constant_(gated.mlp.correction[-1].weight[2:], 0.0)
    share = torch.sigmoid(gated.mlp.correction(x)[:, 2])
    torch.testing.assert_close(share, torch.full_like(share, 1 / (1 + math.exp(3.0))))


def test_nothing_of_the_base_learns(toy_cfg):
    actor, _ = residual_actor(toy_cfg)
    trained = {name for name, _ in actor.named_parameters()}
    assert all(name.startswith(("mlp.correction", "distribution")) for name in trained)
    assert any(name.startswith("mlp.base.network.mlp") for name in actor.state_dict())
    actor.train()
    assert not actor.mlp.base.training and not actor.mlp.base.network.training
    actor(TensorDict(observations(), [50]), stochastic_output=True)
    actor.output_mean.square().sum().backward()
    assert all(p.grad is not None for p in actor.mlp.correction.parameters())
    assert all(not b.requires_grad for b in actor.mlp.base.buffers())


def test_observations_that_the_base_lacks_reach_the_correction(toy_cfg):
    layout = {**LAYOUT, "observations": {"actor": {"error": 2, "target_vel": 2, "wind": 3}}}
    actor, base = residual_actor(toy_cfg, layout, gain=1.0)
    assert not actor.has_statistics
    many = TensorDict(observations(1000, 7), [1000])
    actor.fold_in(many)
    assert actor.has_statistics
    wind = actor.mlp.extra_normaliser(many["actor"][:, 4:])
    torch.testing.assert_close(wind.mean(0), torch.zeros(3), atol=0.05, rtol=0)
    before = actor(observations(5, 7))
    changed = {"actor": observations(5, 7)["actor"] + torch.tensor([0.0] * 4 + [1.0, 0, 0])}
    assert not torch.equal(actor(changed), before)
    torch.testing.assert_close(
        base({"actor": changed["actor"][:, :4]}), actor.mlp.base(changed["actor"])
    )


def test_the_statistics_of_the_base_stay(toy_cfg):
    actor, _ = residual_actor(toy_cfg)
    before = {k: v.clone() for k, v in actor.state_dict().items()}
    actor.fold_in(TensorDict({"actor": 100.0 * torch.randn(64, WIDTH)}, [64]))
    assert all(torch.equal(v, before[k]) for k, v in actor.state_dict().items())
    assert actor.has_statistics


def test_settings_come_back_from_json_and_rebuild_the_same_actor(toy_cfg):
    actor, _ = residual_actor(toy_cfg, bound=0.3, gate=True)
    cfg = with_base(toy_cfg, bound=0.3, gate=True)
    again = build_actor(from_plain(TrainCfg, json.loads(json.dumps(to_plain(cfg)))), LAYOUT)
    again.load_state_dict(actor.state_dict())
    assert torch.equal(again(observations()), actor(observations()))


def test_a_residual_can_be_corrected_again(toy_cfg):
    """The base of the second one is a residual policy, normaliser included."""
    first, _ = residual_actor(toy_cfg, gain=1.0)
    cfg = with_base(toy_cfg, gain=1.0)
    second = build_actor(with_base(cfg, gain=0.0), LAYOUT)
    install(second, first)
    torch.testing.assert_close(second(observations()), first(observations()))
    _, x = second.mlp.base.act(observations()["actor"])
    torch.testing.assert_close(x, first.mlp.base.act(observations()["actor"])[1])


def test_the_log_tells_how_large_corrections_are_in_each_group(toy_cfg):
    actor, base = residual_actor(toy_cfg, gain=1.0)
    assert actor.auxiliary_metrics() == {}
    groups = torch.tensor([[0.0], [1.0]]).repeat(25, 1)
    actor.train()
    actor(TensorDict({**observations(), "motion_group": groups}, [50]), stochastic_output=True)
    metrics = actor.auxiliary_metrics()
    norms = base(observations()).detach().norm(dim=-1)
    corrections = (actor.output_mean - base(observations())).detach().norm(dim=-1)
    assert metrics["residual/base"] == pytest.approx(float(norms.mean()), rel=1e-5)
    assert metrics["residual/ratio"] == pytest.approx(float(corrections.mean() / norms.mean()))
    assert metrics["residual/teleop/base"] == pytest.approx(float(norms[1::2].mean()), rel=1e-5)
    assert metrics["residual/walk/correction"] == pytest.approx(
        float(corrections[::2].mean()), rel=1e-5
    )


def test_frozen_networks_have_no_parameters(toy_cfg):
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    names, before = list(network.state_dict()), network(torch.ones(1, 3))
    freeze(network)
    assert not list(network.parameters())
    assert list(network.state_dict()) == names
    assert torch.equal(network(torch.ones(1, 3)), before)
    assert isinstance(rebuild(with_base(toy_cfg).residual.base_network), FrozenPolicy)


def test_a_base_must_be_read_first(toy_cfg):
    toy_cfg.residual.base = "runs/gmt"
    with pytest.raises(MimiclabError, match="runs/gmt was not read yet"):
        rsl_rl_config(toy_cfg, LAYOUT)


def test_ppo_learns_the_correction_of_a_bad_base(toy_cfg):
    """The base pulls away from the target; the correction has to do the work."""
    env = ToyTracking(toy_cfg.num_envs)
    cfg = with_base(toy_cfg, gain=0.01)
    cfg.iterations = 40
    sink = Lines()
    runner = Runner(env, cfg, layout=LAYOUT, sinks=[sink])
    base = base_actor(toy_cfg)
    install(runner.alg.actor, base)
    frozen = {k: v.clone() for k, v in runner.alg.actor.mlp.base.state_dict().items()}
    runner.learn()
    lines = sink.lines
    assert lines[-1]["mean_reward"] > 1.5 * lines[3]["mean_reward"]
    assert lines[-1]["learning_rate"] > 0
    for name, value in runner.alg.actor.mlp.base.state_dict().items():
        assert torch.equal(value, frozen[name]), name
    ids = {id(p) for group in runner.alg.optimizer.param_groups for p in group["params"]}
    learnt = [*runner.alg.actor.parameters(), *runner.alg.critic.parameters()]
    assert ids == {id(p) for p in learnt}


def train_a_little(cfg):
    """Weights after a few updates, and how often the base was asked in rollouts and in updates."""
    torch.manual_seed(5)
    runner = Runner(ToyTracking(cfg.num_envs), with_base(cfg, gain=0.5), layout=LAYOUT)
    install(runner.alg.actor, base_actor(cfg))
    asked = {"rollout": 0, "update": 0}

    def count(*_):
        asked["rollout" if torch.is_inference_mode_enabled() else "update"] += 1

    runner.alg.actor.mlp.base.network.register_forward_hook(count)
    torch.manual_seed(6)
    runner.learn(iterations=4)
    return runner.alg.actor.state_dict(), asked


def test_the_base_acts_once_in_a_step_and_never_in_an_update(toy_cfg, monkeypatch):
    """What it did is stored with the step; learning is the same as without."""
    weights, asked = train_a_little(toy_cfg)
    assert asked == {"rollout": 4 * toy_cfg.ppo.steps_per_env, "update": 0}
    monkeypatch.setattr(ResidualActor, "noted", NormalisedMlp.noted)
    plain, asked = train_a_little(toy_cfg)
    assert asked["update"] > 0
    for name, value in weights.items():
        torch.testing.assert_close(value, plain[name], msg=name)
