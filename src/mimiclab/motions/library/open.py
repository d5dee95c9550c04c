"""From what a user writes after `--motion` to a library, whether it is packed already or not."""

from pathlib import Path

from mimiclab.errors import RobotError
from mimiclab.motions.library import MotionLibrary
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
