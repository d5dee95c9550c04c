"""Plots as inline SVG that takes its colours from the page, so that it suits light and dark."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

# Placeholder colours, replaced by the page's CSS variables in the finished SVG.
_INK, _FAINT, _LINE = "#010101", "#020202", "#030303"
SERIES = tuple(f"#0{i}0{i}0{i}" for i in range(4, 10))
"""Colours for up to six curves or policies."""
_VARIABLES = {
    _INK: "var(--ink)",
    _FAINT: "var(--faint)",
    _LINE: "var(--line)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, start=1)},
}
_LIGHT = {
    _INK: "#1d232b",
    _FAINT: "#5d6875",
    _LINE: "#dfe4ea",
    **dict(
        zip(SERIES, ("#1d7f97", "#d6543a", "#7a5bb5", "#c58a12", "#3f8f4f", "#8a6a55"), strict=True)
    ),
}
"""The page's colours by day, for pictures."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mimiclab",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _FAINT,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}
_HEAT = LinearSegmentedColormap.from_list("heat", ["#e8f1f4", "#69b7c9", "#1d7f97", "#d6543a"])


class Plot:
    """A figure of our style, used as `with`; afterwards `svg` holds the text."""

    def __init__(
        self,
        width: float = 4.4,
        height: float = 2.5,
        *,
        png: Path | None = None,
        **subplots: Any,
    ) -> None:
        """Size in inches; `png` is a file to write in place of the text; see plt.subplots."""
        self._png = png
        style = {key: _LIGHT.get(value, value) for key, value in _STYLE.items()} if png else _STYLE
        self.series: tuple[str, ...] = tuple(_LIGHT[c] for c in SERIES) if png else SERIES
        """Colours for up to six curves or policies."""
        self._context = matplotlib.rc_context(style)
        self._size = width, height
        self._subplots = subplots
        self.svg = ""

    def __enter__(self) -> "Plot":
        self._context.__enter__()
        self.figure = Figure(figsize=self._size, layout="constrained")
        self.axes: Axes = self.figure.subplots(**self._subplots)
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        try:
            if kind is None and self._png is not None:
                self.figure.savefig(self._png, format="png", dpi=150, facecolor="white")
            elif kind is None:
                text = io.StringIO()
                self.figure.savefig(
                    text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
                )
                self.svg = inline_svg(text.getvalue())
        finally:
            self._context.__exit__(kind, *error)


