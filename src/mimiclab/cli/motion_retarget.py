"""`mimiclab motion retarget`: from motions of people, or of other robots, to motions of robots."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.motion_options import HUMAN_DEFAULTS, Humans, Json

if TYPE_CHECKING:
    from mimiclab.motions.check.quality import QualityReport
    from mimiclab.motions.retarget.files import RetargetedFile, RetargetJob, RetargetSource

_Words = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="HUMAN...")]


@dataclass(frozen=True)
class _Task:
    """One motion to one robot."""

    label: str
    path: Path | None
    source: "RetargetSource"
    target: Path
    job: "RetargetJob"


def retarget(
    motions: _Words,
    /,
    *,
    output: Path,
    robot: str = "unitree_g1",
    method: Literal["batch", "quick", "mink"] = "batch",
    to: str | None = None,
    output_fps: float | None = None,
    frames: tuple[int, int] | None = None,
    fps: float | None = None,
    human: Humans = HUMAN_DEFAULTS,
    source_robot: str | None = None,
    root_quat_order: Literal["xyzw", "wxyz"] | None = None,
    motion_folder: Path | None = None,
    picture: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    json_path: Json = None,
) -> int:
    """Retarget motions of people (BVH, ASF/AMC, SMPL, ...) or of robots to robots, and judge them.

    Folders are searched below too and their tree is kept. Output files that exist are skipped. A
    failing file does not stop the rest. Exit code 0: all written; 1: a file failed, or a result is
    so bad that its verdict is reject.

    Args:
        motions: Files, folders, globs; of robots also `builtin:NAME` and motion sets.
        output: The file to write for one motion and one robot, otherwise the folder.
        robot: Robots to move, separated by commas; several get a folder each.
        method: `batch` solves whole clips at once, `quick` in fewer steps, with feet held less
            exactly; `mink` frame after frame, for comparison.
        to: Format to write; left out, by the suffix of the output: .csv Unitree CSV, otherwise
            mimiclab npz.
        output_fps: Frame rate of the result; left out, the motion's.
        frames: Use only these frames: first, and one after the last, counted from 0.
        fps: Frame rate of files that do not state one.
        human: How files of people are read.
        source_robot: Robot of robot motions that do not name theirs (CSV).
        root_quat_order: Order of the root quaternion in CSV files (Unitree xyzw, Kimodo wxyz).
        motion_folder: Folder that holds the clips of motion sets.
        picture: Write a PNG beside each result: the source above, the robot below.
        overwrite: Replace existing output files.
        workers: Processes; one for each core if left out.
        json_path: Write the quality of every result as JSON.
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
    from mimiclab.motions.retarget.files import RetargetJob, find_retarget_sources
    from mimiclab.robots import get_robot
    from mimiclab.simulation.threads import available_cores

    names = list(dict.fromkeys(name.strip() for name in robot.split(",") if name.strip()))
    for name in names:
        get_robot(name)
    to = output_format(to, output)
    sources = find_retarget_sources(
        motions,
        robot=source_robot,
        fps=fps,
        human=vars(human),
        root_quat_order=root_quat_order,
        motion_folder=motion_folder,
    )
    tasks = []
    for name in names:
        folder = output if len(names) == 1 else output / name
        job = RetargetJob(
            robot=name,
            to=to,
            method=method,
            output_fps=output_fps,
            frames=frames,
            skeleton=human.skeleton,
            overwrite=overwrite,
        )
        targets = output_paths(sources, folder, FORMATS[to].suffix)
        tasks += [
            _Task(f"{source.label} to {name}", source.path, source, targets[source.label], job)
            for source in sources
        ]
    began = time.perf_counter()
    outcomes = over_all(
        tasks,
        partial(
            _retarget,
            clashes=clashes(tasks, {task.label: [task.target] for task in tasks}),
            picture=picture,
        ),
        "retargeting",
        workers=min(available_cores(), len(tasks)) if workers is None else workers,
    )
    seconds = time.perf_counter() - began
    done = [(o.label, o.result) for o in outcomes if o.result is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    judged = [(file, file.report) for _, file in done if file.report is not None]
    _print(judged, method)
    print_failures(failures)
    remind_of_rate(to, {report.fps for _, report in judged})
    print(_summary(judged, len(done) - len(judged), len(failures), seconds))
    if json_path is not None:
        lost = [{"path": bad.label, "error": str(bad.error)} for bad in failures]
        clips = [_json(label, file) for label, file in done]
        document = {"schema": QUALITY_SCHEMA, "method": method, "clips": clips, "failed": lost}
        write_json(json_path, document)
    return 1 if failures or any(report.verdict == "reject" for _, report in judged) else 0


def _retarget(task: _Task, clashes: dict[str, str], picture: bool) -> "RetargetedFile":
    from mimiclab.errors import OutputError
    from mimiclab.motions.retarget.files import retarget_file

    if task.label in clashes:
        raise OutputError(clashes[task.label])
    done = retarget_file(task.source, task.target, task.job)
    if picture and done.status == "written":
        from mimiclab.motions.formats import read_motion
        from mimiclab.viewing.gallery import render_sheet

        source = task.source.read()
        shown = source if task.job.frames is None else source.cut(*task.job.frames)
        result = read_motion(done.path, robot=task.job.robot)
        render_sheet([shown, result], done.path.with_suffix(".png"), moments=6)
    return done


def _print(files: "list[tuple[RetargetedFile, QualityReport]]", method: str) -> None:
    """A table for each robot with one row for each result, and why some are not accepted."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mimiclab.cli.motion_quality import QUALITY_COLUMNS, VERDICT_COLOURS, quality_cells

    if not files:
        return
    console = Console()
    for robot in dict.fromkeys(report.robot for _, report in files):
        table = Table(
            title=f"retargeted to {robot} ({method})",
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        table.add_column("motion", overflow="fold", min_width=10)
        table.add_column("verdict", no_wrap=True)
        for heading in ("frames\nper s", *(head for head, _ in QUALITY_COLUMNS.values())):
            table.add_column(heading, justify="right", no_wrap=True)
        for file, report in files:
            if report.robot == robot:
                table.add_row(
                    escape(file.path.stem),
                    f"[{VERDICT_COLOURS[report.verdict]}]{report.verdict}[/]",
                    f"{report.frames / max(file.seconds, 1e-9):.0f}",
                    *quality_cells(report),
                )
        console.print(table)
    for file, report in files:
        if report.reasons:
            why = escape(", ".join(map(str, report.reasons)))
            console.print(
                f"[{VERDICT_COLOURS[report.verdict]}]{report.verdict}[/] {escape(str(file.path))}: "
                f"{why}",
                highlight=False,
                soft_wrap=True,
            )


def _summary(files: list, skipped: int, failed: int, seconds: float) -> str:
    frames = sum(report.frames for _, report in files)
    exist = f", {skipped} skipped (they exist; --overwrite replaces them)" if skipped else ""
    lines = [f"{len(files)} written{exist}, {failed} failed"]
    if files:
        rate = frames / max(seconds, 1e-9)
        lines.append(
            f"{frames} frames in {seconds:.1f} s, reading and judging included: {rate:.0f}/s"
        )
    return "\n".join(lines)


def _json(label: str, file: "RetargetedFile") -> dict:
    quality = file.report.to_json() if file.report else None
    return {
        "path": label,
        "output": str(file.path),
        "status": file.status,
        "seconds": file.seconds,
        "quality": quality,
    }
