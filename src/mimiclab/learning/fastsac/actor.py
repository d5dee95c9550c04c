"""The actor: a squashed Gaussian whose every action has a bound of its own."""

import math
from typing import Any

import torch
from rsl_rl.modules.distribution import Distribution
from tensordict import TensorDict
from torch import nn
from torch.nn.functional import softplus

from mimiclab.learning.networks.mlp import NormalisedMlp

_LOG_2 = math.log(2.0)
_LOG_2PI = math.log(2.0 * math.pi)


class TanhGaussian(Distribution):
    """a = tanh(u) * bound, u ~ N(mean, std); `bound` (A,) is part of the weights.

    Probabilities are densities of `a`, so that entropies are in units of the action.
    """

    bound: torch.Tensor

    def __init__(self, output_dim: int, log_std_range: tuple[float, float] = (-5.0, 0.0)) -> None:
        super().__init__(output_dim)
        self.log_std_range = log_std_range
        self.register_buffer("bound", torch.ones(output_dim))
        self._mean = self._log_std = torch.zeros(1, output_dim)

    @property
    def input_dim(self) -> list[int]:
        """Means before tanh, and what the standard deviations are made of."""
        return [2, self.output_dim]

    def update(self, mlp_output: torch.Tensor) -> None:
        """Take the network's output (..., 2, A)."""
        self._mean, self._log_std = self.parameters_of(mlp_output)

    def parameters_of(self, mlp_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log std of u, (..., A) each, of the network's output (..., 2, A)."""
        mean, raw = mlp_output.float().unbind(-2)
        low, high = self.log_std_range
        return mean, low + 0.5 * (high - low) * (raw.tanh() + 1.0)

    def sample(self) -> torch.Tensor:
        """An action (..., A)."""
        noise = torch.randn_like(self._mean)
        return torch.tanh(self._mean + self._log_std.exp() * noise) * self.bound

    def action_and_log_prob(
        self, mlp_output: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions (B, A) for standard normal `noise` (B, A), and their log-densities (B,)."""
        mean, log_std = self.parameters_of(mlp_output)
        u = mean + log_std.exp() * noise
        log_u = -0.5 * (noise.square() + _LOG_2PI) - log_std
        # log(1 - tanh^2 u), exact for large |u| too.
        log_slope = 2.0 * (_LOG_2 - u - softplus(-2.0 * u))
        return torch.tanh(u) * self.bound, (log_u - log_slope - self.bound.log()).sum(-1)

    def deterministic_output(self, mlp_output: torch.Tensor) -> torch.Tensor:
        """tanh(mean) * bound, (..., A)."""
        return torch.tanh(mlp_output[..., 0, :]) * self.bound

    def as_deterministic_output_module(self) -> nn.Module:
        """`deterministic_output` as a module, for export."""
        return _Deterministic(self.bound.detach().clone())

    @property
    def mean(self) -> torch.Tensor:
        """Action of the mean, (..., A)."""
        return torch.tanh(self._mean) * self.bound

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation of small actions, (..., A): that of u times the bound."""
        return self._log_std.exp() * self.bound


class _Deterministic(nn.Module):
    bound: torch.Tensor

    def __init__(self, bound: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("bound", bound)

    def forward(self, mlp_output: torch.Tensor) -> torch.Tensor:
        return torch.tanh(mlp_output[..., 0, :]) * self.bound


class SacActor(NormalisedMlp):
    """Normaliser, layers of Linear, LayerNorm and SiLU, and heads that begin at zero."""

    distribution: TanhGaussian  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        hidden_dims: tuple[int, ...],
        log_std_range: tuple[float, float],
        **rest: Any,
    ) -> None:
        noise = {"class_name": TanhGaussian, "log_std_range": log_std_range}
        super().__init__(
            obs, obs_groups, obs_set, output_dim,
            hidden_dims=hidden_dims, distribution_cfg=noise, **rest,
        )  # fmt: skip
        layers: list[nn.Module] = []
        width = self.obs_dim
        for after in hidden_dims:
            layers += [nn.Linear(width, after), nn.LayerNorm(after), nn.SiLU()]
            width = after
        heads = nn.Linear(width, 2 * output_dim)
        nn.init.zeros_(heads.weight)
        nn.init.zeros_(heads.bias)
        self.mlp = nn.Sequential(*layers, heads, nn.Unflatten(-1, (2, output_dim)))  # pyright: ignore[reportIncompatibleVariableOverride]

    def draw(
        self, normalised: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions (B, A) and log-densities (B,) for normalised observations and noise (B, A)."""
        return self.distribution.action_and_log_prob(self.mlp(normalised), noise)
