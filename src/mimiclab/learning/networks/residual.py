"""A small network that corrects a frozen policy. Source: MOSAIC's residual adaptation."""

from typing import Any

import torch
from rsl_rl.modules import MLP
from tensordict import TensorDict
from torch import nn

from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.networks.frozen import FrozenPolicy, rebuild
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.networks.normalisation import SharedNormalisation

GATE_BIAS = -3.0
"""Logit of the gate at the start: it lets 5 % through."""
BASE_ACTION = "base_action"
"""Stored with each step: the frozen policy's action. (N, A)."""


class ResidualNetwork(nn.Module):
    """mean(o) = base(o) + scale * gate(o) * bound(r(o)); r sees o as the base normalises it.

    Observations that the base does not take reach r through statistics of their own.
    """

    extra: torch.Tensor

    def __init__(self, cfg: ResidualCfg, width: int, *, activation: str, until: int | None) -> None:
        """`width` is that of the observations, D; `until` is `PpoCfg.normalise_until`."""
        super().__init__()
        self.width = width
        spec = cfg.base_network
        self.base: FrozenPolicy = rebuild(spec)
        self.scale, self.bound, self.gate = cfg.scale, cfg.bound, cfg.gate
        extra = spec["extra"]
        self.register_buffer("extra", torch.tensor(extra, dtype=torch.long), persistent=False)
        self.extra_normaliser = (
            SharedNormalisation(len(extra), until=until) if extra else nn.Identity()
        )
        inputs = spec["observations"] + len(extra)
        self.correction = MLP(inputs, spec["actions"] + int(cfg.gate), list(cfg.hidden), activation)
        self._initialise(cfg.gain)
        self.last: tuple[torch.Tensor, torch.Tensor] | None = None
        """Actions of the base and corrections of the newest batch in training."""

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Mean actions (N, A) of raw observations (N, D).

        The base's actions may follow in columns D to D + A; then they are not computed.
        """
        if obs.shape[-1] == self.width:
            base, x = self.base.act(obs)
        else:
            obs, base = obs[..., : self.width], obs[..., self.width :]
            x = self.base.features(obs)
        if len(self.extra):
            x = torch.cat([x, self.extra_normaliser(obs[..., self.extra])], dim=-1)
        correction = self.correction(x)
        gate = self.scale
        if self.gate:
            correction, logit = correction[..., :-1], correction[..., -1:]
            gate = self.scale * torch.sigmoid(logit)
        if self.bound is not None:
            correction = self.bound * torch.tanh(correction / self.bound)
        correction = gate * correction
        if self.training:
            self.last = base, correction.detach()
        return base + correction

    def _initialise(self, gain: float) -> None:
        layers = [layer for layer in self.correction if isinstance(layer, nn.Linear)]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight, gain=gain if layer is layers[-1] else 1.0)
            nn.init.zeros_(layer.bias)
        if self.gate:
            with torch.no_grad():
                layers[-1].bias[-1] = GATE_BIAS


class ResidualActor(NormalisedMlp):
    """An actor whose mean is a frozen policy's action and a learnt correction.

    The frozen policy is part of `state_dict`: a checkpoint or an export needs no other file.
    """

    mlp: ResidualNetwork  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        residual: ResidualCfg,
        activation: str = "elu",
        normalise_until: int | None = None,
        distribution_cfg: dict[str, Any] | None = None,
    ) -> None:
        # Observations pass unchanged: the base and the correction normalise what they see.
        super().__init__(
            obs, obs_groups, obs_set, output_dim,
            hidden_dims=[1], activation=activation, obs_normalization=False,
            distribution_cfg=distribution_cfg,
        )  # fmt: skip
        self.group_names = tuple(residual.base_network["groups"])
        self.mlp = ResidualNetwork(
            residual, self.obs_dim, activation=activation, until=normalise_until
        )
        self._groups: torch.Tensor | None = None

    def forward(self, obs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Mean or sampled actions (N, A)."""
        if self.training:
            self._groups = obs.get("motion_group")
        return super().forward(obs, *args, **kwargs)

    def get_latent(self, obs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Raw observations (N, D), or (N, D + A) with what `noted` added."""
        seen, base = super().get_latent(obs, *args, **kwargs), obs.get(BASE_ACTION)
        return seen if base is None else torch.cat([seen, base], dim=-1)

    def noted(self, obs: TensorDict) -> TensorDict:
        """`obs` and the base's actions there."""
        noted = obs.copy()
        noted[BASE_ACTION] = self.mlp.base(self.observed(obs))
        return noted

    def fold_in(self, obs: TensorDict) -> None:
        """Add observations that the base does not take to the statistics of all processes."""
        normaliser = self.mlp.extra_normaliser
        if isinstance(normaliser, SharedNormalisation):
            extra = self.observed(obs)[..., self.mlp.extra]
            normaliser.fold_in(extra.reshape(-1, len(self.mlp.extra)))

    def input_normaliser(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift (D,) of what is observed, as the correction sees it."""
        net, base = self.mlp, self.mlp.base
        scale, shift = torch.ones(self.obs_dim), torch.zeros(self.obs_dim)
        columns = base.inputs.columns.cpu()
        scale[columns] = (base.inputs.scale * base.normaliser_scale).cpu()
        shift[columns] = (base.inputs.shift * base.normaliser_scale + base.normaliser_shift).cpu()
        if isinstance(net.extra_normaliser, SharedNormalisation):
            scale[net.extra.cpu()], shift[net.extra.cpu()] = net.extra_normaliser.affine()
        return scale, shift

    @property
    def has_statistics(self) -> bool:
        """Whether there are statistics of everything that is observed."""
        normaliser = self.mlp.extra_normaliser
        return not isinstance(normaliser, SharedNormalisation) or int(normaliser.count) > 0

    def auxiliary_metrics(self) -> dict[str, float]:
        """Log entries of the newest batch: mean norms of base actions and corrections, their ratio.

        Of each motion group too, where observations tell it.
        """
        if self.mlp.last is None:
            return {}
        base, correction = (x.norm(dim=-1) for x in self.mlp.last)
        metrics = _norms("residual", base, correction)
        if self._groups is not None and len(self._groups) == len(base):
            groups = self._groups.flatten().round().long()
            for i, name in enumerate(self.group_names):
                mine = groups == i
                if mine.any():
                    metrics |= _norms(f"residual/{name}", base[mine], correction[mine])
        return metrics

    def as_onnx(self, verbose: bool) -> nn.Module:
        """The deterministic policy for export, base and correction in one network."""
        self.mlp.last = self._groups = None
        return super().as_onnx(verbose)


def _norms(name: str, base: torch.Tensor, correction: torch.Tensor) -> dict[str, float]:
    a, b = float(base.mean()), float(correction.mean())
    return {f"{name}/base": a, f"{name}/correction": b, f"{name}/ratio": b / max(a, 1e-9)}
