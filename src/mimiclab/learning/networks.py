"""Networks: rsl_rl's MLP with observation statistics that all processes of a training share."""

from typing import Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.modules import EmpiricalNormalization
from tensordict import TensorDict

from mimiclab.learning import distributed


class SharedNormalisation(EmpiricalNormalization):
    """Running mean and variance over the samples of all processes.

    The buffers are those of rsl_rl, so that weights load both ways. rsl_rl folds in each process's
    own samples at each step; here a whole rollout of all processes is folded in at once, between
    two updates. So the processes stay equal, and the statistics do not move between the moment
    an action is drawn and the moment its probability is computed again.
    """

    _mean: torch.Tensor
    _var: torch.Tensor
    _std: torch.Tensor
    count: torch.Tensor

    @torch.no_grad()
    def fold_in(self, samples: torch.Tensor) -> None:
        """Add `samples` (N, D) of this process, and those of all others, to the statistics.

        Every process must call this at the same time. Chan's update of pooled moments, in float64.
        """
        if self.until is not None and int(self.count) >= self.until:
            return
        x = samples.to(torch.float64)
        mine = torch.cat([x.new_tensor([float(len(x))]), x.sum(0), x.square().sum(0)])
        total, first, second = distributed.sum_tensor(mine).split([1, x.shape[1], x.shape[1]])
        mean_new = first / total
        var_new = (second / total - mean_new.square()).clamp_min(0.0)
        share = total / (total + self.count)
        mean, var = self._mean.double(), self._var.double()
        delta = mean_new - mean
        self._var.copy_(var + share * (var_new - var + delta.square() * (1.0 - share)))
        self._mean.copy_(mean + share * delta)
        self._std.copy_(self._var.sqrt())
        self.count += int(total)


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

    def update_normalization(self, obs: TensorDict) -> None:
        """Nothing: statistics are folded in once a rollout, see `fold_in`."""

    def fold_in(self, obs: TensorDict) -> None:
        """Add observations of batch shape (..., ) to the statistics of all processes."""
        if isinstance(self.obs_normalizer, SharedNormalisation):
            x = torch.cat([obs[group] for group in self.obs_groups], dim=-1)
            self.obs_normalizer.fold_in(x.reshape(-1, x.shape[-1]))

    @property
    def has_statistics(self) -> bool:
        """Whether the normaliser has seen samples, or is not used."""
        normaliser = self.obs_normalizer
        return not isinstance(normaliser, SharedNormalisation) or int(normaliser.count) > 0
