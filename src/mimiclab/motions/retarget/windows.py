"""A long clip in overlapping windows, solved side by side and faded into each other."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from mimiclab.motions.retarget.descent import State

Part = Callable[[slice], tuple[State, int, float]]
"""Solves the frames of a window: coordinates, number of steps, cost."""


def solve_windows(part: Part, frames: int, window: int, overlap: int) -> tuple[State, int, float]:
    """All frames from windows of about equal length, each solved in a thread of its own.

    How frames are divided depends on their number only, so the result is the same on any machine.
    What a window does not know of its neighbour matters for a second or so; in the overlap the one
    fades into the other.

    Args:
        part: solves a window.
        frames: number of frames.
        window: most frames at once.
        overlap: frames that neighbours share, less than half a window.

    Returns:
        Coordinates of all frames, the most steps of any window, and the sum of their costs.
    """
    cuts = divide(frames, window, overlap)
    if len(cuts) == 1:
        return part(cuts[0])
    with ThreadPoolExecutor(min(len(cuts), len(os.sched_getaffinity(0)))) as pool:
        found = list(pool.map(part, cuts))
    pieces = []
    for i, (cut, (state, _, _)) in enumerate(zip(cuts, found, strict=True)):
        first = 0
        if i:
            before = found[i - 1][0].part(slice(cuts[i].start - cuts[i - 1].start, None))
            first = cuts[i - 1].stop - cut.start
            pieces.append(before.mixed(state.part(slice(0, first)), _fade(first)))
        last = cuts[i + 1].start if i + 1 < len(cuts) else cut.stop
        pieces.append(state.part(slice(first, last - cut.start)))
    return State.joined(pieces), max(n for _, n, _ in found), sum(c for _, _, c in found)


def divide(frames: int, window: int, overlap: int) -> list[slice]:
    """Windows of equal length, give or take a frame, that share `overlap` frames."""
    count = max(1, -(-(frames - overlap) // (window - overlap)))
    edges = np.linspace(0, frames - overlap, count + 1).round().astype(int)
    return [slice(int(a), int(b) + overlap) for a, b in pairwise(edges)]


def _fade(frames: int) -> np.ndarray:
    """From 0 to 1 in the middle half of an overlap, with no corner. Shape (T,)."""
    place = (np.arange(frames) + 0.5) / max(frames, 1)
    place = np.clip(2.0 * place - 0.5, 0.0, 1.0)
    return place * place * (3.0 - 2.0 * place)
