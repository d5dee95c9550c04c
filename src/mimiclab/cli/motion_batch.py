"""What the motion commands share: going over many files, one failure not stopping the rest."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mimiclab.cli.workers import Labelled, run_parallel, worker_count
from mimiclab.cli.workers import Outcome as Outcome

if TYPE_CHECKING:
    from mimiclab.motions.check import CheckReport

Item = TypeVar("Item", bound=Labelled)
Result = TypeVar("Result")
_MANY = 5
"""More clips than this are listed without the text of their warnings."""
_LISTED = 100
"""Of more clips than this only those with errors are listed."""


def over_all(
    sources: Sequence[Item],
    work: Callable[[Item], Result],
    title: str,
    *,
    workers: int | None = 1,
) -> list[Outcome[Result]]:
    """Do the work on every source, with a progress bar on a terminal; results in their order.

    Args:
        sources: what to go over.
        work: what to do; with several workers a function of a module, or a `partial` of one.
        title: what the bar says.
        workers: processes; None takes one for each core this process may use, where it pays.
    """
    from rich.console import Console
    from rich.progress import track

    def bar(steps: "Iterator[Outcome[Result]]") -> list[Outcome[Result]]:
        shown = track(
            steps,
            description=title,
            total=len(sources),
            console=Console(stderr=True),
            transient=True,
            disable=len(sources) == 1 or not sys.stderr.isatty(),
        )
        return list(shown)

    count = worker_count(workers, len(sources))
    if count == 1:
        return bar(Outcome(source, work) for source in sources)
    found = bar(run_parallel(sources, work, count))
    order = {source.label: place for place, source in enumerate(sources)}
    return sorted(found, key=lambda outcome: order[outcome.label])


def print_reports(
    reports: "Sequence[tuple[str, CheckReport]]", failures: Sequence[Outcome], title: str
) -> None:
    """A table with one row for each clip, then details: of many clips, only errors."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(title=title, title_justify="left")
    table.add_column("motion", overflow="fold")
    for name in ("fps", "frames", "s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ok")
    table.add_column("findings", overflow="fold")
    short = _short_names([label for label, _ in reports] + [f.label for f in failures])
    colours = {"error": "red", "warning": "yellow", "note": "dim"}
    listed = [item for item in reports if len(reports) <= _LISTED or not item[1].ok]
    for label, report in listed:
        codes = [f"[{colours[f.severity]}]{f.code}[/]" for f in report.findings]
        table.add_row(
            escape(short[label]),
            f"{report.fps:g}",
            str(report.num_frames),
            f"{report.duration_s:.1f}",
            "[green]yes[/]" if report.ok else "[red]no[/]",
            " ".join(codes) or "-",
        )
    if table.row_count:
        console.print(table)
    if len(listed) < len(reports):
        console.print(f"{len(reports) - len(listed)} clips without errors are not listed.")
    many = len(reports) > _MANY
    for label, report in reports:
        for finding in report.findings:
            if many and finding.severity != "error":
                continue
            colour = colours[finding.severity]
            console.print(
                f"[{colour}]{finding.severity}[/] {escape(label)} [{colour}]{finding.code}[/]: "
                f"{escape(finding.message)}",
                highlight=False,
                soft_wrap=True,
            )
    if many and any(report.findings for _, report in reports):
        console.print("Warnings in words: check single files, or add --json FILE.")
    print_failures(failures)


def print_failures(failures: Sequence[Outcome]) -> None:
    """A table of what failed and why; nothing where nothing did."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not failures:
        return
    table = Table(title=f"{len(failures)} failed", title_justify="left", title_style="red")
    table.add_column("motion", overflow="fold")
    table.add_column("error", no_wrap=True)
    short = _short_names([failure.label for failure in failures])
    for failure in failures:
        table.add_row(escape(short[failure.label]), f"[red]{type(failure.error).__name__}[/]")
    console = Console()
    console.print(table)
    # The sentences stand below the table: in a column, a terminal would fold them to pieces.
    for failure in failures:
        console.print(
            f"[red]failed[/] {escape(str(failure.error))}", highlight=False, soft_wrap=True
        )


def write_json(path: Path, document: dict) -> None:
    """Write a JSON document, whole or not at all; non-finite numbers are refused."""
    from mimiclab.files import write_text

    write_text(path, json.dumps(document, allow_nan=False) + "\n")


def reports_json(reports: "Sequence[CheckReport]", failures: Sequence[Outcome]) -> dict:
    """The document of `--json`: every clip, unreadable files among them, under a schema number."""
    from mimiclab.motions.check import SCHEMA

    unreadable = [
        {
            "path": failure.label,
            "robot": None,
            "fps": None,
            "frames": None,
            "duration_s": None,
            "ok": False,
            "findings": [
                {
                    "code": "unreadable",
                    "severity": "error",
                    "message": str(failure.error),
                    "frames": [],
                }
            ],
            "metrics": {},
        }
        for failure in failures
    ]
    return {"schema": SCHEMA, "clips": [*(report.to_json() for report in reports), *unreadable]}


def output_format(asked: str | None, output: Path) -> str:
    """The format to write: as asked, or by the suffix of the output; folders get mimiclab npz.

    Raises:
        UnknownNameError: no such format.
        MotionFileError: the suffix is that of several formats.
    """
    from mimiclab.errors import MotionFileError, UnknownNameError
    from mimiclab.motions.formats import FORMATS

    if asked is not None:
        if asked not in FORMATS:
            raise UnknownNameError("motion format", asked, FORMATS)
        return asked
    usual = {"": "mimiclab_npz", ".npz": "mimiclab_npz", ".csv": "unitree_csv"}
    fitting = [name for name, item in FORMATS.items() if item.suffix == output.suffix]
    if output.suffix in usual or not fitting:
        return usual.get(output.suffix, "mimiclab_npz")
    if len(fitting) > 1:
        raise MotionFileError(
            f"{output}: {output.suffix} files can be {', '.join(fitting)}; choose with --to"
        )
    return fitting[0]


def remind_of_rate(to: str, rates: set[float]) -> None:
    """Say how to read CSV files back, which do not hold their frame rate."""
    if to == "unitree_csv" and rates - {30.0}:
        listed = ", ".join(f"--fps {rate:g}" for rate in sorted(rates))
        print(f"CSV files do not store their rate; read these with {listed}.")


def _short_names(labels: Sequence[str]) -> dict[str, str]:
    short = {label: Path(label).name for label in labels}
    return short if len(set(short.values())) == len(short) else {label: label for label in labels}
