"""A transformer over the frames of the history."""

from collections.abc import Sequence

import torch
from torch import nn

from mimiclab.learning.networks.attention import require_heads
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Columns, Encoder
from mimiclab.learning.networks.layout import TermSlot, frame_columns, require_history

_LAYERS = 2


class FrameTransformer(Encoder):
    """One token for each moment; the features are the last one's after self-attention.

    Observations are stored term by term, each with its frames; tokens need them moment by moment
    (`frame_columns`). MOSAIC cuts the vector into equal pieces instead, which mixes terms and
    moments. Its dropout of 0.1 is left out: PPO compares the probability of an action in the
    rollout with that in the update, and a network that differs at random between both looks like
    one that has learnt.
    """

    def __init__(self, slots: Sequence[TermSlot], cfg: NetworkCfg) -> None:
        """Build for an observation of the terms `slots`.

        Raises:
            MimiclabError: no history, or a width that the heads do not share out.
        """
        super().__init__()
        require_history(slots, cfg.kind)
        require_heads(cfg)
        frames = frame_columns(slots)
        self.frames = Columns(frames)
        self.embed = nn.Linear(frames.shape[1], cfg.width)
        self.positions = nn.Parameter(0.02 * torch.randn(len(frames), 1, cfg.width))
        layer = nn.TransformerEncoderLayer(
            cfg.width,
            cfg.heads,
            dim_feedforward=4 * cfg.width,
            dropout=0.0,
            activation="gelu",
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, cfg.layers or _LAYERS, nn.LayerNorm(cfg.width), enable_nested_tensor=False
        )
        self.output_size = cfg.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of normalised observations (..., D)."""
        tokens = self.embed(self.frames(x.reshape(-1, x.shape[-1]))).transpose(0, 1)
        last = self.layers(tokens + self.positions)[-1]
        return last.reshape(*x.shape[:-1], self.output_size)
