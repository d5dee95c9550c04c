"""Sweeps of evaluations: curves with 95 % bands, as a page and as a picture."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimiclab.evaluation.sweeps import SweepResult
from mimiclab.files import write_text
from mimiclab.maths.mosaic_metrics import metric_key
from mimiclab.viewing.bands import Panel, panel_svg, write_panels
from mimiclab.viewing.evaluation_parts import with_interval
from mimiclab.viewing.report import render_page

_DIGITS = {"%": 0, "mm": 1}


@dataclass(frozen=True, kw_only=True)
class SweepLook:
    """What is drawn of sweeps, and how they are introduced."""

    metrics: Mapping[str, tuple[str, str]]
    """Heading and unit of each metric, by its name in reports."""
    falling: Collection[str] = ()
    """Axes on which less is harder; they run from high to low."""
    kicker: str = ""
    """Line above the title of the page."""


def sweep_panels(result: SweepResult, look: SweepLook) -> list[Panel]:
    """Sweep by sweep one panel for each metric, with a curve for each policy."""
    return [_panel(result, look, sweep, m) for sweep in result.sweeps for m in look.metrics]


def write_sweep_png(result: SweepResult, path: str | Path, look: SweepLook) -> Path:
    """All curves as one picture, a line of plots for each sweep.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_panels(sweep_panels(result, look), path, columns=len(look.metrics))


def write_sweep_html(result: SweepResult, path: str | Path, look: SweepLook, *, title: str) -> Path:
    """The page: curves, and a table for each policy.

    Raises:
        OutputError: the page cannot be written.
    """
    notes = {"notes": list(result.notes)} if result.notes else {}
    page = render_page(
        title=title,
        kicker=look.kicker,
        plots_only=True,
        curves=[panel_svg(panel) for panel in sweep_panels(result, look)],
        tables_title="Numbers",
        clip_tables={policy: _table(result, look, policy) for policy in result.policies},
        protocol={"policies": result.labels, **notes, **result.protocol},
    )
    write_text(path, page)
    return Path(path)


def sweep_rows(result: SweepResult, look: SweepLook, policy: str) -> list[dict[str, Any]]:
    """One row for each point of a policy: sweep, value and the means that are drawn."""
    return [
        {
            "sweep": sweep,
            "value": value,
            **{metric: summary.get(metric_key(metric)) for metric in look.metrics},
        }
        for sweep in result.sweeps
        for value, summary in result.values(policy, sweep)
    ]


def _panel(result: SweepResult, look: SweepLook, sweep: str, metric: str) -> Panel:
    heading, unit = look.metrics[metric]
    words, x_unit = result.about[sweep]
    factor = 100.0 if unit == "%" else 1.0
    series, intervals = {}, {}
    for policy in result.policies:
        found = [summary.get(metric_key(metric)) for _, summary in result.values(policy, sweep)]
        series[policy] = [cell and factor * cell["mean"] for cell in found]
        ends = [cell and cell["ci95"] for cell in found]
        intervals[policy] = [end and (factor * end[0], factor * end[1]) for end in ends]
    return Panel(
        title=heading,
        unit=unit,
        x_label=f"{words} ({x_unit})" if x_unit else words,
        places=tuple(value for value, _ in result.values(result.policies[0], sweep)),
        series=series,
        intervals=intervals,
        falling=sweep in look.falling,
        top=100.0 if unit == "%" else None,
    )


def _table(result: SweepResult, look: SweepLook, policy: str) -> dict[str, list]:
    heads = ["sweep", "value"]
    heads += [f"{heading} ({unit}) [95 %]" for heading, unit in look.metrics.values()]
    rows = []
    for row in sweep_rows(result, look, policy):
        words, unit = result.about[row["sweep"]]
        cells = [words, f"{row['value']:g} {unit}".strip()]
        for metric, (_, of) in look.metrics.items():
            factor, digits = 100.0 if of == "%" else 1.0, _DIGITS.get(of, 3)
            cell = row[metric] or {"mean": None, "ci95": None}
            cells.append(with_interval(cell["mean"], cell["ci95"], factor=factor, digits=digits))
        rows.append(cells)
    return {"heads": heads, "rows": rows}
