"""What the motion commands share: going over many files, one failure not stopping the rest."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from mimiclab.errors import MimiclabError

if TYPE_CHECKING:
    from mimiclab.motions.check import CheckReport
    from mimiclab.motions.sources import MotionSource

Result = TypeVar("Result")
_MANY = 5
"""More clips than this are listed without the text of their warnings."""


class Outcome(Generic[Result]):
    """What became of one source: a result or the error that it ended in."""

    def __init__(self, source: "MotionSource", work: "Callable[[MotionSource], Result]") -> None:
        self.label = source.label
        self.result: Result | None = None
        self.error: MimiclabError | None = None
        try:
            self.result = work(source)
        except MimiclabError as error:
            self.error = error


def over_all(
    sources: "Sequence[MotionSource]", work: "Callable[[MotionSource], Result]", title: str
) -> list[Outcome[Result]]:
    """Do the work on every source, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    bar = track(
        sources,
        description=title,
        console=Console(stderr=True),
        transient=True,
        disable=len(sources) == 1 or not sys.stderr.isatty(),
    )
    return [Outcome(source, work) for source in bar]


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
    labels = [label for label, _ in reports] + [failure.label for failure in failures]
    short = {label: Path(label).name for label in labels}
    if len(set(short.values())) < len(short):
        short = {label: label for label in labels}
    colours = {"error": "red", "warning": "yellow", "note": "dim"}
    for label, report in reports:
        codes = [f"[{colours[f.severity]}]{f.code}[/]" for f in report.findings]
        clip = report.clip
        table.add_row(
            escape(short[label]),
            f"{clip.fps:g}",
            str(clip.num_frames),
            f"{clip.duration_s:.1f}",
            "[green]yes[/]" if report.ok else "[red]no[/]",
            " ".join(codes) or "-",
        )
    for failure in failures:
        table.add_row(escape(short[failure.label]), "", "", "", "[red]no[/]", "[red]failed[/]")
    console.print(table)
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