def inline_svg(document: str) -> str:
    """Only the <svg> element, scalable, with the page's colours and fonts."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, variable)
    return svg.strip()


def curve(
    lines: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    title: str,
    *,
    unit: str = "",
    log: bool = False,
) -> str:
    """Values of training log lines over iterations; nested values are named `section/key`.

    Faint: each iteration; strong: a running mean over about 2 % of the run. Empty if nothing is
    there to draw.
    """
    tracks = [(name, *_track(lines, name)) for name in names]
    tracks = [track for track in tracks if len(track[1])]
    if not tracks:
        return ""
    legend_lines = -(-len(tracks) // 2) if len(tracks) > 1 else 0
    with Plot(height=2.5 + 0.18 * legend_lines) as plot:
        axes = plot.axes
        for (name, x, y), color in zip(tracks, SERIES, strict=False):
            window = max(1, len(y) // 50)
            axes.plot(x, y, color=color, alpha=0.25, linewidth=0.8)
            axes.plot(x, _running_mean(y, window), color=color, label=name.split("/")[-1])
        if legend_lines:
            axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2), ncols=2, labelcolor=_INK)
        if log:
            axes.set_yscale("log")
        axes.set_title(f"{title} ({unit})" if unit else title)
        axes.set_xlabel("iteration")
        axes.margins(x=0.01)
    return plot.svg


def bars(groups: Mapping[str, Mapping[str, float]], title: str, unit: str) -> str:
    """Horizontal bars: for each name (a body, say) one bar for each group (a policy).

    Args:
        groups: group to name to value; a value that is missing leaves a gap.
        title: heading.
        unit: of the values.
    """
    names = list(dict.fromkeys(name for values in groups.values() for name in values))
    if not names:
        return ""
    thick = 0.8 / len(groups)
    with Plot(5.0, 0.9 + 0.072 * len(names) * (1 + len(groups))) as plot:
        axes = plot.axes
        for number, ((group, values), color) in enumerate(
            zip(groups.items(), SERIES, strict=False)
        ):
            y = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * thick
            width = [values.get(name, np.nan) for name in names]
            axes.barh(y, width, height=thick * 0.88, color=color, label=group)
        axes.set_yticks(
            range(len(names)), [name.removesuffix("_link").replace("_", " ") for name in names]
        )
        axes.tick_params(axis="y", colors=_INK)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_title(title)
        axes.set_xlabel(unit)
        if len(groups) > 1:
            axes.legend(loc="best", labelcolor=_INK)
    return plot.svg


def heat_map(values: np.ndarray, rows: Sequence[str], bin_s: float, title: str, label: str) -> str:
    """A value for each clip and time bin, such as the sampler's start probabilities.

    Args:
        values: Shape (clips, bins); NaN where a clip has no such bin.
        rows: Clip names.
        bin_s: Length of a bin, s.
        title: Heading.
        label: Of the colour bar.
    """
    shown = min(len(rows), 60)
    if len(rows) > shown:
        title += f" (the {shown} clips with the highest values of {len(rows)})"
        order = np.argsort(-np.nan_to_num(values).max(axis=1), kind="stable")[:shown]
        values, rows = values[order], [str(rows[i]) for i in order]
    with Plot(5.4, max(1.5, 1.0 + 0.17 * shown)) as plot:
        axes = plot.axes
        image = axes.imshow(
            np.ma.masked_invalid(values),
            aspect="auto",
            interpolation="nearest",
            cmap=_HEAT,
            vmin=0,
            extent=(0, values.shape[1] * bin_s, shown - 0.5, -0.5),
        )
        axes.grid(visible=False)
        axes.set_yticks(range(shown), rows)
        axes.set_xlabel("time in the clip (s)")
        axes.set_title(title)
        bar = plot.figure.colorbar(image, ax=axes, pad=0.015, fraction=0.03)
        bar.set_label(label)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return plot.svg


def foot_heights(
    times_s: np.ndarray, heights: np.ndarray, names: Sequence[str], contact_below: float
) -> str:
    """Sole heights over time, with a band for each foot where it counts as on the ground.

    Args:
        times_s: (T,).
        heights: Height of each foot's lowest point above the floor, m. Shape (T, feet).
        names: Of the feet.
        contact_below: Height under which a foot touches the ground, m.
    """
    with Plot(5.4, 2.4) as plot:
        axes = plot.axes
        low = float(min(0.0, heights.min() * 1e3))
        step = 0.05 * float(np.ptp(heights * 1e3) + 20)
        for number, (name, color) in enumerate(zip(names, SERIES, strict=False)):
            label = name.removesuffix("_link").replace("_", " ")
            axes.plot(times_s, heights[:, number] * 1e3, color=color, label=label)
            level = low - step * (number + 1)
            touching = np.where(heights[:, number] < contact_below, level, np.nan)
            axes.plot(times_s, touching, color=color, linewidth=4, solid_capstyle="butt")
        axes.set_title("Foot height, bars: contact")
        axes.set_xlabel("time (s)")
        axes.set_ylabel("mm")
        axes.margins(x=0.01)
        axes.legend(loc="lower right", bbox_to_anchor=(1.02, 0.98), ncols=2, labelcolor=_INK)
    return plot.svg


def _track(lines: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = [], []
    for line in lines:
        value: Any = line
        for key in name.split("/"):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int | float) and np.isfinite(value):
            x.append(line["iteration"])
            y.append(value)
    return np.array(x), np.array(y)


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the last `window` values, over fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - window, 0)
    return (total[end] - total[start]) / (end - start)
