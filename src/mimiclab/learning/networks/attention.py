"""Attention over time: the robot's present state asks the frames of reference and history."""

from collections.abc import Sequence

import torch
from torch import nn

from mimiclab.errors import MimiclabError
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Columns, Encoder
from mimiclab.learning.networks.layout import (
    TermSlot,
    frame_columns,
    require_history,
    split_reference,
)


class TemporalAttention(Encoder):
    """Multi-head attention; features are what it found, beside the robot's present state.

    Keys and values are one token for each moment of the reference and one for each moment of the
    robot's own history, with learnt positions; the query is the robot's present state.

    MOSAIC's variant has one key: all frames in one vector. The softmax over one score is 1 for any
    query, so its output is a linear map of that vector and neither query nor key learns anything.
    """

    def __init__(self, slots: Sequence[TermSlot], cfg: NetworkCfg) -> None:
        """Build for an observation of the terms `slots`.

        Raises:
            MimiclabError: no history, no reference or no robot terms, or a width that the heads
                do not share out.
        """
        super().__init__()
        require_history(slots, cfg.kind)
        require_heads(cfg)
        reference, own = (frame_columns(part) for part in split_reference(slots, cfg.kind))
        self.reference, self.own, self.present = Columns(reference), Columns(own), Columns(own[-1])
        self.embed_reference = _embedding(reference.shape[1], cfg.width)
        self.embed_own = _embedding(own.shape[1], cfg.width)
        self.embed_query = _embedding(own.shape[1], cfg.width)
        self.positions = nn.Parameter(0.02 * torch.randn(len(reference) + len(own), 1, cfg.width))
        self.attention = nn.MultiheadAttention(cfg.width, cfg.heads)
        self.output_size = cfg.width + own.shape[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of normalised observations (..., D)."""
        rows = x.reshape(-1, x.shape[-1])
        present = self.present(rows)
        tokens = torch.cat(
            [self.embed_reference(self.reference(rows)), self.embed_own(self.own(rows))], dim=-2
        )
        tokens = tokens.transpose(0, 1) + self.positions
        query = self.embed_query(present).unsqueeze(0)
        found, _ = self.attention(query, tokens, tokens, need_weights=False)
        features = torch.cat([found.squeeze(0), present], dim=-1)
        return features.reshape(*x.shape[:-1], self.output_size)


def require_heads(cfg: NetworkCfg) -> None:
    """Refuse heads that do not share the width out.

    Raises:
        MimiclabError: as said.
    """
    if cfg.heads < 1 or cfg.width % cfg.heads:
        raise MimiclabError(
            f"--network.width is {cfg.width}, --network.heads {cfg.heads}; the width must be a "
            "multiple of the heads, for example 128 and 4"
        )


def _embedding(size: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, width), nn.ELU())
