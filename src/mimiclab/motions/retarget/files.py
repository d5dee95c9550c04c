"""Retargeting of files: what may be given, and one file to one robot."""

import glob
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mimiclab.errors import MotionFileError
from mimiclab.motions.check.quality import QualityReport, motion_quality
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import MOTION_SUFFIXES, write_motion
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import HUMAN_SUFFIXES, read_human, recognise_human
from mimiclab.motions.human.landmarks import LandmarkMotion
from mimiclab.motions.retarget.retarget import Retargeted, retarget
from mimiclab.motions.sources import MotionSource, find_sources


@dataclass(frozen=True, kw_only=True)
class RetargetJob:
    """What to do with every motion of a batch."""

    robot: str
    """Registry name of the robot to move."""
    to: str = "mimiclab_npz"
    """Name of the output format."""
    method: Literal["batch", "quick", "mink"] = "batch"
    output_fps: float | None = None
    """Frame rate of the result; None keeps the motion's."""
    frames: tuple[int, int] | None = None
    """First frame, and one after the last, of the input."""
    skeleton: str | None = None
    """Landmark map of people; found by their joints if None."""
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class RetargetedFile:
    """What became of one motion on one robot."""

    path: Path
    status: Literal["written", "exists"]
    report: QualityReport | None = None
    seconds: float = 0.0
    """Time of the solution alone."""


@dataclass(frozen=True, kw_only=True)
class RetargetSource:
    """A motion of a person or of a robot that can be read, and whom it shall move."""

    label: str
    path: Path | None
    motion: "MotionSource | partial[HumanClip]"
    name: str = ""
    """What a motion set calls it; empty where that is as its file."""

    def read(self) -> HumanClip | MotionClip:
        """The motion; errors as of `read_human` and `read_motion`."""
        if isinstance(self.motion, MotionSource):
            return self.motion.clip()
        return self.motion()


def find_retarget_sources(
    words: tuple[str, ...],
    *,
    robot: str | None = None,
    fps: float | None = None,
    human: Mapping[str, Any] | None = None,
    root_quat_order: str | None = None,
    motion_folder: Path | None = None,
) -> list[RetargetSource]:
    """The motions that words name: files, folders, globs; of robots also whatever training takes.

    Args:
        words: what to find. In folders and patterns, files that hold no motion are passed over.
        robot: of robot motions that do not name theirs.
        fps: frame rate of files that state none.
        human: options of `read_human` for files of people.
        root_quat_order: of robots' CSV files.
        motion_folder: where the clips of motion sets are.

    Raises:
        MotionFileError: a folder or pattern holds no motion; also as `find_sources`.
        UnknownNameError: a word that is no file, set or clip.
    """

    def person(path: Path) -> RetargetSource:
        read = partial(read_human, path, fps=fps, **(human or {}))
        return RetargetSource(label=str(path), path=path, motion=read)

    def robots(word: str) -> list[RetargetSource]:
        found = find_sources(
            word,
            robot=robot,
            fps=fps,
            root_quat_order=root_quat_order,
            motion_folder=motion_folder,
        )
        return [RetargetSource(label=s.label, path=s.path, motion=s, name=s.name) for s in found]

    sources: list[RetargetSource] = []
    for word in words:
        path = Path(word).expanduser()
        files, many = [path], False
        if path.is_dir():
            files, many = sorted(p for p in path.rglob("*") if p.is_file()), True
        elif not path.exists() and any(sign in word for sign in "*?["):
            found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
            if found:
                files, many = [name for name in found if name.is_file()], True
        before = len(sources)
        for file in files:
            if many and file.suffix.lower() == ".asf":
                continue  # the skeleton of the .amc files beside it
            if file.is_file() and recognise_human(file) is not None:
                sources.append(person(file))
            elif many and file.suffix in MOTION_SUFFIXES:
                sources += robots(str(file))
            elif not many and file.is_file() and file.suffix in set(HUMAN_SUFFIXES) - {".npz"}:
                sources.append(person(file))  # reading it tells what is wrong
            elif not many:
                sources += robots(word)
        if many and len(sources) == before:
            raise MotionFileError(
                f"{word}: no motion in it; people's files end in {', '.join(HUMAN_SUFFIXES)}, "
                f"robots' in {', '.join(MOTION_SUFFIXES)}"
            )
    if not sources:
        raise MotionFileError("no motion was named; give files, folders or patterns of them")
    return list({source.label: source for source in sources}.values())


def retarget_file(source: RetargetSource, target: Path, job: RetargetJob) -> RetargetedFile:
    """Read a motion, move the robot by it and write that to `target`, judged.

    Raises:
        MotionError: the motion cannot be read or retargeted.
        OutputError: the file cannot be written; nothing is left of it.
    """
    if target.exists() and not job.overwrite:
        return RetargetedFile(path=target, status="exists")
    motion = source.read()
    if job.frames is not None:
        motion = motion.cut(*job.frames)
    began = time.perf_counter()
    found = retarget(
        motion, job.robot, method=job.method, fps=job.output_fps, skeleton=job.skeleton
    )
    seconds = time.perf_counter() - began
    found = replace(found, clip=replace(found.clip, name=target.stem))
    write_motion(found.clip, target, job.to)
    return RetargetedFile(
        path=target, status="written", report=retarget_quality(found), seconds=seconds
    )


def retarget_quality(found: Retargeted) -> QualityReport:
    """The quality of a retargeted clip against its own targets and contacts."""
    problem = found.problem
    targets = LandmarkMotion(
        name=problem.name,
        fps=problem.fps,
        names=problem.landmark_names,
        pos_w=problem.target_pos,
    )
    return motion_quality(found.clip, targets, contacts=problem.contacts, robot=problem.robot)
