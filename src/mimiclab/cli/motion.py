"""`mimiclab motion inspect|check|synthesize`: what is in motion files, and how good they are."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from mimiclab.cli.motion_options import (
    DEFAULTS,
    HUMAN_DEFAULTS,
    Humans,
    Inputs,
    Json,
    Sources,
)

if TYPE_CHECKING:
    from mimiclab.motions.check import CheckReport
    from mimiclab.motions.sources import MotionSource


def check(
    motions: Inputs,
    /,
    *,
    source: Sources = DEFAULTS,
    workers: int | None = None,
    json_path: Json = None,
) -> int:
    """Report the quality of motions: limits, jumps, ground contact, wrong stored arrays.

    The ground is flat at z = 0. Exit code 0: no errors (warnings are allowed); 1: errors found or
    a file could not be read.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets, or expressions of them.
        source: How the files are found and read.
        workers: Processes; by default one for each core, where there are files enough.
        json_path: Write all findings and metrics as JSON.
    """
    from mimiclab.cli.motion_batch import over_all, print_reports, reports_json, write_json

    work = partial(_check, robot=source.robot)
    outcomes = over_all(source.find(motions), work, "checking", workers=workers)
    reports = [outcome.result for outcome in outcomes if outcome.result is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    title = f"motions of {source.robot}"
    print_reports([(report.path, report) for report in reports], failures, title)
    if json_path is not None:
        write_json(json_path, reports_json(reports, failures))
    return 0 if all(report.ok for report in reports) and not failures else 1


def _check(source: "MotionSource", robot: str) -> "CheckReport":
    from mimiclab.motions.check import check_file
    from mimiclab.robots import get_robot

    return check_file(source.read(), get_robot(robot))


def inspect(
    motion: Annotated[str, tyro.conf.Positional],
    /,
    *,
    source: Sources = DEFAULTS,
    human: Humans = HUMAN_DEFAULTS,
) -> None:
    """Show what is in a motion file: format, rate, length, root path, range of every joint.

    Of a person's motion (BVH, AMC, SMPL ...): skeleton, sizes and landmarks.

    Args:
        motion: A file, `builtin:NAME`, or what names one motion.
        source: How the file is found and read.
        human: How a file of a person's motion is read.
    """
    from mimiclab.cli.motion_human import inspect_human, is_human

    if is_human(motion, source.robot):
        return inspect_human(human.read(motion, source.fps), motion)
    import numpy as np
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mimiclab.errors import MotionFileError
    from mimiclab.robots import get_robot

    sources = source.find(motion)
    if len(sources) != 1:
        raise MotionFileError(
            f"{motion} names {len(sources)} motions, expected one; `mimiclab motion check` "
            "takes many"
        )
    file = sources[0].read()
    clip, contacts = file.clip, file.clip.foot_contacts
    console = Console()
    stored = [
        key
        for key, value in (vars(file.stored) if file.stored else {}).items()
        if key != "body_names" and value is not None
    ]
    path = np.linalg.norm(np.diff(clip.root_pos[:, :2], axis=0), axis=1).sum()
    facts = {
        "format": file.format,
        "robot": clip.robot,
        "fps": f"{clip.fps:g}",
        "frames": f"{clip.num_frames}  ({clip.duration_s:.2f} s)",
        "root height": f"{clip.root_pos[:, 2].min():.3f} to {clip.root_pos[:, 2].max():.3f} m",
        "root path": f"{path:.2f} m on the ground",
        "stored arrays": ", ".join(stored) or "none",
        "foot contacts": "-"
        if contacts is None
        else "left {:.0%}, right {:.0%} of the time".format(*contacts.mean(axis=0)),
        "objects": ", ".join(item.name for item in clip.objects) or "-",
        "terrain": clip.terrain or "-",
        "remarks": "; ".join(file.remarks) or "-",
        "source": clip.source or "-",
        "licence": clip.licence or "-",
        "tags": ", ".join(clip.tags) or "-",
    }
    console.print(f"[bold]{escape(clip.name)}[/]")
    for key, value in facts.items():
        console.print(f"  {key:<14} {escape(value)}", highlight=False)
    table = Table("joint", title="joint angles, rad", title_justify="left")
    for name in ("min", "max", "lower limit", "upper limit"):
        table.add_column(name, justify="right")
    limits = get_robot(clip.robot).joint_limits
    for j, name in enumerate(clip.joint_names):
        angles, (low, high) = clip.joint_pos[:, j], limits[j]
        colour = "red" if angles.min() < low or angles.max() > high else ""
        row = [f"{value:.3f}" for value in (angles.min(), angles.max(), low, high)]
        table.add_row(name, *row, style=colour)
    console.print(table)


def synthesize(
    motions: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    /,
    *,
    output: Path = Path("motions"),
    to: str | None = None,
    robot: str = "unitree_g1",
    fps: float = 50.0,
    params: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE")] = (),
) -> int:
    """Write built-in motions, made by computation and free of licences, to files.

    Without a name, lists the motions and their parameters. Exit code 1: a written clip has errors.

    Args:
        motions: Names of built-in motions, or `*` for all.
        output: The file to write for one motion (if it has a suffix), otherwise the folder.
        to: Format to write; left out, Unitree CSV for a .csv output, otherwise mimiclab npz.
        robot: Robot to make the motion for.
        fps: Frames per second.
        params: Parameters of the motion, for example `--set steps=6`; see the list.
    """
    from mimiclab.cli.motion_batch import output_format, print_reports, remind_of_rate
    from mimiclab.motions.check import check_clip
    from mimiclab.motions.formats import FORMATS, write_motion
    from mimiclab.motions.synthesis import builtin_motion, builtin_names, builtin_params

    if not motions:
        for name in builtin_names():
            listed = " ".join(f"{key}={value:g}" for key, value in builtin_params(name).items())
            print(f"{name:<14} {listed}")
        return 0
    to = output_format(to, output)
    names = builtin_names() if "*" in motions else motions
    single = len(names) == 1 and output.suffix
    reports = []
    for name in names:
        clip = builtin_motion(name, robot=robot, fps=fps, **_numbers(params))
        target = output if single else output / f"{name}{FORMATS[to].suffix}"
        report = check_clip(clip)
        write_motion(clip, target, to)
        reports.append((str(target), report))
    print_reports(reports, [], f"synthesised for {robot}")
    remind_of_rate(to, {fps})
    return 0 if all(report.ok for _, report in reports) else 1


def _numbers(params: tuple[str, ...]) -> dict[str, float]:
    from mimiclab.errors import MotionError

    found = {}
    for param in params:
        key, equals, value = param.partition("=")
        try:
            found[key] = int(value) if value.isdecimal() else float(value)
        except ValueError as error:
            raise MotionError(
                f"--set {param}: expected NAME=NUMBER, for example steps=6"
            ) from error
        if not equals or not key:
            raise MotionError(f"--set {param}: expected NAME=NUMBER, for example steps=6")
    return found
