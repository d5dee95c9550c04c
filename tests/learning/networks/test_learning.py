"""Every network learns the toy problem and is rebuilt from its settings and weights."""

from dataclasses import replace

import pytest
import torch
from toy_history import HistoryTracking, layout
from toy_tracking import LAYOUT, Lines, ToyTracking

from mimiclab.learning.build import build_actor
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.runner import Runner

NETWORKS = {
    "lstm": NetworkCfg(kind="recurrent", cell="lstm", width=32),
    "gru": NetworkCfg(kind="recurrent", cell="gru", width=32),
    "attention": NetworkCfg(kind="attention", width=32, heads=2),
    "transformer": NetworkCfg(kind="transformer", width=32, heads=2, layers=1),
    "fsq": NetworkCfg(kind="fsq", encoder=(32,), levels=(5,) * 6),
    "vq": NetworkCfg(kind="vq", encoder=(32,), codes=64, code_size=4, code_slots=4),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_to_track(toy_cfg: TrainCfg, name: str) -> None:
    ppo = replace(toy_cfg.ppo, epochs=4)
    cfg = replace(toy_cfg, ppo=ppo, network=NETWORKS[name], iterations=45)
    remembers = cfg.network.kind == "recurrent"
    torch.manual_seed(0)
    env = ToyTracking(32) if remembers else HistoryTracking(32)
    its_layout = LAYOUT if remembers else layout()
    sink = Lines()
    runner = Runner(env, cfg, layout=its_layout, sinks=[sink])
    runner.learn()
    assert sink.lines[1]["mean_episode_length"] < 15
    assert sink.lines[-1]["mean_episode_length"] > 40  # of 60

    actor = runner.alg.actor.eval()
    again = build_actor(cfg, its_layout).eval()
    again.load_state_dict(actor.state_dict())
    actor.reset()
    obs = env.get_observations()
    with torch.inference_mode():
        torch.testing.assert_close(actor(obs), again(obs), rtol=0, atol=0)


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_the_codebook_learns_inside_ppo_from_its_own_loss_alone(
    toy_cfg: TrainCfg, weight: float
) -> None:
    cfg = replace(toy_cfg, network=replace(NETWORKS["vq"], code_loss=weight))
    torch.manual_seed(0)
    sink = Lines()
    runner = Runner(HistoryTracking(32), cfg, layout=layout(), sinks=[sink])
    runner.learn(iterations=1)  # measures only; the codebook moves onto the first latents
    codebook = runner.alg.actor.encoder.quantiser.codebook  # type: ignore
    before = codebook.detach().clone()
    runner.learn(iterations=3)
    assert torch.equal(codebook, before) == (weight == 0.0)
    losses = sink.lines[-1]["losses"]
    assert (losses["network"] > 0.0) == (weight > 0.0)
    assert 4 < losses["code_perplexity"] <= 64 * losses["code_coverage"] <= 64
