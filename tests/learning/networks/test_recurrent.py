"""Recurrent policies: the update sees what the rollout did, and memories end with episodes."""

from dataclasses import replace

import pytest
import torch
from tensordict import TensorDict
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.errors import MimiclabError
from mimiclab.learning.build import build_actor, rsl_rl_config
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.recurrent import RecurrentActor
from mimiclab.learning.runner import Runner


def settings(toy_cfg: TrainCfg, cell: str = "lstm") -> TrainCfg:
    network = NetworkCfg(kind="recurrent", cell=cell, width=16)  # pyright: ignore
    return replace(toy_cfg, network=network)


def actor_of(toy_cfg: TrainCfg, cell: str = "lstm") -> RecurrentActor:
    torch.manual_seed(0)
    actor = build_actor(settings(toy_cfg, cell), LAYOUT)
    assert isinstance(actor, RecurrentActor)
    return actor


def batch(*rows: float) -> TensorDict:
    return TensorDict({"actor": torch.tensor(rows)[:, None].expand(-1, 4)}, [len(rows)])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_update_gives_the_probabilities_of_the_rollout(toy_cfg: TrainCfg, cell: str) -> None:
    """Sequences cut at episode ends and padded lead to the same distributions as single steps."""
    cfg = replace(settings(toy_cfg, cell), iterations=2)
    runner = Runner(ToyTracking(32), cfg, layout=LAYOUT)
    runner.learn()
    alg, storage = runner.alg, runner.alg.storage
    storage.clear()
    obs = runner._reset()
    for _ in range(2):  # the second rollout begins with memories of the first
        storage.clear()
        obs, _ = runner._rollout(obs)
    assert storage.dones.any()
    seen = 0
    for b in storage.recurrent_mini_batch_generator(cfg.ppo.mini_batches, 1):
        with torch.no_grad():
            alg.actor(
                b.observations, masks=b.masks, hidden_state=b.hidden_states[0],
                stochastic_output=True,
            )  # fmt: skip
        new = alg.actor.get_output_log_prob(b.actions)
        torch.testing.assert_close(new, b.old_actions_log_prob.squeeze(-1), rtol=1e-4, atol=1e-4)
        assert new.shape == b.advantages.squeeze(-1).shape == (16, 8)
        seen += new.numel()
    assert seen == 16 * 32


def test_a_new_loop_begins_without_memories(toy_cfg: TrainCfg) -> None:
    runner = Runner(ToyTracking(32), settings(toy_cfg), layout=LAYOUT)
    runner.learn(iterations=1)
    assert any(part.any() for part in runner.alg.actor.get_hidden_state())  # type: ignore
    runner._reset()
    assert not any(part.any() for part in runner.alg.actor.get_hidden_state())  # type: ignore


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_memory_matters_and_ends_where_it_is_told_to(toy_cfg: TrainCfg, cell: str) -> None:
    actor = actor_of(toy_cfg, cell)
    with torch.inference_mode():
        first = actor(batch(1.0, 2.0, 3.0))
        second = actor(batch(1.0, 2.0, 3.0))
    assert not torch.allclose(first, second, atol=1e-6)
    actor.reset(torch.tensor([0, 1, 0]))
    third = actor(batch(1.0, 2.0, 3.0))
    torch.testing.assert_close(third[1], first[1])
    assert not torch.allclose(third[[0, 2]], first[[0, 2]], atol=1e-6)
    actor.reset()
    torch.testing.assert_close(actor(batch(1.0, 2.0, 3.0)), first)


def test_another_number_of_environments_is_refused(toy_cfg: TrainCfg) -> None:
    actor = actor_of(toy_cfg)
    actor(batch(1.0, 2.0))
    with pytest.raises(MimiclabError, match=r"remembers 2 environments.*of 3; call reset"):
        actor(batch(1.0, 2.0, 3.0))
    actor.reset()
    assert actor(batch(1.0, 2.0, 3.0)).shape == (3, 2)


@pytest.mark.parametrize("envs, batches, advice", [(128, 10, 8), (4, 4, 2), (30, 4, 3)])
def test_environments_that_would_never_be_learnt_from_are_refused(
    toy_cfg: TrainCfg, envs: int, batches: int, advice: int
) -> None:
    ppo = replace(toy_cfg.ppo, mini_batches=batches)
    cfg = replace(settings(toy_cfg), num_envs=envs, ppo=ppo)
    with pytest.raises(MimiclabError, match=f"set --ppo.mini-batches {advice}$"):
        rsl_rl_config(cfg, LAYOUT)
    rsl_rl_config(replace(cfg, ppo=replace(ppo, mini_batches=advice)), LAYOUT)
