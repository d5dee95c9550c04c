"""`mimiclab motion repair`: mend motion files, and say what was mended."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Json, Sources

if TYPE_CHECKING:
    from mimiclab.motions.check.quality import QualityReport
    from mimiclab.motions.repair.change import Change
    from mimiclab.motions.sources import MotionSource

_Kind = Literal["wrap", "glitch", "spike", "step", "teleport", "limits", "tilt", "float"]


def repair(
    motions: Inputs,
    /,
    *,
    output: Path,
    only: tuple[_Kind, ...] = (),
    to: str | None = None,
    source: Sources = DEFAULTS,
    overwrite: bool = False,
    workers: int | None = None,
    json_path: Json = None,
) -> int:
    """Repair robot motions and report every change; a sound motion is written as it is.

    Repairs, in this order: whole turns in joint angles (wrap); up to three wrong frames, also an
    unsettled start (glitch); joints that jump away and back (spike) or jump and stay (step); roots
    that teleport (teleport); joints beyond their limits (limits); ground that is tilted (tilt), or
    not at height 0 (float). Exit code 0: all written; 1: a file failed, or is beyond repair.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets or expressions of them.
        output: The file to write for one input, otherwise the folder.
        only: Do these repairs only; all of them if left out.
        to: Format to write; left out, by the suffix of the output: .csv Unitree CSV, otherwise
            mimiclab npz.
        source: How the files are found and read.
        overwrite: Replace existing output files; otherwise they are skipped.
        workers: Processes; by default one for each core, where there are files enough.
        json_path: Write changes and quality, before and after, as JSON.
    """
    from mimiclab.cli.motion_batch import (
        output_format,
        over_all,
        print_failures,
        remind_of_rate,
        write_json,
    )
    from mimiclab.cli.motion_targets import clashes, output_paths
    from mimiclab.motions.check.quality import QUALITY_SCHEMA
    from mimiclab.motions.formats import FORMATS

    to = output_format(to, output)
    sources = list({found.label: found for found in source.find(motions)}.values())
    targets = output_paths(sources, output, FORMATS[to].suffix)
    work = partial(
        _repair,
        targets=targets,
        clashes=clashes(sources, {label: [path] for label, path in targets.items()}),
        to=to,
        only=only or None,
        overwrite=overwrite,
    )
    outcomes = over_all(sources, work, "repairing", workers=workers)
    done = [outcome.result for outcome in outcomes if outcome.result is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    _print(done)
    print_failures(failures)
    judged = [(file, file.after) for file in done if file.after is not None]
    remind_of_rate(to, {after.fps for _, after in judged})
    changed = sum(any(change.applied for change in file.changes) for file, _ in judged)
    skipped = len(done) - len(judged)
    exist = f", {skipped} skipped (they exist; --overwrite replaces them)" if skipped else ""
    print(
        f"{len(judged)} written ({changed} repaired, {len(judged) - changed} as they were)"
        f"{exist}, {len(failures)} failed"
    )
    if json_path is not None:
        lost = [{"path": bad.label, "error": str(bad.error)} for bad in failures]
        document = {"schema": QUALITY_SCHEMA, "clips": [f.to_json() for f in done], "failed": lost}
        write_json(json_path, document)
    return 1 if failures or any(after.verdict == "reject" for _, after in judged) else 0


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What became of one file; one that existed already has no reports."""

    label: str
    path: Path
    before: "QualityReport | None" = None
    after: "QualityReport | None" = None
    changes: "tuple[Change, ...]" = ()

    def to_json(self) -> dict:
        """One of `clips` in the document of `--json`."""
        return {
            "path": self.label,
            "output": str(self.path),
            "status": "written" if self.after else "exists",
            "changes": [change.to_json() for change in self.changes],
            "before": self.before.to_json() if self.before else None,
            "after": self.after.to_json() if self.after else None,
        }


def _repair(
    source: "MotionSource",
    targets: dict[str, Path],
    clashes: dict[str, str],
    to: str,
    only: tuple[str, ...] | None,
    overwrite: bool,
) -> Repaired:
    from mimiclab.errors import OutputError
    from mimiclab.motions.check.quality import motion_quality
    from mimiclab.motions.formats import write_motion
    from mimiclab.motions.repair import repair as mend

    if source.label in clashes:
        raise OutputError(clashes[source.label])
    target = targets[source.label]
    if target.exists() and not overwrite:
        return Repaired(label=source.label, path=target)
    clip = source.clip()
    mended, changes = mend(clip, only=only)
    write_motion(mended, target, to)
    return Repaired(
        label=source.label,
        path=target,
        before=motion_quality(clip),
        after=motion_quality(mended),
        changes=tuple(changes),
    )


def _print(files: list[Repaired]) -> None:
    """A table of all clips, and below it every change; of many of a kind, the first."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mimiclab.cli.motion_quality import VERDICT_COLOURS

    judged = [file for file in files if file.before is not None and file.after is not None]
    if not judged:
        return
    table = Table(title="repaired", title_justify="left")
    table.add_column("motion", overflow="fold")
    table.add_column("repairs", overflow="fold")
    table.add_column("before")
    table.add_column("after")
    table.add_column("what is left", overflow="fold")
    for file in judged:
        assert file.before is not None and file.after is not None
        kinds = Counter(change.kind for change in file.changes if change.applied)
        listed = ", ".join(f"{kind} {n}" if n > 1 else kind for kind, n in kinds.items())
        table.add_row(
            escape(Path(file.label).name),
            listed or "-",
            *(
                f"[{VERDICT_COLOURS[report.verdict]}]{report.verdict}[/]"
                for report in (file.before, file.after)
            ),
            escape(", ".join(map(str, file.after.reasons))) or "-",
        )
    console = Console()
    console.print(table)
    for file in judged:
        for kind, count in Counter(change.kind for change in file.changes).items():
            first = next(change for change in file.changes if change.kind == kind)
            more = f" (and {count - 1} more of this kind)" if count > 1 else ""
            console.print(
                f"{escape(Path(file.label).name)}: {escape(first.message)}{more}",
                highlight=False,
                soft_wrap=True,
            )
