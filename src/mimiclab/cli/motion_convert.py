"""`mimiclab motion convert`: files, folders and globs from one format to another, in parallel."""

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.motion_options import DEFAULTS, Json, Sources
from mimiclab.motions.edit import ClipEdit

if TYPE_CHECKING:
    from mimiclab.motions.convert import Conversion, Written
    from mimiclab.motions.sources import MotionSource

_Words = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN... OUT")]
_Edit = Annotated[ClipEdit, tyro.conf.arg(name="")]
_UNCHANGED = ClipEdit()


def convert(
    motions: _Words,
    /,
    *,
    output: Path | None = None,
    to: str | None = None,
    source: Sources = DEFAULTS,
    output_fps: float | None = None,
    frames: tuple[int, int] | None = None,
    edit: _Edit = _UNCHANGED,
    min_duration: float = 0.0,
    joint_limits: Literal["flag", "clamp"] = "flag",
    mirror: Literal["no", "add", "only"] = "no",
    licence: str | None = None,
    tags: tuple[str, ...] = (),
    tags_from_name: bool = False,
    prefix: str = "",
    overwrite: bool = False,
    workers: int | None = None,
    json_path: Json = None,
) -> int:
    """Convert motion files between formats, checking each; one bad file does not stop the rest.

    The input's format is found from the content. Folders are searched below too and their tree is
    kept. Output files that exist are skipped, so an interrupted batch goes on where it was.
    Exit code 0: all converted or skipped; 1: a file failed.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets or expressions of them; the
            last word is the output unless --output names it.
        output: The file to write for one input, otherwise the folder.
        to: Format to write; left out, by the suffix of the output: .csv Unitree CSV, otherwise
            mimiclab npz.
        source: How the files are found and read.
        output_fps: Resample to this rate; left out, the rate is kept.
        frames: Keep only these frames: first, and one after the last, counted from 0.
        edit: What else is cut, and what is added.
        min_duration: Leave out clips shorter than this many seconds.
        joint_limits: Report joints beyond their limits, or hold them inside.
        mirror: Write the mirror image too, its name ending in _mirrored (add), or only that.
        licence: Licence to store with the clips, for example `CC-BY-4.0`.
        tags: Words to store with the clips.
        tags_from_name: Store the tags that file names hold too: walk, dance, ...
        prefix: Begin the output files of a batch with this, for example `lafan1_`.
        overwrite: Replace existing output files.
        workers: Processes; by default one for each core, where there are files enough.
        json_path: Write what was found in each converted clip as JSON.
    """
    from mimiclab.cli.motion_batch import (
        Outcome,
        output_format,
        over_all,
        print_reports,
        remind_of_rate,
        reports_json,
        write_json,
    )
    from mimiclab.cli.motion_targets import clashes, output_paths
    from mimiclab.motions.convert import Conversion, outputs
    from mimiclab.motions.formats import FORMATS

    motions, output = _split(motions, output)
    to = output_format(to, output)
    job = Conversion(
        robot=source.robot,
        to=to,
        output_fps=output_fps,
        frames=frames,
        edit=edit,
        min_duration_s=min_duration,
        clamp=joint_limits == "clamp",
        mirror=mirror,
        licence=licence,
        tags=tags,
        tags_from_name=tags_from_name,
        overwrite=overwrite,
    )
    # Words may overlap: what two of them name is one file to convert.
    sources = list({found.label: found for found in source.find(motions)}.values())
    targets = output_paths(sources, output, FORMATS[to].suffix, prefix=prefix)
    written = {k: [path for path, _ in outputs(v, mirror)] for k, v in targets.items()}
    began = time.perf_counter()
    outcomes: list[Outcome[list[Written]]]
    try:
        outcomes = over_all(
            sources,
            partial(_convert, targets=targets, clashes=clashes(sources, written), job=job),
            "converting",
            workers=workers,
        )
    except KeyboardInterrupt:
        print("Stopped: files written so far are whole; the same command goes on with the rest.")
        raise
    files = [file for outcome in outcomes for file in outcome.result or ()]
    reports = [(str(file.path), file.report) for file in files if file.report is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    print_reports(reports, failures, "converted")
    remind_of_rate(to, {report.fps for _, report in reports})
    seconds = time.perf_counter() - began
    print(_summary(files, len(failures), min_duration, seconds))
    if json_path is not None:
        write_json(json_path, reports_json([report for _, report in reports], failures))
    return 1 if failures else 0


def _convert(
    source: "MotionSource", targets: dict[str, Path], clashes: dict[str, str], job: "Conversion"
) -> "list[Written]":
    from mimiclab.errors import OutputError
    from mimiclab.motions.convert import convert as convert_one

    if source.label in clashes:
        raise OutputError(clashes[source.label])
    return convert_one(source, targets[source.label], job)


def _split(motions: tuple[str, ...], output: Path | None) -> tuple[tuple[str, ...], Path]:
    from mimiclab.errors import OutputError

    if output is not None:
        return motions, output
    if len(motions) < 2:
        raise OutputError(
            "where to? Name the input and the output: mimiclab motion convert IN OUT, or --output"
        )
    return motions[:-1], Path(motions[-1])


def _summary(files: "Sequence[Written]", failures: int, min_duration: float, seconds: float) -> str:
    """The last lines: how many, how long, and what was left out."""
    count = Counter(file.status for file in files)
    reports = [file.report for file in files if file.report is not None]
    parts = [f"{count['written']} written"]
    if count["exists"]:
        parts.append(f"{count['exists']} skipped (they exist; --overwrite replaces them)")
    if count["short"]:
        parts.append(f"{count['short']} left out (shorter than {min_duration:g} s)")
    lines = [", ".join([*parts, f"{failures} failed"])]
    if reports:
        durations = [report.duration_s for report in reports]
        total = sum(durations)
        spread = (
            f"mean {statistics.fmean(durations):.1f}, median {statistics.median(durations):.1f}, "
            f"deviation {statistics.pstdev(durations):.1f}, "
            f"{min(durations):.1f} to {max(durations):.1f} s"
        )
        lines.append(
            f"{total / 60:.1f} minutes of motion, {sum(r.num_frames for r in reports)} frames; "
            f"a clip: {spread}"
        )
        lines.append(f"in {seconds:.1f} s, {total / max(seconds, 1e-9):.0f} times real time")
    return "\n".join(lines)
