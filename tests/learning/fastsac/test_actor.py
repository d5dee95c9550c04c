"""The squashed Gaussian against torch.distributions, and the network around it."""

import math
from dataclasses import replace

import onnxruntime
import pytest
import torch
from torch.distributions import AffineTransform, Normal, TanhTransform, TransformedDistribution

from mimiclab.deployment.graph import write_graph
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.actor import SacActor, TanhGaussian
from mimiclab.learning.fastsac.cfg import SacCfg, tracking_sac

LAYOUT = {
    "observations": {"actor": {"a": 5, "b": 2}, "critic": {"c": 3}},
    "actions": {"joint_pos": 3},
}
BOUND = torch.tensor([0.5, 2.0, 20.0])


def actor() -> SacActor:
    torch.manual_seed(0)
    cfg = TrainCfg(algorithm="fastsac", sac=SacCfg(actor_hidden=(16, 8)))
    built = build_actor(cfg, LAYOUT)
    assert isinstance(built, SacActor)
    built.distribution.bound.copy_(BOUND)
    return built


def heads(net: SacActor) -> torch.nn.Linear:
    layer = net.mlp[-2]
    assert isinstance(layer, torch.nn.Linear)
    return layer


def test_log_density_is_that_of_torch_distributions() -> None:
    torch.manual_seed(1)
    squashed = TanhGaussian(3).double()
    squashed.bound.copy_(BOUND)
    output = torch.randn(200, 2, 3, dtype=torch.float64)
    noise = torch.randn(200, 3)
    actions, log_prob = squashed.action_and_log_prob(output, noise)
    mean, raw = output.float().unbind(-2)
    log_std = -5.0 + 2.5 * (raw.tanh() + 1.0)
    assert float(log_std.min()) > -5.0 and float(log_std.max()) < 0.0
    expected = TransformedDistribution(
        Normal(mean, log_std.exp()),
        [TanhTransform(cache_size=1), AffineTransform(0.0, BOUND, cache_size=1)],
    )
    u = mean + log_std.exp() * noise
    torch.testing.assert_close(actions.float(), u.tanh() * BOUND)
    inside = (u.abs() < 3.0).all(-1)  # torch inverts tanh, which loses digits near the bound
    torch.testing.assert_close(
        log_prob[inside].float(), expected.log_prob(actions.float()).sum(-1)[inside],
        atol=2e-3, rtol=1e-3,
    )  # fmt: skip


def test_log_density_is_finite_far_beyond_where_tanh_saturates() -> None:
    squashed = TanhGaussian(1)
    output = torch.tensor([[[40.0], [0.0]], [[-40.0], [0.0]]])
    _, log_prob = squashed.action_and_log_prob(output, torch.zeros(2, 1))
    # -log(std sqrt(2 pi)) - log(4) + 2 |u|, with log std = -2.5.
    expected = 2.5 - 0.5 * math.log(2 * math.pi) - math.log(4.0) + 80.0
    torch.testing.assert_close(log_prob, torch.full((2,), expected))


def test_the_density_integrates_to_one() -> None:
    """Over a grid of u, mapped to actions: sum of p(a) da."""
    squashed = TanhGaussian(1)
    squashed.bound.fill_(3.0)
    noise = torch.linspace(-8, 8, 20_001).unsqueeze(-1)
    output = torch.tensor([[0.3], [0.4]]).expand(len(noise), 2, 1)
    actions, log_prob = squashed.action_and_log_prob(output, noise)
    total = torch.trapezoid(log_prob.double().exp(), actions.squeeze(-1).double())
    assert float(total) == pytest.approx(1.0, abs=1e-3)


def test_target_entropy_is_in_units_of_the_action() -> None:
    """Ratio 0 is a Gaussian of std 0.24 in those units, 0.5 one of 0.15, whatever the bound."""
    for cfg, std in ((SacCfg(), 0.242), (tracking_sac(), 0.147)):
        target_per_action = -cfg.target_entropy_ratio
        entropy = 0.5 * math.log(2 * math.pi * math.e * std**2)
        assert target_per_action == pytest.approx(entropy, abs=2e-3)
        for bound in (5.0, 50.0):  # far away, so that tanh is nearly straight
            squashed = TanhGaussian(1, log_std_range=(-20.0, 20.0))
            squashed.bound.fill_(bound)
            raw = math.atanh(math.log(std / bound) / 20.0)
            output = torch.tensor([[0.0], [raw]]).expand(200_000, 2, 1)
            torch.manual_seed(0)
            _, log_prob = squashed.action_and_log_prob(output, torch.randn(200_000, 1))
            assert -float(log_prob.mean()) == pytest.approx(target_per_action, abs=0.02)


def test_training_starts_at_the_mean_action_with_equal_noise() -> None:
    net = actor()
    obs = {"actor": torch.randn(50, 7)}
    assert torch.equal(net(obs), torch.zeros(50, 3))  # type: ignore
    net(obs, stochastic_output=True)  # type: ignore
    torch.testing.assert_close(net.output_std[0], math.exp(-2.5) * BOUND)


def test_actions_stay_within_their_bounds() -> None:
    net = actor()
    torch.nn.init.normal_(heads(net).weight, std=10.0)
    obs = {"actor": torch.randn(500, 7)}
    drawn = net(obs, stochastic_output=True)  # type: ignore
    assert (drawn.abs() <= BOUND).all()
    assert (net(obs).abs().amax(0) > 0.95 * BOUND).all()  # type: ignore


def test_an_exported_actor_acts_alike(tmp_path) -> None:
    net = actor().eval()
    torch.nn.init.normal_(heads(net).weight)
    net.fold_in({"actor": 1.0 + 3.0 * torch.randn(300, 7)})  # type: ignore
    path = tmp_path / "p.onnx"
    obs = 1.0 + 3.0 * torch.randn(40, 7)
    write_graph(net.as_onnx(verbose=False), {"obs": obs[:2]}, ["actions"], path, {})
    given = onnxruntime.InferenceSession(path).run(None, {"obs": obs.numpy()})[0]
    with torch.inference_mode():
        expected = net({"actor": obs})  # type: ignore
    # Relative to the largest action, as exports are checked.
    torch.testing.assert_close(torch.from_numpy(given), expected, atol=1e-5 * 20.0, rtol=0)
    assert float(expected.std()) > 0.1


def test_bounds_are_part_of_the_weights() -> None:
    cfg = TrainCfg(algorithm="fastsac", sac=replace(SacCfg(), actor_hidden=(16, 8)))
    again = build_actor(cfg, LAYOUT)
    again.load_state_dict(actor().state_dict())
    assert torch.equal(again.distribution.bound, BOUND)  # type: ignore
