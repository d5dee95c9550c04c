"""Extra losses of the actor: schedules, sums, what PPO does with them, what the log tells."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toy_teachers import class_of
from toy_tracking import Lines, same

from mimiclab.learning.algorithms.auxiliary import AuxiliaryLoss, AuxiliaryLosses, Schedule
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.config import TrainCfg


class Towards(AuxiliaryLoss):
    """Pulls mean actions to a value."""

    def __init__(self, name: str, value: float, weight: float, decay: float = 1.0) -> None:
        self.name, self.value = name, value
        self.schedule = Schedule(weight, decay)

    def __call__(self, actor: Any, batch: Any) -> torch.Tensor:
        return (actor.output_mean - self.value).square().mean()


def test_weights_shrink_to_their_minimum_by_hand() -> None:
    schedule = Schedule(1.0, 0.5, 0.2)
    seen = []
    for _ in range(4):
        seen.append(schedule.weight)
        schedule.step()
    assert seen == [1.0, 0.5, 0.25, 0.2]


class Quantised:
    """An actor with a loss of its own."""

    output_mean = torch.tensor([[1.0, 1.0]])

    def auxiliary_loss(self) -> torch.Tensor:
        return torch.tensor(0.25)

    def auxiliary_metrics(self) -> dict[str, float]:
        return {"perplexity": 7.0}


def test_sum_and_log_by_hand() -> None:
    # Distances from means of 1: 4 from 3, 1 from 0; 0.25 is the network's own.
    losses = AuxiliaryLosses([Towards("three", 3.0, 0.5, 0.5), Towards("zero", 0.0, 2.0)])
    actor, batch = Quantised(), SimpleNamespace()
    assert float(losses.compute_loss(actor, batch, 1)) == 0.25 + 0.5 * 4.0 + 2.0 * 1.0
    actor.output_mean = torch.tensor([[3.0, 3.0]])
    losses.compute_loss(actor, batch, 1)
    assert losses.read(actor) == {
        "network": 0.25,
        "three": 2.0,
        "three_weight": 0.5,
        "zero": 5.0,
        "zero_weight": 2.0,
        "perplexity": 7.0,
    }
    losses.step()
    other = AuxiliaryLosses([Towards("three", 3.0, 9.0), Towards("zero", 0.0, 9.0)])
    other.load_state_dict(losses.state_dict())
    assert [loss.schedule.weight for loss in other.losses] == [0.25, 2.0]


def test_ppo_follows_an_extra_loss_and_logs_it(toy_cfg: TrainCfg) -> None:
    sink = Lines()
    runner = class_of(toy_cfg, losses=[Towards("pull", 3.0, 1000.0)], sinks=[sink])
    runner.learn(iterations=40)
    first, last = sink.lines[1]["losses"], sink.lines[-1]["losses"]
    assert set(last) == {"value", "surrogate", "entropy", "pull", "pull_weight"}
    assert last["pull"] < 0.02 * first["pull"]


def test_a_loss_of_weight_zero_leaves_ppo_bit_for_bit(toy_cfg: TrainCfg) -> None:
    states = []
    for losses in ([], [Towards("pull", 3.0, 0.0)]):
        runner = class_of(toy_cfg, losses=losses)
        runner.learn(iterations=4)
        states.append(runner.state()["actor"])
    assert same(*states)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"mode": "hybrid"}, "needs somebody to imitate"),
        ({"recording": "x.h5"}, "mode is none"),
        ({"decay": 0.0}, "decay is 0.0"),
        ({"weight": 0.05}, "begins at 0.05 and is kept above 0.1"),
        ({"mode": "hybrid", "recording": "x.h5", "unroll": 4}, "only mode distil"),
        ({"recording_batch": 0}, "recording_batch is 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict, told: str) -> None:
    from mimiclab.errors import MimiclabError

    with pytest.raises(MimiclabError, match=told):
        replace(ImitationCfg(), **changes).check()
