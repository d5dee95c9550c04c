"""One motion from one file to another: cut, resampled, mirrored, labelled, checked and written."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mimiclab.motions.check import CheckReport, check_file
from mimiclab.motions.check.finding import Finding
from mimiclab.motions.edit import ClipEdit
from mimiclab.motions.formats import left_out, write_motion
from mimiclab.motions.kinematics import resample
from mimiclab.motions.mirror import MIRRORED, mirror_clip
from mimiclab.motions.repair import clamp_joint_limits
from mimiclab.motions.sources import MotionSource
from mimiclab.motions.tags import name_tags
from mimiclab.robots import get_robot


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What to do with every motion of a batch."""

    robot: str
    to: str
    """Name of the output format."""
    output_fps: float | None = None
    """New frame rate; None keeps the file's."""
    frames: tuple[int, int] | None = None
    """First frame, and one after the last, of the input."""
    edit: ClipEdit = ClipEdit()
    """What else is cut, and what is added; times count from the first of `frames`."""
    min_duration_s: float = 0.0
    """Shorter clips are left out, s; still frames and default poses do not count."""
    clamp: bool = False
    """Hold joints inside their limits."""
    mirror: Literal["no", "add", "only"] = "no"
    """Write the mirror image too, or only it."""
    licence: str | None = None
    tags: tuple[str, ...] = ()
    """Replace the tags of the file, if any are given."""
    tags_from_name: bool = False
    """Add the tags that the file name holds."""
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of one output file."""

    path: Path
    status: Literal["written", "exists", "short"]
    report: CheckReport | None = None
    """Of the motion as written."""


def outputs(target: Path, mirror: str) -> list[tuple[Path, bool]]:
    """Output files of one motion, and whether each holds the mirror image."""
    mirrored = target.with_name(f"{target.stem}{MIRRORED}{target.suffix}")
    both = [(target, False), (mirrored, True)]
    return {"no": both[:1], "add": both, "only": both[1:]}[mirror]


def convert(source: MotionSource, target: Path, job: Conversion) -> list[Written]:
    """Write a motion to `target`; what exists stays unless `job.overwrite`.

    Raises:
        MotionError: the motion cannot be read; also of `resample`, `ClipEdit` and `mirror_clip`.
        OutputError: the file cannot be written (disk full, say); nothing is left of it.
    """
    wanted = outputs(target, job.mirror)
    missing = [item for item in wanted if job.overwrite or not item[0].exists()]
    done = [Written(path=path, status="exists") for path, _ in wanted if (path, _) not in missing]
    if not missing:
        return done
    robot = get_robot(job.robot)
    file = source.read()
    clip = job.edit.cut(file.clip if job.frames is None else file.clip.cut(*job.frames))
    if clip.duration_s < job.min_duration_s:
        return done + [Written(path=path, status="short") for path, _ in missing]
    clip = job.edit.extend(clip, robot)
    if job.output_fps is not None:
        clip = resample(clip, job.output_fps)
    if job.clamp:
        clip, _ = clamp_joint_limits(clip, robot)
    tags = (job.tags or clip.tags) + (name_tags(source.label) if job.tags_from_name else ())
    clip = replace(
        clip, licence=job.licence or clip.licence, tags=tuple(dict.fromkeys(tags)), name=target.stem
    )
    for path, mirrored in missing:
        shown = mirror_clip(clip) if mirrored else clip
        # Derived arrays in the input are of no concern here: the output's are computed anew.
        report = check_file(replace(file, clip=shown, stored=None), robot)
        write_motion(shown, path, job.to)
        lost = left_out(shown, job.to)
        if lost:
            told = f"{job.to} cannot hold {' and '.join(lost)}; left out of {path.name}"
            report.findings.append(Finding(code="left_out", severity="warning", message=told))
        done.append(Written(path=path, status="written", report=report))
    return done
