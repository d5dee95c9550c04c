"""Single clips of a packed library, for everything that takes motion files; torch comes late."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mimiclab.errors import MotionFileError, RobotError, UnknownNameError
from mimiclab.motions.formats.base import MotionFile
from mimiclab.motions.packed.shards import INDEX_FILE, SUFFIX, is_library, read_folder, read_shard

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary


def clip_paths(library: Path) -> list[Path]:
    """`library/NAME` for each clip of a packed library.

    Raises:
        MotionFileError: it is damaged or not complete.
    """
    index = read_folder(library)[0] if library.is_dir() else read_shard(library).index()
    return [library / name for name in index.names]


def split_clip(path: Path) -> tuple[Path, str] | None:
    """The library and the name of the clip in `library/NAME`; None for any other path."""
    for parent in path.parents:
        if (parent.suffix == SUFFIX and parent.is_file()) or (parent / INDEX_FILE).is_file():
            return parent, str(path.relative_to(parent))
    return None


def read_clip(
    library: Path, name: str, *, robot: str | None = None, fps: float | None = None
) -> MotionFile:
    """One clip, its frames compared with their checksum.

    Args:
        library: the file or folder.
        name: of the clip.
        robot: registry name that the library must be for.
        fps: frame rate that the clip must have.

    Raises:
        MotionFileError: damaged, or another frame rate.
        RobotError: a library of another robot.
        UnknownNameError: no such clip.
    """
    opened, numbers = _opened(library, _stamp(library))
    if robot is not None and robot != opened.robot:
        raise RobotError(
            f"motion library {library} is for robot {opened.robot!r}, {robot!r} was asked for; "
            "name that robot, or retarget the motions"
        )
    if name not in numbers:
        raise UnknownNameError(f"clip of motion library {library}", name, opened.clip_names[:1000])
    number = numbers[name]
    opened.verify([number])
    clip = opened.clip(number)
    if fps is not None and fps != clip.fps:
        raise MotionFileError(
            f"{library / name}: the clip has {clip.fps:g} frames per second, {fps:g} were asked "
            "for; leave the rate out, or resample with --output-fps"
        )
    return MotionFile(path=library / name, format="mimiclab_library", clip=clip)


def is_packed(path: Path) -> bool:
    """Whether a path that exists is a packed library, finished or not."""
    return path.exists() and is_library(path)


def _stamp(library: Path) -> int:
    """Changes when the library is written again."""
    path = library / INDEX_FILE if library.is_dir() else library
    return path.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _opened(library: Path, stamp: int) -> "tuple[MotionLibrary, dict[str, int]]":
    from mimiclab.motions.library import MotionLibrary

    opened = MotionLibrary.load(library, streaming=True)
    return opened, {name: number for number, name in enumerate(opened.clip_names)}
