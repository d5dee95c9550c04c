"""A transformer over the frames of the history."""

from collections.abc import Sequence

import torch
from torch import nn

from mimiclab.learning.networks.attention import TokenAttention
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
        frames = frame_columns(slots)
        self.frames = Columns(frames)
        self.embed = nn.Linear(frames.shape[1], cfg.width)
        self.positions = nn.Parameter(0.02 * torch.randn(len(frames), cfg.width))
        self.layers = nn.Sequential(
            *(_Layer(cfg.width, cfg.heads) for _ in range(cfg.layers or _LAYERS)),
            nn.LayerNorm(cfg.width),
        )
        self.output_size = cfg.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of normalised observations (..., D)."""
        return self.layers(self.embed(self.frames(x)) + self.positions)[..., -1, :]


class _Layer(nn.Module):
    """Self-attention and a GELU network four times as wide, each added to its normalised input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = TokenAttention(width, heads)
        self.network = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        seen = self.before_attention(tokens)
        tokens = tokens + self.attention(seen, seen)
        return tokens + self.network(self.before_network(tokens))
