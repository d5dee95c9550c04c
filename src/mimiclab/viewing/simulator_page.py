"""A policy in several simulators, as a page: all metrics side by side, and the gaps."""

from pathlib import Path
from typing import Any

from mimiclab.evaluation.simulators import SIMULATORS, SimulatorComparison
from mimiclab.files import write_text
from mimiclab.viewing.evaluation_parts import evaluation_parts, with_interval
from mimiclab.viewing.report import render_page


def write_simulators_html(
    result: SimulatorComparison, path: str | Path, *, title: str = "Simulators"
) -> Path:
    """The page.

    Raises:
        OutputError: it cannot be written.
    """
    parts = evaluation_parts({name: report.to_dict() for name, report in result.reports.items()})
    parts["clip_tables"] = {**_gaps(result), **parts["clip_tables"]}
    stamps = {
        name: {**report.protocol, "simulator": SIMULATORS[name]}
        for name, report in result.reports.items()
    }
    parts["protocol"] = {"notes": list(result.notes), **stamps}
    page = render_page(title=title, kicker="one policy, several simulators", **parts)
    write_text(path, page)
    return Path(path)


def _gaps(result: SimulatorComparison) -> dict[str, dict[str, list[Any]]]:
    """One table for each simulator but the first: mean paired differences."""
    base, *others = result.reports
    return {
        f"{name} minus {base}": {
            "heads": ["metric", "gap [95 %]"],
            "rows": [[row["metric"], _gap(row[name]["gap"])] for row in result.rows()],
        }
        for name in others
    }


def _gap(gap: dict[str, Any]) -> str:
    return with_interval(gap["mean"], gap["ci95"], factor=1.0, digits=4)
