"""Two critics that predict distributions of returns, and their targets."""

import copy
import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import layer_norm, silu

from mimiclab.learning.networks.normalisation import SharedNormalisation


class PairedLinear(nn.Module):
    """Two linear layers in one product: (2, B, in) -> (2, B, out), initialised as nn.Linear."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(2, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of both layers."""
        return torch.baddbmm(self.bias, x, self.weight)


class PairedNorm(nn.Module):
    """Layer norm of two networks, each with its own scale and shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, width))
        self.bias = nn.Parameter(torch.zeros(2, 1, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        return layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class PairedCritic(nn.Module):
    """Linear, LayerNorm, SiLU layers of two independent networks; logits (2, B, K)."""

    def __init__(self, inputs: int, hidden: tuple[int, ...], atoms: int) -> None:
        super().__init__()
        widths = (inputs, *hidden)
        self.layers = nn.ModuleList(PairedLinear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(PairedNorm(width) for width in hidden)
        self.head = PairedLinear(widths[-1], atoms)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of both networks for inputs (B, D)."""
        x = x.unsqueeze(0).expand(2, -1, -1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = silu(norm(layer(x)))
        return self.head(x).float()


class TwinCritic(nn.Module):
    """Observation statistics, two networks, and a slowly following target of each."""

    support: torch.Tensor

    def __init__(
        self,
        sizes: Mapping[str, int],
        groups: list[str],
        num_actions: int,
        *,
        hidden: tuple[int, ...],
        atoms: int,
        value_range: tuple[float, float],
        normalise: bool,
        normalise_until: int | None,
    ) -> None:
        """Build both, and targets equal to them.

        Args:
            sizes: numbers in each observation group.
            groups: those that it sees.
            num_actions: actions A.
            hidden: widths.
            atoms: values K of the support.
            value_range: its ends.
            normalise: whether to standardise observations.
            normalise_until: samples after which their statistics are frozen.
        """
        super().__init__()
        self.obs_groups = list(groups)
        self.obs_dim = sum(sizes[group] for group in groups)
        self.obs_normalizer = (
            SharedNormalisation(self.obs_dim, until=normalise_until) if normalise else nn.Identity()
        )
        self.online = PairedCritic(self.obs_dim + num_actions, hidden, atoms)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.register_buffer("support", torch.linspace(*value_range, atoms))

    def observed(self, obs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What it sees, as it is, (..., D)."""
        return torch.cat([obs[group] for group in self.obs_groups], dim=-1)

    def fold_in(self, obs: Mapping[str, torch.Tensor]) -> None:
        """Add observations of any batch shape to the statistics of all processes."""
        if isinstance(self.obs_normalizer, SharedNormalisation):
            self.obs_normalizer.fold_in(self.observed(obs).reshape(-1, self.obs_dim))

    def values(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Expected returns (2, B) of distributions (2, B, K)."""
        return (probabilities * self.support).sum(-1)

    @torch.no_grad()
    def follow(self, tau: float) -> None:
        """Move the targets by the share `tau` towards the networks."""
        for target, online in zip(self.target.parameters(), self.online.parameters(), strict=True):
            target.lerp_(online, tau)
