"""Attention over time: the robot's present state asks the frames of reference and history."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from mimiclab.errors import MimiclabError
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Columns, Encoder
from mimiclab.learning.networks.layout import (
    TermSlot,
    frame_columns,
    require_history,
    split_reference,
)


class TokenAttention(nn.Module):
    """Multi-head attention with tokens before numbers: queries (..., Q, W), tokens (..., T, W).

    torch's own module, when exported to ONNX, takes batches of one size only.
    """

    def __init__(self, width: int, heads: int) -> None:
        """Share `width` out to `heads`.

        Raises:
            MimiclabError: the width is not a multiple of the heads.
        """
        super().__init__()
        if heads < 1 or width % heads:
            raise MimiclabError(
                f"--network.width is {width}, --network.heads {heads}; the width must be a "
                "multiple of the heads, for example 128 and 4"
            )
        self.split = (heads, width // heads)
        self.ask, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """What the queries found, (..., Q, W)."""
        q, k, v = (
            project(x).unflatten(-1, self.split).transpose(-3, -2)
            for project, x in ((self.ask, queries), (self.key, tokens), (self.value, tokens))
        )
        return self.out(scaled_dot_product_attention(q, k, v).transpose(-3, -2).flatten(-2))


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
        reference, own = (frame_columns(part) for part in split_reference(slots, cfg.kind))
        self.reference, self.own, self.present = Columns(reference), Columns(own), Columns(own[-1])
        self.embed_reference = _embedding(reference.shape[1], cfg.width)
        self.embed_own = _embedding(own.shape[1], cfg.width)
        self.embed_query = _embedding(own.shape[1], cfg.width)
        self.positions = nn.Parameter(0.02 * torch.randn(len(reference) + len(own), cfg.width))
        self.attention = TokenAttention(cfg.width, cfg.heads)
        self.output_size = cfg.width + own.shape[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of normalised observations (..., D)."""
        present = self.present(x)
        tokens = torch.cat(
            [self.embed_reference(self.reference(x)), self.embed_own(self.own(x))], dim=-2
        )
        query = self.embed_query(present).unsqueeze(-2)
        found = self.attention(query, tokens + self.positions).squeeze(-2)
        return torch.cat([found, present], dim=-1)


def _embedding(size: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(size, width), nn.ELU())
