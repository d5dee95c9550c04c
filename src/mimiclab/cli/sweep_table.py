"""Sweeps of evaluations as tables on the terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimiclab.cli.evaluation_table import Columns
    from mimiclab.evaluation.sweeps import SweepResult


def print_sweeps(result: "SweepResult", columns: "Columns") -> None:
    """A table for each sweep, with a line for each value and policy."""
    from rich.console import Console

    from mimiclab.cli.evaluation_table import print_table

    console = Console()
    for note in result.notes:
        console.print(f"note: {note}", markup=False)
    for sweep in result.sweeps:
        words, unit = result.about[sweep]
        rows = [
            {"value": f"{value:g} {unit}".strip(), "policy": policy,
             **{key: found["mean"] for key, found in summary.items()},
             "done": summary["completion"]["mean"]}
            for policy in result.policies
            for value, summary in result.values(policy, sweep)
        ]  # fmt: skip
        print_table(console, words, ("policy", "value"), ("success", "done"), columns, rows)
