"""Which columns of an observation vector hold which term and which moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mimiclab.errors import MimiclabError


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


def is_reference(name: str) -> bool:
    """Whether a term tells of the reference (command, motion_..., ref_...), not of the robot."""
    return name == "command" or name.startswith(("motion_", "ref_", "reference_"))


def frame_columns(slots: Sequence[TermSlot]) -> torch.Tensor:
    """Columns (T, P) of each moment, oldest first, for vectors that hold one term after another.

    Terms without history are the same at every moment. So `obs[..., frame_columns(slots)]` turns a
    term-major vector into time-major frames (..., T, P).

    Raises:
        MimiclabError: terms with histories of different lengths.
    """
    frames = max(slot.history for slot in slots)
    odd = {slot.name: slot.history for slot in slots if slot.history not in (1, frames)}
    if odd:
        raise MimiclabError(
            f"frames of the history need one length for all terms: the longest is {frames}, but "
            f"{', '.join(f'{name} has {count}' for name, count in odd.items())}; use one history"
        )
    rows = []
    for moment in range(frames):
        row: list[int] = []
        for slot in slots:
            first = slot.start + slot.size * (moment if slot.history > 1 else 0)
            row.extend(range(first, first + slot.size))
        rows.append(row)
    return torch.tensor(rows, dtype=torch.long)


def require_history(slots: Sequence[TermSlot], kind: str) -> None:
    """Refuse an observation of the present alone for a network over frames.

    Raises:
        MimiclabError: no term has a history.
    """
    if all(slot.history == 1 for slot in slots):
        raise MimiclabError(
            f"network {kind!r} compares the frames of a history, but the history is 1 for all "
            f"terms ({', '.join(slot.name for slot in slots)}); set --history 5, or choose "
            "--network.kind mlp"
        )


def split_reference(
    slots: Sequence[TermSlot], kind: str
) -> tuple[tuple[TermSlot, ...], tuple[TermSlot, ...]]:
    """Terms of the reference, and the rest: what the robot knows of itself.

    Raises:
        MimiclabError: one of the two is empty.
    """
    reference = tuple(slot for slot in slots if is_reference(slot.name))
    rest = tuple(slot for slot in slots if not is_reference(slot.name))
    if not reference or not rest:
        raise MimiclabError(
            f"network {kind!r} treats the reference (command, motion_..., ref_...) apart from the "
            f"robot's own state, but the observation has no {'robot' if reference else 'reference'}"
            f" terms: {', '.join(slot.name for slot in slots)}; choose --network.kind mlp"
        )
    return reference, rest
