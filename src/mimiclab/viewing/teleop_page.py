"""What interfaces cost each policy: curves with 95 % bands, as a page and as a picture."""

from pathlib import Path
from typing import Any

from mimiclab.evaluation.teleop import TeleopResult
from mimiclab.evaluation.teleop_cfg import SWEEPS
from mimiclab.files import write_text
from mimiclab.maths.mosaic_metrics import metric_key
from mimiclab.viewing.bands import Panel, panel_svg, write_panels
from mimiclab.viewing.evaluation_parts import with_interval
from mimiclab.viewing.report import render_page

METRICS = {"success_rate": ("success", "%"), "E_AP": ("E_AP", "m"), "E_BP": ("E_BP", "m")}
"""What is drawn: heading and unit."""


def teleop_panels(result: TeleopResult) -> list[Panel]:
    """Sweep by sweep one panel for each metric, with a curve for each policy."""
    return [_panel(result, sweep, metric) for sweep in result.sweeps for metric in METRICS]


def write_teleop_png(result: TeleopResult, path: str | Path) -> Path:
    """All curves as one picture, a line of plots for each sweep.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_panels(teleop_panels(result), path, columns=len(METRICS))


def write_teleop_html(
    result: TeleopResult, path: str | Path, *, title: str = "Teleoperation"
) -> Path:
    """The page: curves, and a table for each policy.

    Raises:
        OutputError: the page cannot be written.
    """
    page = render_page(
        title=title,
        kicker="what an interface costs",
        plots_only=True,
        curves=[panel_svg(panel) for panel in teleop_panels(result)],
        tables_title="Numbers",
        clip_tables={policy: _table(result, policy) for policy in result.policies},
        protocol={"policies": result.labels, **result.protocol},
    )
    write_text(path, page)
    return Path(path)


def teleop_rows(result: TeleopResult, policy: str) -> list[dict[str, Any]]:
    """One row for each point of a policy: sweep, value and the means that are drawn."""
    return [
        {
            "sweep": sweep,
            "value": value,
            **{metric: summary.get(metric_key(metric)) for metric in METRICS},
        }
        for sweep in result.sweeps
        for value, summary in result.values(policy, sweep)
    ]


def _panel(result: TeleopResult, sweep: str, metric: str) -> Panel:
    heading, unit = METRICS[metric]
    words, x_unit = SWEEPS[sweep]
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
        falling=sweep == "smoothing",
        top=100.0 if unit == "%" else None,
    )


def _table(result: TeleopResult, policy: str) -> dict[str, list]:
    heads = ["sweep", "value"]
    heads += [f"{heading} ({unit}) [95 %]" for heading, unit in METRICS.values()]
    rows = []
    for row in teleop_rows(result, policy):
        words, unit = SWEEPS[row["sweep"]]
        cells = [words, f"{row['value']:g} {unit}".strip()]
        for metric, (_, of) in METRICS.items():
            factor, digits = (100.0, 0) if of == "%" else (1.0, 3)
            cell = row[metric] or {"mean": None, "ci95": None}
            cells.append(with_interval(cell["mean"], cell["ci95"], factor=factor, digits=digits))
        rows.append(cells)
    return {"heads": heads, "rows": rows}
