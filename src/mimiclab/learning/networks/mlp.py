"""The plain network: rsl_rl's MLP with shared observation statistics."""

from typing import Any

import torch
from rsl_rl.models import MLPModel
from tensordict import TensorDict

from mimiclab.learning.networks.normalisation import SharedNormalisation


class NormalisedMlp(MLPModel):
    """rsl_rl's MLP model, with `SharedNormalisation` at its input."""

    obs_normalizer: torch.nn.Module

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        normalise_until: int | None = None,
        output_gain: float = 1.0,
        **rest: Any,
    ) -> None:
        super().__init__(obs, obs_groups, obs_set, output_dim, **rest)
        if output_gain != 1.0:
            last = [layer for layer in self.mlp if isinstance(layer, torch.nn.Linear)][-1]
            with torch.no_grad():
                last.weight.mul_(output_gain)
                last.bias.mul_(output_gain)
        if self.obs_normalization:
            self.obs_normalizer = SharedNormalisation(self.obs_dim, until=normalise_until)

    def observed(self, obs: TensorDict) -> torch.Tensor:
        """What it sees, as it is, (..., D)."""
        return torch.cat([obs[group] for group in self.obs_groups], dim=-1)

    def update_normalization(self, obs: TensorDict) -> None:
        """Nothing: statistics are folded in once a rollout, see `fold_in`."""

    def fold_in(self, obs: TensorDict) -> None:
        """Add observations of batch shape (..., ) to the statistics of all processes."""
        if isinstance(self.obs_normalizer, SharedNormalisation):
            self.obs_normalizer.fold_in(self.observed(obs).reshape(-1, self.obs_dim))

    def noted(self, obs: TensorDict) -> TensorDict:
        """`obs` and what of them no update changes, to be stored instead of computed each time."""
        return obs

    @property
    def has_statistics(self) -> bool:
        """Whether the normaliser has seen samples, or is not used."""
        normaliser = self.obs_normalizer
        return not isinstance(normaliser, SharedNormalisation) or int(normaliser.count) > 0

    def input_normaliser(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift (D,), on the CPU, that observations get first; 1, 0 if none."""
        if isinstance(self.obs_normalizer, SharedNormalisation):
            return self.obs_normalizer.affine()
        return torch.ones(self.obs_dim), torch.zeros(self.obs_dim)
