"""A policy in several simulators, as a table on the terminal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimiclab.evaluation.simulators import SimulatorComparison


def print_simulators(result: "SimulatorComparison", policy: str) -> None:
    """One line for each metric: mean and 95 % interval in each simulator, and the gaps."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    base, *others = result.reports
    episodes = len(result.reports[base].episodes)
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{policy} in {len(result.reports)} simulators, {episodes} episodes each",
        caption=f"means with 95 % intervals; gaps to {base} over the same episodes",
    )
    table.add_column("metric", no_wrap=True)
    for name in result.reports:
        table.add_column(name, justify="right")
    for name in others:
        table.add_column(f"{name} - {base}", justify="right")
    for row in result.rows():
        table.add_row(
            row["metric"],
            *(_cell(row[name]) for name in result.reports),
            *(_cell(row[name]["gap"], sign="+") for name in others),
        )
    Console().print(table)


def _cell(found: dict[str, Any], sign: str = "") -> str:
    interval = found["ci95"]
    spread = f" [{interval[0]:{sign}.3g}, {interval[1]:{sign}.3g}]" if interval else ""
    return f"{found['mean']:{sign}.3g}{spread}"
