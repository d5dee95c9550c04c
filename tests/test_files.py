import os
from pathlib import Path

import pytest

from mimiclab.errors import OutputError
from mimiclab.files import atomic_path, write_text


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(ValueError), atomic_path(target) as temporary:
        temporary.write_text("new")
        raise ValueError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folders_are_made_and_text_is_whole(tmp_path: Path):
    write_text(tmp_path / "b" / "c" / "a.txt", "é")
    assert (tmp_path / "b" / "c" / "a.txt").read_bytes() == "é".encode()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "file" / "a.txt", "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path):
    with (
        pytest.raises(OutputError, match="space"),
        atomic_path(tmp_path / "a.txt"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert os.listdir(tmp_path) == []
