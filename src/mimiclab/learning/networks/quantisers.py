"""Discrete bottlenecks: finite scalar quantisation, and vector quantisation with a codebook."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import mse_loss

from mimiclab.learning import distributed

_REVIVE_AFTER = 10
"""Rollouts without use after which a code is replaced."""
_MARGIN = 1e-3
"""FSQ reaches this share beyond the outermost value, so that tanh can arrive there."""


class ScalarQuantiser(nn.Module):
    """Each number of the latent is bounded by tanh and rounded to one of a few values in [-1, 1].

    Mentzer et al. 2023, "Finite scalar quantization". The gradient passes the rounding unchanged.
    There is no codebook to learn and no loss.
    """

    kind = "fsq"
    reach: torch.Tensor
    offset: torch.Tensor
    shift: torch.Tensor
    steps: torch.Tensor
    base: torch.Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        count = torch.tensor(levels)
        self.latent_size = len(levels)
        self.num_codes = int(count.prod())
        # An even number of values has none at 0: they are shifted by half a step.
        offset = torch.where(count % 2 == 0, 0.5, 0.0)
        reach = (count - 1) * (1.0 + _MARGIN) / 2.0
        for name, values in {
            "reach": reach,
            "offset": offset,
            "shift": torch.atanh(offset / reach),
            "steps": (count // 2).float(),
            "base": torch.cat([count.new_ones(1), count[:-1]]).cumprod(0),
        }.items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantised latent (..., L) in [-1, 1] and code numbers (..., 1) of `z` (..., L)."""
        bounded = torch.tanh(z + self.shift) * self.reach - self.offset
        rounded = bounded + (torch.round(bounded) - bounded).detach()
        digits = (torch.round(bounded) + self.steps).long()
        return rounded / self.steps, (digits * self.base).sum(-1, keepdim=True)

    def bounded(self, z: torch.Tensor) -> torch.Tensor:
        """The latent before rounding, on the scale of the quantised one."""
        return (torch.tanh(z + self.shift) * self.reach - self.offset) / self.steps


class VectorQuantiser(nn.Module):
    """Each part of the latent is replaced by the nearest vector of a learnt codebook.

    Van den Oord et al. 2017, "Neural discrete representation learning". The gradient passes to the
    encoder unchanged; the codebook learns from its own loss alone (`auxiliary_loss`).

    The codebook changes only by gradient steps and in `settle`, never while a rollout acts: an
    action must have one probability in the rollout and in the update that learns from it.
    """

    kind = "vq"
    idle: torch.Tensor

    def __init__(self, codes: int, size: int, slots: int, *, commitment: float, weight: float):
        super().__init__()
        self.num_codes, self.size, self.slots = codes, size, slots
        self.latent_size = size * slots
        self.commitment, self.weight = commitment, weight
        self.codebook = nn.Parameter(torch.randn(codes, size))
        # Rollouts since the code was used; all beyond the limit until the first data come.
        self.register_buffer("idle", torch.full((codes,), _REVIVE_AFTER))
        self._loss: torch.Tensor | None = None
        self._codes = torch.zeros(0, dtype=torch.long)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantised latent (..., L) and code numbers (..., slots) of `z` (..., L)."""
        parts = z.unflatten(-1, (self.slots, self.size))
        codes = self.nearest(parts)
        chosen = self.codebook[codes]
        if torch.is_grad_enabled():
            pulls = mse_loss(chosen, parts.detach()), mse_loss(parts, chosen.detach())
            self._loss = self.weight * (pulls[0] + self.commitment * pulls[1])
            self._codes = codes.detach()
        return (parts + (chosen - parts).detach()).flatten(-2), codes

    def bounded(self, z: torch.Tensor) -> torch.Tensor:
        """The latent itself, which has no bounds."""
        return z

    def nearest(self, parts: torch.Tensor) -> torch.Tensor:
        """Numbers of the nearest codes of vectors (..., size)."""
        # |z - e|^2 without |z|^2, which is the same for all codes.
        scores = 2.0 * parts @ self.codebook.t() - self.codebook.square().sum(-1)
        return scores.argmax(-1)

    def auxiliary_loss(self) -> torch.Tensor | None:
        """Weighted codebook and commitment loss of the newest forward pass with gradients."""
        loss, self._loss = self._loss, None
        return loss

    def auxiliary_metrics(self) -> dict[str, float]:
        """Perplexity and share of codes of the newest forward pass with gradients."""
        counts = torch.bincount(self._codes.flatten(), minlength=self.num_codes)
        return {
            "code_perplexity": perplexity(counts),
            "code_coverage": float((counts > 0).float().mean()),
        }

    @torch.no_grad()
    def settle(self, z: torch.Tensor) -> None:
        """Put codes that lie idle onto latents (N, L) of the rollout; at first, all of them."""
        parts = z.unflatten(-1, (self.slots, self.size)).flatten(0, 1)
        counts = torch.bincount(self.nearest(parts), minlength=self.num_codes)
        used = distributed.sum_tensor(counts) > 0
        first = bool((self.idle >= _REVIVE_AFTER).all())
        self.idle.copy_(torch.where(used, 0, self.idle + 1))
        dead = torch.ones_like(used) if first else self.idle >= _REVIVE_AFTER
        drawn = parts[torch.randint(len(parts), (self.num_codes,), device=parts.device)]
        drawn = distributed.from_main(drawn.cpu()).to(parts)
        self.codebook.copy_(torch.where(dead[:, None], drawn, self.codebook))
        self.idle[dead] = 0

    def __getstate__(self) -> dict:
        # A loss belongs to one graph, which cannot be copied; the network can.
        return {**self.__dict__, "_loss": None}


def perplexity(counts: torch.Tensor) -> float:
    """How many equally frequent codes would be as hard to guess: exp of the entropy of `counts`."""
    p = counts[counts > 0].double()
    if not len(p):
        return 0.0
    p = p / p.sum()
    return float(torch.exp(-(p * p.log()).sum()))
