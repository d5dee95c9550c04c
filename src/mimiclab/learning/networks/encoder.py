"""What stands between the normalised observation and the last layers of an actor."""

import torch
from torch import nn

from mimiclab.learning.networks.layout import TermSlot


class Encoder(nn.Module):
    """Maps normalised observations (..., D) to features (..., `output_size`)."""

    output_size: int

    def auxiliary_loss(self) -> torch.Tensor | None:
        """A loss of its own for the newest forward pass with gradients; can be asked for once."""
        return None

    def auxiliary_metrics(self) -> dict[str, float]:
        """Numbers for the log, of the newest forward pass with gradients."""
        return {}

    def settle(self, x: torch.Tensor) -> None:
        """Look at the normalised observations (N, D) of a rollout, between two updates.

        All processes call it together and must come to the same weights.
        """


class Columns(nn.Module):
    """Picks columns of a vector: (..., D) to (..., *shape of the columns)."""

    index: torch.Tensor

    def __init__(self, columns: torch.Tensor) -> None:
        super().__init__()
        self.shape = tuple(columns.shape)
        # Follows from the layout, so it is no weight.
        self.register_buffer("index", columns.flatten(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The chosen columns."""
        picked = x.index_select(-1, self.index)
        return picked if len(self.shape) == 1 else picked.unflatten(-1, self.shape)


def all_columns(slots: tuple[TermSlot, ...]) -> Columns:
    """Every column of some terms, history and all."""
    ranges = [torch.arange(slot.columns.start, slot.columns.stop) for slot in slots]
    return Columns(torch.cat(ranges))
