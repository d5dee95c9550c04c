"""One picture or video of many motions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.viewing.files import save_sheet, tiled, write_video
from mimiclab.viewing.track import Track
from mimiclab.viewing.video import Frames, Look

Clips = Sequence[MotionClip | HumanClip]
Progress = Callable[[int, int], None]


def render_gallery(
    clips: Clips,
    path: str | Path,
    *,
    columns: int = 4,
    look: Look | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a PNG with one tile for each clip, at its most telling moment.

    Args:
        clips: Motions of any robots or people.
        path: File to write.
        columns: Tiles side by side.
        look: Size and captions of a tile; the title is the clip's name.
        progress: Called with tiles done and tiles in all.

    Raises:
        OutputError: the file cannot be written.
    """
    tiles = []
    for track in map(Track.of, clips):
        # The camera looks at the robot's heading at the start: turns are seen as such.
        tiles.append(_frames(track, look)[telling_frame(track.qpos)])
        if progress is not None:
            progress(len(tiles), len(clips))
    return save_sheet(tiles, path, columns)


def render_sheet(
    clips: Clips,
    path: str | Path,
    *,
    moments: int = 8,
    look: Look | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a PNG with a line for each clip: `moments` pictures spread over it.

    Arguments and errors are those of `render_gallery`.
    """
    tiles = []
    for done, track in enumerate(map(Track.of, clips), start=1):
        frames = _frames(track, look)
        tiles += [frames[int(i)] for i in np.round(np.linspace(0, len(frames) - 1, moments))]
        if progress is not None:
            progress(done, len(clips))
    return save_sheet(tiles, path, moments)


def render_wall(
    clips: Clips,
    path: str | Path,
    *,
    columns: int = 4,
    seconds: float | None = None,
    video_fps: float = 25.0,
    look: Look | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write an mp4 in which all clips play side by side; short ones begin again.

    Args as those of `render_gallery`, and:
        seconds: Length of the video; the longest clip's by default.
        video_fps: Rate of the video; poses are interpolated in time.

    Raises:
        OutputError: the file cannot be written.
    """
    walls = [_frames(track, look, video_fps) for track in map(Track.of, clips)]
    longest = max(len(frames) for frames in walls)
    count = longest if seconds is None else max(1, round(seconds * video_fps))
    columns = min(columns, len(walls))

    def pictures() -> Iterator[np.ndarray]:
        for index in range(count):
            yield tiled([frames[index % len(frames)] for frames in walls], columns)

    height, width = tiled([walls[0][0]] * len(walls), columns).shape[:2]
    return write_video(
        pictures(), path, size=(width, height), count=count, fps=video_fps, progress=progress
    )


def telling_frame(qpos: np.ndarray) -> int:
    """The frame that differs most from the first, by joint angles and by height (1 m = 5 rad)."""
    joints = np.abs(qpos[:, 7:] - qpos[0, 7:]).sum(axis=1)
    return int(np.argmax(joints + 5 * np.abs(qpos[:, 2] - qpos[0, 2])))


def _frames(track: Track, look: Look | None, video_fps: float | None = None) -> Frames:
    titled = replace(look or Look(), title=track.name.replace("_", " "))
    return Frames(track.robot, track.qpos, track.fps, None, video_fps or track.fps, titled)
