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


def test_final_observations_are_those_that_an_environment_without_auto_reset_ends_with(
    standing_cfg,
):
    def begin(auto_reset):
        cfg = standing_cfg(3, spread=0.02)
        cfg.auto_reset = auto_reset
        cfg.episode_length_s = 0.1
        cfg.seed = 5
        env = make_env(cfg, engine="native")
        env.reset()
        env.episode_length_buf[1] = 2  # ends earlier than the others
        return env

    env, by_hand = begin(True), begin(False)
    env.keep_final_observations = True
    told = []
    for step in range(7):
        action = torch.full((3, 29), 0.1 * step)
        obs, _, failed, late, extras = env.step(action)
        last, _, failed_too, late_too, _ = by_hand.step(action)
        assert torch.equal(failed, failed_too) and torch.equal(late, late_too)
        ended = (failed | late).nonzero().flatten()
        seen = {"actor": last["actor"].clone()}  # type: ignore
        if len(ended):
            assert torch.equal(extras["final_observations"]["actor"], seen["actor"])
            told.append((step, ended.tolist()))
            seen = by_hand.reset(env_ids=ended)[0]
        else:
            assert "final_observations" not in extras
        torch.testing.assert_close(obs["actor"], seen["actor"], rtol=0, atol=0)
    assert told == [(2, [1]), (4, [0, 2])]


def test_without_being_asked_nothing_is_observed_twice(standing_cfg):
    cfg = standing_cfg(2)
    cfg.episode_length_s = 0.04
    env = make_env(cfg, engine="native")
    env.reset()
    for _ in range(3):
        assert "final_observations" not in env.step(torch.zeros(2, 29))[-1]
