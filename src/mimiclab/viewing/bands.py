"""Panels of curves or bars with 95 % intervals, as SVG for pages and as one PNG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from mimiclab.files import atomic_path
from mimiclab.viewing.plots import SERIES, Plot

Interval = tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot: a value for each place on the x axis, for each of several series."""

    title: str
    unit: str
    places: tuple[float, ...] | tuple[str, ...]
    """Numbers give curves with bands, words give bars with whiskers."""
    series: Mapping[str, Sequence[float | None]]
    """Name to values, in the order of the places; None leaves a gap."""
    intervals: Mapping[str, Sequence[Interval]]
    """Name to 95 % intervals; None where there is none."""
    x_label: str = ""
    falling: bool = False
    """The x axis runs from high to low."""
    top: float | None = None
    """Upper end of the y axis."""


def panel_svg(panel: Panel) -> str:
    """A panel for a page, which has its colours."""
    with Plot(4.4, 2.6) as plot:
        _draw(plot.axes, panel, SERIES, legend=len(panel.series) > 1)
    return plot.svg


def write_panels(panels: Sequence[Panel], path: str | Path, columns: int) -> Path:
    """All panels as one PNG, `columns` side by side.

    Raises:
        OutputError: the file cannot be written.
    """
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    with (
        atomic_path(path) as temporary,
        Plot(4.0 * columns, 2.6 * rows, png=temporary, nrows=rows, ncols=columns) as plot,
    ):
        for number, axes in enumerate(plot.figure.axes):
            if number < len(panels):
                _draw(axes, panels[number], plot.series, legend=number == 0)
            else:
                axes.set_axis_off()
    return Path(path)


def _draw(axes: Axes, panel: Panel, colors: Sequence[str], *, legend: bool) -> None:
    draw = _bars if isinstance(panel.places[0], str) else _curves
    draw(axes, panel, colors)
    axes.set_title(f"{panel.title} ({panel.unit})" if panel.unit else panel.title)
    axes.set_xlabel(panel.x_label)
    axes.set_ylim(0.0, panel.top and 1.03 * panel.top)
    if panel.falling:
        axes.invert_xaxis()
    if legend:
        place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2}
        axes.legend(ncols=min(3, len(panel.series)), **place)


def _curves(axes: Axes, panel: Panel, colors: Sequence[str]) -> None:
    for number, (name, values) in enumerate(panel.series.items()):
        color = colors[number % len(colors)]
        known = [i for i, value in enumerate(values) if value is not None]
        axes.plot(
            [panel.places[i] for i in known],
            [value for value in values if value is not None],
            color=color, label=name, marker="o", markersize=3.5,
        )  # fmt: skip
        banded = [(i, ends) for i in known if (ends := panel.intervals[name][i]) is not None]
        axes.fill_between(
            [panel.places[i] for i, _ in banded],
            [ends[0] for _, ends in banded],
            [ends[1] for _, ends in banded],
            color=color, alpha=0.18, linewidth=0,
        )  # fmt: skip


def _bars(axes: Axes, panel: Panel, colors: Sequence[str]) -> None:
    thick = 0.8 / len(panel.series)
    for number, (name, values) in enumerate(panel.series.items()):
        known = [i for i, value in enumerate(values) if value is not None]
        x = [i + (number - (len(panel.series) - 1) / 2) * thick for i in known]
        heights = [value for value in values if value is not None]
        ends = [panel.intervals[name][i] or (math.nan, math.nan) for i in known]
        errors = [  # those that are not numbers are not drawn
            [value - low for value, (low, _) in zip(heights, ends, strict=True)],
            [high - value for value, (_, high) in zip(heights, ends, strict=True)],
        ]
        axes.bar(
            x, heights, width=0.9 * thick, color=colors[number % len(colors)], label=name,
            yerr=errors, error_kw={"linewidth": 1.0, "capsize": 2.0, "ecolor": _WHISKER},
        )  # fmt: skip
    axes.set_xticks(range(len(panel.places)), [str(place) for place in panel.places])
    axes.grid(axis="x", visible=False)


_WHISKER = "#808080"
