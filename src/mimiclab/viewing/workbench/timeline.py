"""The picture under the scrubber: contact bars and curves with a cursor and the trimmed parts."""

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mimiclab.viewing.workbench.curves import Curves

_COLORS = ("#1d7f97", "#d6543a", "#8a6fb0")
_WIDTH_PX = 520
_DPI = 80
_CURSOR = np.array([214, 84, 58], np.uint8)


class Timeline:
    """Drawn once for a motion; a cursor costs a copy of the picture."""

    def __init__(self, curves: Curves) -> None:
        """Draw contacts on top, then one small plot for each curve."""
        plots = [plot for plot in curves.plots if any(np.isfinite(v).any() for v in _values(plot))]
        rows = 1 + len(plots)
        style: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
        with matplotlib.rc_context(style):
            figure = Figure(
                figsize=(_WIDTH_PX / _DPI, 0.4 + 0.72 * rows), dpi=_DPI, layout="constrained"
            )
            axes = figure.subplots(
                rows, 1, sharex=True, squeeze=False,
                height_ratios=[0.15 + 0.25 * max(1, len(curves.contacts)), *[1.0] * len(plots)],
            )[:, 0]  # fmt: skip
            _draw_contacts(axes[0], curves)
            for ax, plot in zip(axes[1:], plots, strict=True):
                for (name, values), color in zip(plot.lines.items(), _COLORS, strict=False):
                    ax.plot(curves.times_s, values, color=color, linewidth=1.1, label=name)
                unit = f" ({plot.unit})" if plot.unit else ""
                ax.set_title(plot.title + unit, fontsize=9, loc="left", pad=2)
                ax.grid(alpha=0.35, linewidth=0.5)
                ax.ticklabel_format(useOffset=False)
                low, high = ax.get_ylim()
                spare = max(plot.span - (high - low), 0) / 2
                ax.set_ylim(low - spare, high + spare)
            end = max(float(curves.times_s[-1]), 1e-3)
            axes[-1].set_xlim(0, end)
            axes[-1].set_xlabel("s")
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            self._image = np.asarray(canvas.buffer_rgba())[..., :3].copy()
            box = axes[-1].get_window_extent()
        self._left, self._scale = box.x0, (box.x1 - box.x0) / end

    def picture(self, time_s: float, keep_s: tuple[float, float]) -> np.ndarray:
        """The timeline at a moment; what lies outside of `keep_s` is grey. (H, W, 3) uint8."""
        image = self._image.copy()
        first, last = (self._column(t) for t in keep_s)
        for part in (image[:, self._column(0) : first], image[:, last + 1 :]):
            part[:] = (0.55 * part + 0.45 * 150).astype(np.uint8)
        column = self._column(time_s)
        image[:, max(column - 1, 0) : column + 1] = _CURSOR
        return image

    def png(self) -> bytes:
        """The bare picture as a PNG file."""
        from PIL import Image

        data = io.BytesIO()
        Image.fromarray(self._image).save(data, format="png")
        return data.getvalue()

    def _column(self, time_s: float) -> int:
        column = round(self._left + self._scale * time_s)
        return int(np.clip(column, 0, self._image.shape[1] - 1))


def _draw_contacts(ax, curves: Curves) -> None:
    for row, standing in enumerate(curves.contacts.values()):
        level = np.where(standing, -row, np.nan)
        ax.plot(curves.times_s, level, color=_COLORS[row % 3], linewidth=7, solid_capstyle="butt")
    ax.set_yticks([-row for row in range(len(curves.contacts))], list(curves.contacts))
    ax.set_ylim(-len(curves.contacts) + 0.4, 0.6)
    ax.set_title("Contact", fontsize=9, loc="left", pad=2)
    ax.tick_params(bottom=False)


def _values(plot) -> list[np.ndarray]:
    return list(plot.lines.values())
