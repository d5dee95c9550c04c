"""Finding motions of people."""

import pytest

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.sources import find_human_files


@pytest.fixture
def folder(person_file):
    top = person_file.parent.parent
    (top / "notes.txt").write_text("no motion at all")
    return top


def test_folders_keep_what_is_recognised(folder):
    stand = folder / "people" / "stand.txt"
    assert find_human_files([folder]) == [stand]
    assert find_human_files([stand, folder]) == [stand]
    assert find_human_files([f"{folder}/*/*.txt"]) == [stand]


def test_a_named_file_is_kept_for_its_reader_to_judge(folder):
    assert find_human_files([folder / "notes.txt"]) == [folder / "notes.txt"]


@pytest.mark.parametrize("word", ["missing.bvh", "*.bvh", "empty"])
def test_nothing_found_is_an_error(folder, word):
    (folder / "empty").mkdir()
    with pytest.raises(MotionFileError, match=r"no such file|no motion of a person"):
        find_human_files([folder / word])
