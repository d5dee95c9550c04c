import pytest
import torch

from mimiclab.errors import EngineError
from mimiclab.simulation.env import make_env, resolve_engine


def test_auto_is_warp_on_a_gpu_and_native_elsewhere(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_engine("auto", None) == ("native", "cpu")
    assert resolve_engine("warp", None) == ("warp", "cpu")
    assert resolve_engine("auto", "cpu") == ("native", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_engine("auto", None) == ("warp", "cuda:0")
    assert resolve_engine("native", None) == ("native", "cpu")
    assert resolve_engine("auto", "cuda:1") == ("warp", "cuda:1")


def test_impossible_engines_are_refused_with_advice(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match="--device cpu"):
        resolve_engine("warp", "cuda:0")
    with pytest.raises(EngineError, match="'auto', 'native' or 'warp'"):
        resolve_engine("bullet", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(EngineError, match="--engine warp"):
        resolve_engine("native", "cuda:0")


def test_without_auto_reset_finished_environments_wait_for_the_caller(standing_cfg):
    cfg = standing_cfg(2)
    cfg.auto_reset = False
    cfg.episode_length_s = 0.04
    env = make_env(cfg, engine="native")
    env.reset()
    env.step(torch.zeros(2, 29))
    _, _, _, time_outs, _ = env.step(torch.zeros(2, 29))
    assert time_outs.all()
    with pytest.raises(EngineError, match=r"reset\(env_ids"):
        env.step(torch.zeros(2, 29))
    env.reset(env_ids=torch.tensor([0, 1]))
    env.step(torch.zeros(2, 29))


def test_seed_repeats_the_randomisation(standing_cfg):
    fields = []
    for _ in range(2):
        env = make_env(standing_cfg(2, randomise=True), engine="native")
        fields.append(env.sim.model.body_mass.clone())
    assert torch.equal(*fields)
