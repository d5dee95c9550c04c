"""A policy in several simulators, as a table on the terminal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimiclab.evaluation.simulators import SimulatorComparison


def print_simulators(result: "SimulatorComparison", policy: str) -> None:
    """For each metric one line for each simulator: mean and gap, with 95 % intervals."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    base = next(iter(result.reports))
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{policy}, {len(result.reports[base].episodes)} episodes in each simulator",
        caption=f"gap: minus {base}, over the same episodes",
    )
    for heading in ("metric", "simulator"):
        table.add_column(heading, no_wrap=True)
    for heading in ("mean", "95 %", "gap", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in result.rows():
        for name in result.reports:
            cell = row[name]
            metric = row["metric"] if name == base else ""
            gap = cell["gap"] or {"mean": None, "ci95": None}
            table.add_row(metric, name, *_numbers(cell), *_numbers(gap, sign="+"))
    Console().print(table)


def _numbers(found: dict[str, Any], sign: str = "") -> tuple[str, str]:
    mean, interval = found["mean"], found["ci95"]
    if mean is None:
        return "", ""
    ends = f"{interval[0]:{sign}.3g}, {interval[1]:{sign}.3g}" if interval else ""
    return f"{mean:{sign}.3g}", ends
