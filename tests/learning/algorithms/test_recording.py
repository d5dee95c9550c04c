"""Cloning recorded steps: which are drawn, what is learnt, what is refused."""

from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict
from toy_teachers import class_of, solution, taught
from toy_tracking import Lines

from mimiclab.errors import RecordingError
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.algorithms.recording import RecordingLoss
from mimiclab.learning.config import TrainCfg

CFG = ImitationCfg(mode="hybrid", recording="x.h5", recording_batch=4)


class Watcher:
    """An actor that notes which rows it is shown, and does nothing."""

    output_std = torch.ones(7, 2)

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def __call__(self, obs: TensorDict) -> torch.Tensor:
        self.seen.append(obs["actor"][:, 0].int().tolist())
        return torch.zeros(len(obs["actor"]), 2)


def loss(seed: int = 0, rows: int = 10) -> RecordingLoss:
    obs = torch.arange(float(rows)).unsqueeze(1)
    return RecordingLoss(CFG, obs, torch.ones(rows, 2), seed=seed)


def test_every_batch_is_drawn_without_replacement_and_the_order_resumes() -> None:
    first, actor = loss(), Watcher()
    assert float(first(actor, SimpleNamespace())) == 1.0  # type: ignore[arg-type]
    first(actor, SimpleNamespace())  # type: ignore[arg-type]
    state = first.state_dict()
    first(actor, SimpleNamespace())  # type: ignore[arg-type]
    a, b, c = actor.seen
    assert len({*a, *b}) == 8 and len(set(c)) == 4  # of 10: the third needs a new round
    again, other = loss(), Watcher()
    again.load_state_dict(state)
    again(other, SimpleNamespace())  # type: ignore[arg-type]
    assert other.seen == [c]
    shuffled, third = loss(seed=1), Watcher()
    shuffled(third, SimpleNamespace())  # type: ignore[arg-type]
    assert third.seen[0] != a


def test_recorded_actions_are_learnt(toy_cfg: TrainCfg) -> None:
    obs = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    cfg = taught(toy_cfg, "distil", recording="x.h5", recording_weight=1.0)
    sink = Lines()
    runner = class_of(cfg, losses=[RecordingLoss(cfg.imitation, obs, solution(obs))], sinks=[sink])
    runner.learn(iterations=30)
    first, last = sink.lines[1]["losses"], sink.lines[-1]["losses"]
    assert last["bc_recording"] < 0.1 * first["bc_recording"]
    assert abs(last["bc_recording_weight"] - 0.99**28) < 1e-9
    # The statistics are those of the rollouts, which the recording did not enter.
    count = int(runner.alg.actor.state_dict()["obs_normalizer.count"])
    assert count == 30 * 16 * 32


def test_too_little_for_a_batch_and_missing_deviations_are_refused() -> None:
    with pytest.raises(RecordingError, match="holds 3 steps, a batch takes 4"):
        loss(rows=3)
    kl = ImitationCfg(mode="hybrid", recording="x.h5", recording_batch=4, loss="kl")
    with pytest.raises(RecordingError, match="use loss mse"):
        RecordingLoss(kl, torch.zeros(9, 1), torch.zeros(9, 2))
