"""One process of two that train the toy problem by FastSAC; writes what it ended with."""

import sys
from pathlib import Path
from typing import Any

import torch
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.learning import distributed
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.actor import SacActor
from mimiclab.learning.fastsac.algorithm import FastSac
from mimiclab.learning.fastsac.cfg import SacCfg
from mimiclab.learning.runner import Runner

SAC = SacCfg(
    actor_hidden=(16,), critic_hidden=(16,), atoms=21, batch=64, updates=1, replay_steps=40,
    steps_per_env=8, save_replay=True,
)  # fmt: skip
_SEEN: list[torch.Tensor] = []
_FOLD_IN = SacActor.fold_in


def watch(self: SacActor, obs: Any) -> None:
    """Remember the observations that the statistics are made of."""
    _SEEN.append(obs["actor"].flatten(0, 1).clone())
    _FOLD_IN(self, obs)


def train(folder: Path, name: str, iterations: int, *, resume: bool) -> None:
    """Train in `folder` and write `name`-RANK.pt."""
    place = distributed.ranks()
    cfg = TrainCfg(num_envs=16, algorithm="fastsac", sac=SAC, progress="none")
    torch.manual_seed(100 + place.rank)  # networks begin unequal: the first one's are taken
    runner = Runner(ToyTracking(16, seed=place.rank), cfg, layout=LAYOUT, folder=folder)
    learner = runner.alg
    assert isinstance(learner, FastSac)
    remarks = runner.restore(folder / "checkpoints" / "last.pt") if resume else []
    kept = learner.replay.size
    runner.learn(iterations=iterations)
    state = learner.checkpoint()
    result = {
        "actor": state["actor"],
        "critic": state["critic"],
        "optimizer": state["optimizer"],
        "log_alpha": learner.log_alpha.detach(),
        "batch": learner.batch,
        "replay": learner.replay.reward,
        "seen": torch.cat(_SEEN),
        "remarks": remarks,
        "kept": kept,
        "steps": learner.gradient_steps,
    }
    torch.save(result, folder / f"{name}-{place.rank}.pt")


def average(folder: Path) -> None:
    """Gradients 1, 2 in the first process and 3, 4 in the second; one has none in either."""
    rank = distributed.ranks().rank
    parameters = [torch.zeros(1, requires_grad=True) for _ in range(3)]
    for number, parameter in enumerate(parameters[:2]):
        parameter.grad = torch.tensor([1.0 + number + 2.0 * rank])
    distributed.average_gradients(parameters)
    found = [None if p.grad is None else float(p.grad) for p in parameters]
    torch.save(found, folder / f"average-{rank}.pt")


def main() -> None:
    """Everything that the test looks at."""
    SacActor.fold_in = watch
    folder = Path(sys.argv[1])
    train(folder, "first", 5, resume=False)
    train(folder, "resumed", 7, resume=True)
    average(folder)
    distributed.stop()


if __name__ == "__main__":
    main()
