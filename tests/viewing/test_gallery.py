"""Many motions on one sheet or in one video."""

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from mimiclab.motions.synthesis import builtin_motion
from mimiclab.viewing.files import tiled
from mimiclab.viewing.gallery import render_sheet, render_wall
from mimiclab.viewing.video import Look

SMALL = Look(size=(64, 80), renderer="software", captions=False)


@pytest.fixture(scope="module")
def clips():
    return [builtin_motion("squat").cut(0, 50), builtin_motion("turn").cut(0, 20)]


def test_a_sheet_has_a_line_for_each_clip(clips, tmp_path):
    path = render_sheet(clips, tmp_path / "sheet.png", moments=3, look=SMALL)
    picture = np.asarray(Image.open(path))
    assert picture.shape == (2 * 80 + 4, 3 * 64 + 2 * 4, 3)
    first, second = picture[:80, :64].astype(int), picture[84:, :64].astype(int)
    assert np.abs(first - second).mean() > 0.5  # two motions, not one twice


def test_a_wall_is_as_long_as_its_longest_clip(clips, tmp_path):
    path = render_wall(clips, tmp_path / "wall.mp4", columns=2, video_fps=10, look=SMALL)
    frames = iio.imread(path)
    assert frames.shape[1:] == (80, 132, 3)
    assert len(frames) == 10  # 49 steps of 20 ms at 10 frames per second, both ends included


def test_tiles_go_left_to_right_then_down():
    sheet = tiled([np.full((2, 3, 3), shade, np.uint8) for shade in (1, 2, 3)], columns=2)
    assert sheet.shape == (8, 10, 3)
    assert sheet[0, 0, 0] == 1 and sheet[0, 7, 0] == 2 and sheet[6, 0, 0] == 3
    assert (sheet[2:6] == 255).all() and (sheet[6:, 3:] == 255).all()
