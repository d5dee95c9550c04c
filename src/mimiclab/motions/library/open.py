"""From what a user writes after `--motion` to a library, whether it is packed already or not."""

from collections.abc import Mapping
from pathlib import Path

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.groups import check_names, joined_groups
from mimiclab.motions.packed.clips import is_packed
from mimiclab.motions.sources import load_motions


def open_motions(
    spec: str | Path,
    *,
    robot: str,
    fps: float,
    motion_folder: str | Path | None = None,
    mirror: bool = False,
) -> MotionLibrary:
    """A packed library as it is, streamed if it is large; clips of anything else, packed in memory.

    A packed library keeps its frame rates: frames between stored ones are interpolated.

    Args:
        spec: the folder or file of a packed library, or what `load_motions` takes.
        robot: registry name.
        fps: rate that clips are resampled to before they are packed, Hz.
        motion_folder: where the clips of motion sets and bare clip names are searched.
        mirror: add the mirror image of every clip; a packed library is then unpacked in memory.

    Raises:
        RobotError: a library of another robot.
        MotionFileError: a library or file that cannot be read; and what `load_motions` raises.
    """
    path = Path(spec).expanduser()
    for place in (path, Path(motion_folder or "") / path):
        if is_packed(place) and not mirror:
            library = MotionLibrary.load(place)
            if library.robot != robot:
                raise RobotError(
                    f"motion library {place} is for robot {library.robot!r}, the task is for "
                    f"{robot!r}; pack the motions for that robot, or change the task's"
                )
            return library
    clips = load_motions(spec, robot=robot, motion_folder=motion_folder, mirror=mirror)
    return MotionLibrary.from_clips(clips, robot=robot, fps=fps)


def open_groups(
    groups: Mapping[str, str | Path],
    *,
    robot: str,
    fps: float,
    motion_folder: str | Path | None = None,
    mirror: bool = False,
) -> MotionLibrary:
    """One library, in memory, of the motions of several groups.

    Clips of equal names in different groups are called GROUP/NAME. Groups that a packed library
    has of its own are forgotten.

    Args:
        groups: what `open_motions` takes, for each group's name.
        robot: registry name.
        fps: rate that clips are resampled to before they are packed, Hz.
        motion_folder: where the clips of motion sets and bare clip names are searched.
        mirror: add the mirror image of every clip.

    Raises:
        MotionError: a group without motions, a name that is reserved or no word, or packed
            libraries of different bodies or too large for the memory.
        RobotError: a library of another robot; and what `open_motions` raises.
    """
    check_names(groups)
    opened = {}
    for name, spec in groups.items():
        try:
            opened[name] = open_motions(
                spec, robot=robot, fps=fps, motion_folder=motion_folder, mirror=mirror
            )
        except MotionFileError as error:
            raise MotionFileError(f"motion group {name!r}: {error}") from error
    return joined_groups(opened)
