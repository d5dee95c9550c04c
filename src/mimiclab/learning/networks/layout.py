"""Which columns of an observation vector hold which term and which moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class TermSlot:
    """Columns `start` to `start + size * history` of a vector: one term, oldest frame first."""

    name: str
    start: int
    size: int
    """Numbers in one frame."""
    history: int = 1
    """Frames, the newest last."""

    @property
    def columns(self) -> slice:
        """All frames of the term."""
        return slice(self.start, self.start + self.size * self.history)

    @property
    def newest(self) -> slice:
        """The newest frame."""
        return slice(self.columns.stop - self.size, self.columns.stop)

    def frames(self, obs: torch.Tensor) -> torch.Tensor:
        """The term's frames: (..., D) -> (..., history, size)."""
        return obs[..., self.columns].unflatten(-1, (self.history, self.size))


def term_slots(layout: Mapping[str, Any], groups: Sequence[str]) -> tuple[TermSlot, ...]:
    """Terms of observation groups one after another; `layout` is `env_state.layout_of`'s."""
    slots, start = [], 0
    for group in groups:
        for name, total in layout["observations"][group].items():
            history = layout.get("history", {}).get(group, {}).get(name, 1)
            slots.append(TermSlot(name, start, total // history, history))
            start += total
    return tuple(slots)
