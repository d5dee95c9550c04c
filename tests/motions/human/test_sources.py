"""Finding motions of people."""

import json

import pytest

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.sources import find_human_files


@pytest.fixture
def folder(tmp_path):
    pose = [0.0] * 44
    pose[0] = 0.03
    for first in (4, 8, 12, 16, 21, 26, 31, 36):
        pose[first] = 1.0
    (tmp_path / "deep").mkdir()
    motion = {"Loop": "none", "Frames": [pose, pose]}
    (tmp_path / "deep" / "walk.txt").write_text(json.dumps(motion))
    (tmp_path / "notes.txt").write_text("no motion at all")
    return tmp_path


def test_folders_keep_what_is_recognised(folder):
    walk = folder / "deep" / "walk.txt"
    assert find_human_files([folder]) == [walk]
    assert find_human_files([walk, folder]) == [walk]
    assert find_human_files([f"{folder}/*/*.txt"]) == [walk]


def test_a_named_file_is_kept_for_its_reader_to_judge(folder):
    assert find_human_files([folder / "notes.txt"]) == [folder / "notes.txt"]


@pytest.mark.parametrize("word", ["missing.bvh", "*.bvh", "empty"])
def test_nothing_found_is_an_error(folder, word):
    (folder / "empty").mkdir()
    with pytest.raises(MotionFileError, match=r"no such file|no motion of a person"):
        find_human_files([folder / word])
