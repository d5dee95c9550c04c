"""Losses of the actor beside PPO's own, with weights that decay, in one place of PPO's update."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rsl_rl.storage import RolloutStorage

from mimiclab.learning import distributed
from mimiclab.learning.algorithms.symmetry import Symmetry


@dataclass
class Schedule:
    """A weight that shrinks by a factor after each update, down to a minimum."""

    weight: float
    decay: float = 1.0
    minimum: float = 0.0

    def step(self) -> None:
        """An update has ended."""
        self.weight = max(self.weight * self.decay, self.minimum)


class AuxiliaryLoss(ABC):
    """One loss. It is called in each gradient step, right after the actor has seen the batch."""

    name: str
    """Its entry in the log line."""
    schedule: Schedule
    """Its weight."""

    @abstractmethod
    def __call__(self, actor: Any, batch: RolloutStorage.Batch) -> torch.Tensor:
        """The loss of a batch, a scalar, unweighted.

        Args:
            actor: its `output_mean` and `output_std` are those of `batch`.
            batch: steps of the rollout; observations (B, D), or padded trajectories under `masks`.
        """

    def metrics(self) -> dict[str, float]:
        """More entries of the log line, over the last update. All processes call it together."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must put back."""
        return {"weight": self.schedule.weight}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.schedule.weight = state["weight"]


class AuxiliaryLosses:
    """Sums losses inside rsl_rl's PPO, which adds to its own what its `symmetry` object returns.

    A network with a loss of its own (a vector quantiser's) has `auxiliary_loss()`, a scalar with
    its weight in it or None, about the batch that it saw last, and may have `auxiliary_metrics()`,
    a dict of numbers for the log.
    """

    use_mirror_loss = True
    mirror_loss_coeff = 1.0

    def __init__(
        self, losses: Sequence[AuxiliaryLoss] = (), symmetry: Symmetry | None = None
    ) -> None:
        self.losses = list(losses)
        self.symmetry = symmetry
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def augment_batch(self, batch: RolloutStorage.Batch, original_batch_size: int) -> None:
        """Add mirrored samples, if there is a symmetry."""
        del original_batch_size
        if self.symmetry is not None:
            self.symmetry.augment_batch(batch)

    def compute_loss(
        self, actor: Any, batch: RolloutStorage.Batch, original_batch_size: int
    ) -> torch.Tensor:
        """Weighted sum of all losses of a batch that the actor has just seen; a scalar."""
        # The network's own loss first: a loss may show the network other observations.
        own = getattr(actor, "auxiliary_loss", None)
        found = own() if own is not None else None
        total = torch.zeros((), device=actor.output_mean.device)
        if found is not None:
            total = total + found
            self._note("network", found)
        if self.symmetry is not None and self.symmetry.weight:
            asymmetry = self.symmetry.loss(actor, batch, original_batch_size)
            total = total + self.symmetry.weight * asymmetry
            self._note("mirror", asymmetry)
        for loss in self.losses:
            value = loss(actor, batch)
            total = total + loss.schedule.weight * value
            self._note(loss.name, value)
        self._count += 1
        return total

    def read(self, actor: Any) -> dict[str, float]:
        """Means since the last call, over all processes, and the present weights, for the log."""
        values: dict[str, float] = {}
        if self._sums:
            sums = distributed.sum_tensor(torch.stack(list(self._sums.values())))
            count = self._count * distributed.ranks().world_size
            values = dict(zip(self._sums, (sums / count).tolist(), strict=True))
        self._sums, self._count = {}, 0
        for loss in self.losses:
            values[f"{loss.name}_weight"] = loss.schedule.weight
            values |= loss.metrics()
        own = getattr(actor, "auxiliary_metrics", None)
        return values | (own() if own is not None else {})

    def step(self) -> None:
        """An update has ended: weights move on."""
        for loss in self.losses:
            loss.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must put back."""
        return {loss.name: loss.state_dict() for loss in self.losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        for loss in self.losses:
            if loss.name in state:
                loss.load_state_dict(state[loss.name])

    def _note(self, name: str, value: torch.Tensor) -> None:
        # Summed on the device and read once an update: reading would wait for the device.
        before = self._sums.get(name)
        value = value.detach()
        self._sums[name] = value if before is None else before + value
