"""One picture of many motions, each at its most telling moment."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mimiclab.motions.clip import MotionClip
from mimiclab.robots import get_robot
from mimiclab.viewing.player.shows import clip_qpos
from mimiclab.viewing.video import Frames, Look, save_sheet


def render_gallery(
    clips: Sequence[MotionClip],
    path: str | Path,
    *,
    columns: int = 4,
    look: Look | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a PNG with one tile for each clip.

    Args:
        clips: Motions of any robots.
        path: File to write.
        columns: Tiles side by side.
        look: Size and captions of a tile; the title is the clip's name.
        progress: Called with tiles done and tiles in all.

    Raises:
        OutputError: the file cannot be written.
    """
    tiles = []
    for clip in clips:
        qpos = clip_qpos(clip)
        moment = telling_frame(qpos)
        titled = replace(look or Look(), title=clip.name.replace("_", " "))
        robot = get_robot(clip.robot)
        # The camera looks at the robot's heading at the start: turns are seen as such.
        tiles.append(Frames(robot, qpos, clip.fps, None, clip.fps, titled)[moment])
        if progress is not None:
            progress(len(tiles), len(clips))
    return save_sheet(tiles, path, columns)


def telling_frame(qpos: np.ndarray) -> int:
    """The frame that differs most from the first, by joint angles and by height (1 m = 5 rad)."""
    joints = np.abs(qpos[:, 7:] - qpos[0, 7:]).sum(axis=1)
    return int(np.argmax(joints + 5 * np.abs(qpos[:, 2] - qpos[0, 2])))
