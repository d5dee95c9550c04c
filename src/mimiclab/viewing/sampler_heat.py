"""Where a run's sampler starts episodes, read back from its last checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Heat:
    """Start probabilities of the sampler, for each clip and time bin."""

    values: np.ndarray
    """(clips, bins); NaN where a clip has no such bin."""
    clips: tuple[str, ...]
    bin_s: float


def sampler_heat(run: str | Path) -> Heat | None:
    """The start probabilities at the end of a run; None if it has no checkpoint yet.

    Raises:
        CheckpointError: the checkpoint is damaged, or its sampler is not that of the run's task.
    """
    if not any((Path(run) / "checkpoints").glob("*.pt")):
        return None
    from mimiclab.learning.checkpoint import load_checkpoint
    from mimiclab.learning.run import load_run

    opened = load_run(run)
    states = [
        state
        for rank in load_checkpoint(opened.checkpoint)["ranks"]
        if (state := _sampler_state(rank)) is not None
    ]
    if not states:
        return None
    sampler = opened.tracking.sampler.build(opened.library, step_s=1.0 / opened.tracking.control_hz)
    if len(states[0]["clip_names"]) != len(opened.library.clip_names):
        return None  # each process had clips of its own: there is no one distribution
    sampler.load_state_dict(states[0])
    values = sampler.probabilities().numpy().astype(float)
    bin_s = float(opened.tracking.sampler.bin_s or 1.0)
    bins = np.arange(values.shape[1]) * bin_s
    absent = bins[None, :] >= np.maximum(opened.library.durations_s.numpy(), 1e-9)[:, None]
    values[absent & (values == 0)] = np.nan
    return Heat(values=values, clips=tuple(opened.library.clip_names), bin_s=bin_s)


def _sampler_state(tree: Any) -> dict[str, Any] | None:
    """The first sampler state in nested plain values."""
    if isinstance(tree, Mapping):
        if "clip_names" in tree and "durations_s" in tree:
            return dict(tree)
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        for part in tree:
            if (found := _sampler_state(part)) is not None:
                return found
    return None
