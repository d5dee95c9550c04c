"""An actor with an encoder before its MLP: attention, transformer, quantised reference."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from tensordict import TensorDict
from torch import nn

from mimiclab.learning.networks.attention import TemporalAttention
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Encoder
from mimiclab.learning.networks.layout import TermSlot
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.networks.quantised import QuantisedReference
from mimiclab.learning.networks.transformer import FrameTransformer


class EncodedActor(NormalisedMlp):
    """Observation -> normaliser -> encoder -> MLP."""

    encoder: Encoder

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        network: NetworkCfg,
        slots: Sequence[TermSlot],
        activation: str = "elu",
        **rest: Any,
    ) -> None:
        encoder = make_encoder(network, slots, activation)
        self._encoder_size = encoder.output_size
        super().__init__(obs, obs_groups, obs_set, output_dim, activation=activation, **rest)
        self.encoder = encoder

    def _get_latent_dim(self) -> int:
        return self._encoder_size

    def get_latent(
        self, obs: TensorDict, masks: torch.Tensor | None = None, hidden_state: Any = None
    ) -> torch.Tensor:
        """Features (..., L) of the observation groups."""
        return self.encoder(super().get_latent(obs))

    def fold_in(self, obs: TensorDict) -> None:
        """Add a rollout to the statistics, then show it to the encoder."""
        super().fold_in(obs)
        with torch.no_grad():
            x = super().get_latent(obs)
            self.encoder.settle(x.reshape(-1, x.shape[-1]))

    def auxiliary_loss(self) -> torch.Tensor | None:
        """The encoder's own loss for the newest forward pass with gradients; once."""
        return self.encoder.auxiliary_loss()

    def auxiliary_metrics(self) -> dict[str, float]:
        """The encoder's numbers for the log."""
        return self.encoder.auxiliary_metrics()

    def as_onnx(self, verbose: bool = False) -> nn.Module:
        """A module from raw observations (N, D) to mean actions (N, A)."""
        return _MeanAction(self)


class _MeanAction(nn.Module):
    def __init__(self, actor: EncodedActor) -> None:
        super().__init__()
        parts = [actor.obs_normalizer, actor.encoder, actor.mlp]
        if actor.distribution is not None:
            parts.append(actor.distribution.as_deterministic_output_module())
        self.parts = nn.Sequential(*(copy.deepcopy(part) for part in parts))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.parts(obs)


def make_encoder(cfg: NetworkCfg, slots: Sequence[TermSlot], activation: str) -> Encoder:
    """The encoder that the settings name.

    Raises:
        MimiclabError: the observation does not suit it.
    """
    if cfg.kind == "attention":
        return TemporalAttention(slots, cfg)
    if cfg.kind == "transformer":
        return FrameTransformer(slots, cfg)
    if cfg.kind in ("fsq", "vq"):
        return QuantisedReference(slots, cfg, activation)
    raise ValueError(f"network {cfg.kind!r} has no encoder")
