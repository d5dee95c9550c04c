"""Commanded and achieved velocities of walks as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimiclab.deployment.walking import Walk
from mimiclab.files import atomic_path
from mimiclab.viewing.plots import Plot

_AXES = ("forward, m/s", "left, m/s", "turn, rad/s")
_SMOOTHING_S = 0.5


def write_walk_plot(
    walks: Sequence[Walk], step_s: float, path: str | Path, *, title: str = ""
) -> None:
    """Three rows over time, the walks end to end: dashed what was commanded, thick a mean over
    half a second of what was achieved, faint each step.

    Args:
        walks: at least one with a step.
        step_s: control step, s.
        path: the PNG to write.
        title: above the picture.

    Raises:
        OutputError: the file cannot be written.
    """
    with (
        atomic_path(path) as temporary,
        Plot(8.0, 5.0, png=temporary, nrows=3, sharex=True) as plot,
    ):
        first, second = plot.series[0], plot.series[1]
        rows = plot.figure.axes
        start = 0.0
        for walk in walks:
            time = start + step_s * np.arange(len(walk.commands))
            for axis, axes in enumerate(rows):
                achieved = walk.achieved[:, axis]
                axes.plot(time, achieved, color=first, alpha=0.25, linewidth=0.7)
                axes.plot(time, _smooth(achieved, step_s), color=first, label="achieved")
                axes.plot(
                    time, walk.commands[:, axis], color=second, linestyle="--", label="commanded"
                )
                if start:
                    axes.axvline(start, color="0.8", linewidth=0.6)
            start = time[-1] + step_s if len(time) else start
        for label, axes in zip(_AXES, rows, strict=True):
            axes.set_ylabel(label)
        rows[-1].set_xlabel("time, s")
        handles, labels = rows[0].get_legend_handles_labels()
        rows[0].legend(handles[:2], labels[:2], ncols=2, loc="upper right")
        plot.figure.suptitle(title, fontsize=10)


def _smooth(values: np.ndarray, step_s: float) -> np.ndarray:
    """Mean over a window around each step, shorter at the ends."""
    window = np.ones(max(1, min(len(values), round(_SMOOTHING_S / step_s))))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
