"""What each stage gained on new motions and forgot of the old ones: a table and a plot."""

from collections.abc import Sequence
from pathlib import Path

from mimiclab.evaluation.comparison import COLUMNS, Comparison
from mimiclab.files import write_text
from mimiclab.viewing.bands import Panel, panel_svg, write_panels
from mimiclab.viewing.evaluation_parts import with_interval
from mimiclab.viewing.report import render_page

_SHOWN = {"success_rate": "%", "E_AP": "m", "E_BP": "m", "mpjpe_root_mm": "mm"}


def forgetting_panels(comparison: Comparison) -> list[Panel]:
    """One panel for each metric: stages side by side, a colour for each motion group."""
    rows = {(row["stage"], row["group"]): row for row in comparison.rows()}
    panels = []
    for metric, unit in _SHOWN.items():
        if all(row[metric] is None for row in rows.values()):
            continue
        factor = 100.0 if unit == "%" else 1.0
        values, intervals = {}, {}
        for group in comparison.groups:
            found = [rows.get((stage, group), {}) for stage in comparison.stages]
            values[group] = [
                None if row.get(metric) is None else factor * row[metric] for row in found
            ]
            ends = [row.get(f"{metric}_ci95") for row in found]
            intervals[group] = [
                None if end is None else (factor * end[0], factor * end[1]) for end in ends
            ]
        panels.append(
            Panel(
                title=COLUMNS[metric].split(" (")[0],
                unit=unit,
                places=comparison.stages,
                series=values,
                intervals=intervals,
                top=100.0 if unit == "%" else None,
            )
        )
    return panels


def write_forgetting_png(comparison: Comparison, path: str | Path) -> Path:
    """The plot as a picture.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_panels(forgetting_panels(comparison), path, columns=2)


def write_forgetting_html(
    comparison: Comparison, path: str | Path, *, title: str = "Gained and forgotten"
) -> Path:
    """The page: the plot, the table, and the paired differences to the first stage.

    Raises:
        OutputError: the page cannot be written.
    """
    document = comparison.to_dict()
    tables = {"stages": _means(comparison)}
    if document["differences"]:
        tables[f"change from {comparison.stages[0]}, over the same episodes"] = _changes(document)
    page = render_page(
        title=title,
        kicker="stages on motion groups",
        plots_only=True,
        curves=[panel_svg(panel) for panel in forgetting_panels(comparison)],
        tables_title="Numbers",
        clip_tables=tables,
        config=document,
    )
    write_text(path, page)
    return Path(path)


def _means(comparison: Comparison) -> dict[str, list]:
    rows = [
        [
            row["group"],
            row["stage"],
            *(_cell(row[name], row[f"{name}_ci95"], name) for name in COLUMNS),
        ]
        for row in comparison.rows()
    ]
    return {"heads": ["group", "stage", *COLUMNS.values()], "rows": rows}


def _changes(document: dict) -> dict[str, list]:
    rows = []
    for change in document["differences"]:
        metric = change["metric"]
        moved = _cell(change["mean"], change["ci95"], metric, "+")
        words = [change["group"], change["stage"], COLUMNS[metric], moved, str(change["episodes"])]
        rows.append(words)
    return {"heads": ["group", "stage", "metric", "change [95 %]", "episodes"], "rows": rows}


def _cell(mean: float | None, ends: Sequence[float] | None, metric: str, sign: str = "") -> str:
    if metric == "success_rate":
        text = with_interval(mean, ends, factor=100.0, digits=0, sign=sign)
        return text if mean is None else f"{text} %"
    return with_interval(mean, ends, digits=1 if metric.endswith("_mm") else 3, sign=sign)
