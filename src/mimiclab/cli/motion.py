"""`mimiclab motion convert|inspect|check|synthesize`: motion files in, checked motion files out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.motions.check import CheckReport
    from mimiclab.motions.sources import MotionSource

_Inputs = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="MOTION...")]
_Json = Annotated[Path | None, tyro.conf.arg(name="json")]
_Order = Literal["xyzw", "wxyz"]


def convert(
    motions: _Inputs,
    /,
    *,
    output: Path,
    to: str | None = None,
    robot: str = "unitree_g1",
    fps: float | None = None,
    output_fps: float | None = None,
    root_quat_order: _Order | None = None,
    frames: tuple[int, int] | None = None,
    joint_limits: Literal["flag", "clamp"] = "flag",
    licence: str | None = None,
    tags: tuple[str, ...] = (),
    overwrite: bool = False,
    motion_folder: Path | None = None,
    ignore_keys: tuple[str, ...] = (),
    json_path: _Json = None,
) -> int:
    """Convert motion files between formats, checking each; one bad file does not stop the rest.

    Formats: mimiclab_npz, mimiclab_npz_bodies (with derived arrays), mjlab_npz, beyondmimic_npz
    (Isaac order), holosoma_npz, gmr_npz, unitree_csv. The input's is found from the content. Exit
    code 0: all converted; 1: a file failed.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, or names of motion sets.
        output: The file to write for one input, otherwise the folder.
        to: Format to write; left out, Unitree CSV for a .csv output, otherwise mimiclab npz.
        robot: Robot of the files; those that name another one are refused.
        fps: Frame rate of files that do not state one; 30 for CSV if left out.
        output_fps: Resample to this rate; left out, the rate is kept.
        root_quat_order: Order of the root quaternion in CSV files (Unitree xyzw, Kimodo wxyz).
        frames: Keep only these frames: first, and one after the last, counted from 0.
        joint_limits: Report joints beyond their limits, or hold them inside.
        licence: Licence to store with the clips, for example `CC-BY-4.0`.
        tags: Words to store with the clips.
        overwrite: Replace existing output files.
        motion_folder: Folder that holds the clips of motion sets.
        ignore_keys: npz keys to pass over although the format does not know them.
        json_path: Write what was found in each converted clip as JSON.
    """
    from dataclasses import replace

    from mimiclab.cli.motion_batch import over_all, print_reports, reports_json, write_json
    from mimiclab.errors import OutputError, UnknownNameError
    from mimiclab.motions.check import check_file
    from mimiclab.motions.formats import FORMATS, write_motion
    from mimiclab.motions.kinematics import resample
    from mimiclab.motions.repair import clamp_joint_limits
    from mimiclab.motions.sources import find_sources
    from mimiclab.robots import get_robot

    to = to or _format_of(output)
    if to not in FORMATS:
        raise UnknownNameError("motion format", to, FORMATS)
    model = get_robot(robot)
    sources = find_sources(
        motions,
        robot=robot,
        fps=fps,
        motion_folder=motion_folder,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
    )
    targets = _targets(sources, output, FORMATS[to].suffix)

    def work(source: "MotionSource") -> "tuple[CheckReport, Path]":
        target = targets[source.label]
        if target.exists() and not overwrite:
            raise OutputError(f"{target} exists; choose another output or add --overwrite")
        file = source.read()
        clip = file.clip if frames is None else file.clip.cut(*frames)
        if output_fps is not None:
            clip = resample(clip, output_fps)
        if joint_limits == "clamp":
            clip, _ = clamp_joint_limits(clip, model)
        clip = replace(clip, licence=licence or clip.licence, tags=tags or clip.tags)
        # Derived arrays in the input are of no concern here: the output's are computed anew.
        report = check_file(replace(file, clip=clip, stored=None), model)
        write_motion(clip, target, to)
        return report, target

    outcomes = over_all(sources, work, "converting")
    done = [outcome.result for outcome in outcomes if outcome.result is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    print_reports([(str(path), report) for report, path in done], failures, "converted")
    _remind_of_rate(to, {report.clip.fps for report, _ in done})
    if json_path is not None:
        write_json(json_path, reports_json([report for report, _ in done], failures))
    return 1 if failures else 0


def check(
    motions: _Inputs,
    /,
    *,
    robot: str = "unitree_g1",
    fps: float | None = None,
    root_quat_order: _Order | None = None,
    motion_folder: Path | None = None,
    ignore_keys: tuple[str, ...] = (),
    json_path: _Json = None,
) -> int:
    """Report the quality of motions: limits, jumps, ground contact, wrong stored arrays.

    The ground is flat at z = 0. Exit code 0: no errors (warnings are allowed); 1: errors found or
    a file could not be read.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, or names of motion sets.
        robot: Robot of the files; those that name another one are refused.
        fps: Frame rate of files that do not state one; 30 for CSV if left out.
        root_quat_order: Order of the root quaternion in CSV files (Unitree xyzw, Kimodo wxyz).
        motion_folder: Folder that holds the clips of motion sets.
        ignore_keys: npz keys to pass over although the format does not know them.
        json_path: Write all findings and metrics as JSON.
    """
    from mimiclab.cli.motion_batch import over_all, print_reports, reports_json, write_json
    from mimiclab.motions.check import check_file
    from mimiclab.motions.sources import find_sources
    from mimiclab.robots import get_robot

    model = get_robot(robot)
    sources = find_sources(
        motions,
        robot=robot,
        fps=fps,
        motion_folder=motion_folder,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
    )
    outcomes = over_all(sources, lambda source: check_file(source.read(), model), "checking")
    reports = [outcome.result for outcome in outcomes if outcome.result is not None]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    print_reports([(report.path, report) for report in reports], failures, f"motions of {robot}")
    if json_path is not None:
        write_json(json_path, reports_json(reports, failures))
    return 0 if all(report.ok for report in reports) and not failures else 1


def inspect(
    motion: Annotated[str, tyro.conf.Positional],
    /,
    *,
    robot: str = "unitree_g1",
    fps: float | None = None,
    root_quat_order: _Order | None = None,
    ignore_keys: tuple[str, ...] = (),
) -> None:
    """Show what is in a motion file: format, rate, length, root path, range of every joint.

    Args:
        motion: A file or `builtin:NAME`.
        robot: Robot of the file, if it does not name one.
        fps: Frame rate, if the file does not state one; 30 for CSV if left out.
        root_quat_order: Order of the root quaternion in CSV files (Unitree xyzw, Kimodo wxyz).
        ignore_keys: npz keys to pass over although the format does not know them.
    """
    import numpy as np
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mimiclab.errors import MotionFileError
    from mimiclab.motions.sources import find_sources
    from mimiclab.robots import get_robot

    sources = find_sources(
        motion, robot=robot, fps=fps, root_quat_order=root_quat_order, ignore_keys=ignore_keys
    )
    if len(sources) != 1:
        raise MotionFileError(
            f"{motion} names {len(sources)} motions, expected one; `mimiclab motion check` "
            "takes many"
        )
    file = sources[0].read()
    clip = file.clip
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
    from mimiclab.cli.motion_batch import print_reports
    from mimiclab.errors import UnknownNameError
    from mimiclab.motions.check import check_clip
    from mimiclab.motions.formats import FORMATS, write_motion
    from mimiclab.motions.synthesis import builtin_motion, builtin_names, builtin_params

    if not motions:
        for name in builtin_names():
            listed = " ".join(f"{key}={value:g}" for key, value in builtin_params(name).items())
            print(f"{name:<14} {listed}")
        return 0
    to = to or _format_of(output)
    if to not in FORMATS:
        raise UnknownNameError("motion format", to, FORMATS)
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
    _remind_of_rate(to, {fps})
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


def _format_of(output: Path) -> str:
    return "unitree_csv" if output.suffix == ".csv" else "mimiclab_npz"


def _remind_of_rate(to: str, rates: set[float]) -> None:
    if to == "unitree_csv" and rates - {30.0}:
        listed = ", ".join(f"--fps {rate:g}" for rate in sorted(rates))
        print(f"CSV files do not store their rate; read these with {listed}.")


def _targets(sources: "list[MotionSource]", output: Path, suffix: str) -> dict[str, Path]:
    """Output file of every source; a batch keeps the folders below the inputs' common one."""
    import os

    from mimiclab.errors import OutputError

    if len(sources) == 1 and output.suffix:
        targets = {sources[0].label: output}
    else:
        if output.suffix and not output.is_dir():
            raise OutputError(
                f"--output {output} is one file, but {len(sources)} motions were named; give a "
                "folder"
            )
        parents = [str(s.path.parent.absolute()) for s in sources if s.path is not None]
        common = Path(os.path.commonpath(parents)) if parents else Path()
        targets = {}
        for source in sources:
            if source.path is None:
                inner = Path(source.label.partition(":")[2])
            else:
                inner = source.path.absolute().relative_to(common)
            targets[source.label] = output / inner.with_suffix(suffix)
    made: dict[Path, str] = {}
    for source in sources:
        target = targets[source.label]
        if source.path is not None and target.absolute() == source.path.absolute():
            raise OutputError(f"{target} would replace its own input; choose another output")
        if target in made:
            raise OutputError(
                f"{made[target]} and {source.label} would both be written to {target}; convert "
                "them one by one"
            )
        made[target] = source.label
    return targets
