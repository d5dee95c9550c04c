"""Evaluations as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from mimiclab.evaluation.report import EvaluationReport

Columns = Sequence[tuple[str, str, str]]
"""Name in the report, heading, format."""

MOSAIC_COLUMNS: Columns = (
    ("steps", "steps", ".0f"),
    ("anchor_position_error", "E_AP", ".3f"),
    ("anchor_velocity_error", "E_AV", ".3f"),
    ("body_position_error", "E_BP", ".3f"),
    ("velocity_error", "E_BV", ".3f"),
    ("end_effector_error", "E_EP", ".3f"),
    ("joint_position_error", "joints", ".3f"),
)
_COLUMNS: dict[str, Columns] = {
    "ours": (
        ("mpjpe_global_mm", "MPJPE", ".1f"),
        ("mpjpe_root_mm", "root", ".1f"),
        ("velocity_error", "speed", ".3f"),
        ("joint_position_error", "joints", ".3f"),
    ),
    "mosaic": MOSAIC_COLUMNS,
}
_CAPTIONS = {
    "ours": "MPJPE and root-relative MPJPE in mm, speed in m/s, joints in rad",
    "mosaic": "positions in m, velocities in m/s, joints in rad",
}


def print_report(report: "EvaluationReport", name: str, metrics: str = "ours") -> None:
    """The table of clips, that of motion groups where there are several, and the summary.

    `metrics` is `ours` or `mosaic`.
    """
    from rich.console import Console

    from mimiclab.evaluation.metrics import REPORT_METRICS

    columns, console = _COLUMNS[metrics], Console()
    grouped = len(report.groups) > 1
    rows = [
        {**row, "n": str(row["episodes"]), "done": row["completion"]} for row in report.clip_rows()
    ]
    words = ("group", "clip", "start") if grouped else ("clip", "start")
    title = f"{name} on whole clips"
    print_table(console, title, words, ("n", *_RATES), columns, rows, _CAPTIONS[metrics])
    if grouped:
        means = [
            {"group": group, **{k: v["mean"] for k, v in report.summary(group=group).items()}}
            for group in report.groups
        ]
        means = [{**row, "done": row["completion"]} for row in means]
        print_table(console, "motion groups", ("group",), _RATES, columns, means)
    for key, found in report.summary().items():
        interval, unit = found["ci95"], REPORT_METRICS[key].unit if key in REPORT_METRICS else ""
        spread = f"[{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        console.print(
            f"{key:<30}{found['mean']:>9.4g} {unit:<6} {spread}", highlight=False, markup=False
        )


_RATES = ("success", "done")


def print_table(
    console: "Console",
    title: str,
    words: Sequence[str],
    counts: Sequence[str],
    columns: Columns,
    rows: Sequence[Mapping[str, Any]],
    caption: str | None = None,
) -> None:
    """Rows with words on the left, then `n`, `success` and `done`, then metrics; gaps as nan."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title, caption=caption)
    for word in words:
        table.add_column(word, no_wrap=True)
    for heading in (*counts, *(head for _, head, _ in columns)):
        table.add_column(heading, justify="right")
    for row in rows:
        rates = {"success": row["success_rate"], **row}
        table.add_row(
            *(str(row[word]) for word in words),
            *(rates[c] if c == "n" else f"{rates[c]:.0%}" for c in counts),
            *(format(row.get(key, float("nan")), digits) for key, _, digits in columns),
        )
    console.print(table)
