"""Behaviour cloning of teachers on the student's own states, and how losses compare actions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from rsl_rl.storage import RolloutStorage
from rsl_rl.utils import unpad_trajectories

from mimiclab.learning import distributed
from mimiclab.learning.algorithms.auxiliary import AuxiliaryLoss, Schedule
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.teachers.routing import (
    TEACHER_INDEX,
    TEACHER_MEAN,
    TEACHER_STD,
    TeacherRouter,
)


@dataclass
class Imitation:
    """Who is imitated in a training, and by which losses."""

    router: TeacherRouter | None = None
    """Teachers on the student's own states."""
    losses: list[AuxiliaryLoss] = field(default_factory=list)
    """Losses beside those of PPO, or instead of them."""


def action_loss(
    kind: Literal["mse", "kl"],
    mean: torch.Tensor,
    std: torch.Tensor,
    target_mean: torch.Tensor,
    target_std: torch.Tensor | None = None,
) -> torch.Tensor:
    """How far actions (..., A) are from their targets, for each step (...).

    mse: squared difference of the means. kl: KL(N(mean, std) || N(target)), in nats, from the
    student's distribution to the target's (MOSAIC). Both are means over the actions, so that a
    weight fits robots of any number of joints.
    """
    square = (mean - target_mean).square()
    if kind == "mse":
        return square.mean(-1)
    if target_std is None:
        raise ValueError("loss kl needs the targets' standard deviation")
    ratio = (std / target_std).square()
    return (0.5 * (ratio + square / target_std.square() - 1.0 - ratio.log())).mean(-1)


class TeacherLoss(AuxiliaryLoss):
    """Distance of the student's actions from those that the storage holds of the teachers.

    Mean over all steps of weight x `action_loss`; steps that nobody teaches count as 0, so a
    group's part in the loss is its share of the steps (MOSAIC's n_g / N).
    """

    name = "bc_teacher"

    def __init__(
        self,
        cfg: ImitationCfg,
        groups: Sequence[str] = ("all",),
        weights: Sequence[float] = (1.0,),
        device: str | torch.device = "cpu",
    ) -> None:
        """Set up.

        Args:
            cfg: kind of loss and schedule of its weight.
            groups: motion group of each teacher, for the log.
            weights: factor of each teacher.
            device: torch device of the student.
        """
        self.kind: Literal["mse", "kl"] = cfg.loss
        self.schedule = Schedule(cfg.weight, cfg.decay, cfg.weight_min)
        self.groups = tuple(groups)
        self._weights = torch.tensor(weights, device=device)
        # For each teacher: steps, loss, distance of actions.
        self._sums = torch.zeros(len(self.groups), 3, device=device)
        self._calls = 0

    def __call__(self, actor: Any, batch: RolloutStorage.Batch) -> torch.Tensor:
        """Loss of a batch; see `AuxiliaryLoss`."""

        def stored(key: str) -> torch.Tensor | None:
            value = batch.observations.get(key)  # type: ignore[union-attr]
            padded = value is not None and batch.masks is not None
            return unpad_trajectories(value, batch.masks) if padded else value  # type: ignore[arg-type]

        index, target = stored(TEACHER_INDEX), stored(TEACHER_MEAN)
        assert index is not None and target is not None
        mean = actor.output_mean
        each = action_loss(self.kind, mean, actor.output_std, target, stored(TEACHER_STD))
        who = index.squeeze(-1).long()
        # One column a teacher; all zeros where nobody teaches.
        taught = who.unsqueeze(-1) == torch.arange(len(self.groups), device=who.device)
        distance = (mean.detach() - target).norm(dim=-1)
        facts = torch.stack([torch.ones_like(distance), each.detach(), distance], dim=-1)
        self._sums += taught.flatten(0, -2).float().T @ facts.flatten(0, -2)
        self._calls += 1
        return (each * (taught * self._weights).sum(-1)).mean()

    def metrics(self) -> dict[str, float]:
        """For each teacher, over the last update: loss, mean distance of actions, steps taught."""
        sums = distributed.sum_tensor(self._sums).tolist()
        calls, self._calls = max(self._calls, 1), 0
        self._sums.zero_()
        found = {}
        for group, (steps, loss, distance) in zip(self.groups, sums, strict=True):
            count = max(steps, 1.0)
            found[f"{self.name}/{group}/loss"] = loss / count
            found[f"{self.name}/{group}/action_l2"] = distance / count
            found[f"{self.name}/{group}/steps"] = steps / calls
        return found
