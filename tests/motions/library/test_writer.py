"""Libraries written clip by clip: interrupted, resumed, refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from mimiclab.errors import MotionError, MotionFileError, OutputError, RobotError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.writer import LibraryWriter
from mimiclab.motions.packed import shards
from mimiclab.motions.packed.shards import INDEX_FILE

SHARD = 100_000


@pytest.fixture(scope="module")
def clips(sway):
    return [replace(sway.cut(0, 30 + i), name=f"clip{i}") for i in range(9)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_only_one_shard_is_held_and_clips_stay_whole(g1, clips, tmp_path):
    writer = LibraryWriter(tmp_path / "library", robot=g1, shard_bytes=SHARD)
    held = []
    for clip in clips:
        writer.append(clip)
        held.append(sum(packed.rows.nbytes for packed in writer._waiting))
    assert max(held) <= SHARD
    writer.close()
    files = sorted((tmp_path / "library").glob("shard_*"))
    assert len(files) > 3
    names = [name for path in files for name in MotionLibrary.load(path).clip_names]
    assert names == [clip.name for clip in clips]  # each shard is a library of its own


def test_an_interrupted_writer_leaves_no_library_and_can_go_on(g1, clips, tmp_path):
    with LibraryWriter(tmp_path / "whole", robot=g1, shard_bytes=SHARD) as writer:
        for clip in clips:
            writer.append(clip, origin=clip.name)
    broken = tmp_path / "broken"
    with (
        pytest.raises(KeyboardInterrupt),
        LibraryWriter(broken, robot=g1, shard_bytes=SHARD) as writer,
    ):
        for clip in clips[:7]:
            writer.append(clip, origin=clip.name)
        raise KeyboardInterrupt
    assert not (broken / INDEX_FILE).exists()
    with pytest.raises(MotionFileError, match="packing did not finish"):
        MotionLibrary.load(broken)
    with pytest.raises(OutputError, match="did not finish; resume or overwrite"):
        LibraryWriter(broken, robot=g1, shard_bytes=SHARD)
    with pytest.raises(OutputError, match=r"other settings .*half False instead of True"):
        LibraryWriter(broken, robot=g1, shard_bytes=SHARD, resume=True, half=True)
    with pytest.raises(OutputError, match=r"fps 50.0 instead of 30.0"):
        LibraryWriter(broken, robot=g1, shard_bytes=SHARD, resume=True, fps=30.0)
    with LibraryWriter(broken, robot=g1, shard_bytes=SHARD, resume=True) as writer:
        assert 3 <= writer.num_clips < 7  # what was not in a shard yet is written again
        for clip in clips:
            if clip.name not in writer.origins:
                writer.append(clip, origin=clip.name)
    assert contents(broken) == contents(tmp_path / "whole")  # as if nothing had happened


def test_a_library_is_replaced_only_if_asked(g1, clips, tmp_path):
    for overwrite, part in ((False, clips), (True, clips[:2])):
        with LibraryWriter(
            tmp_path / "library", robot=g1, shard_bytes=SHARD, overwrite=overwrite
        ) as writer:
            for clip in part:
                writer.append(clip)
    assert MotionLibrary.load(tmp_path / "library").clip_names == ("clip0", "clip1")
    assert len(contents(tmp_path / "library")) == 2  # the longer one's shards are gone
    for resume in (False, True):
        with pytest.raises(OutputError, match="is a motion library already"):
            LibraryWriter(tmp_path / "library", robot=g1, resume=resume)


def test_a_full_disk_leaves_whole_shards_and_no_index(g1, clips, tmp_path, monkeypatch):
    header, calls = shards._header, []

    def full(*args):
        calls.append(args)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return header(*args)

    monkeypatch.setattr(shards, "_header", full)  # called when the file is open
    with (
        pytest.raises(OutputError, match="No space left"),
        LibraryWriter(tmp_path / "library", robot=g1, shard_bytes=SHARD) as writer,
    ):
        for clip in clips:
            writer.append(clip)
    assert set(contents(tmp_path / "library")) == {
        "shard_00000.safetensors",
        "shard_00001.safetensors",
    }


def test_bad_clips_and_settings_are_refused(g1, clips, tmp_path):
    writer = LibraryWriter(tmp_path / "library", robot=g1)
    writer.append(clips[0])
    with pytest.raises(MotionError, match="repeated: 'clip0'"):
        writer.append(clips[0])
    with pytest.raises(RobotError, match="is for robot 'unitree_h1', the library is for"):
        writer.append(replace(clips[1], robot="unitree_h1"))
    half = LibraryWriter(tmp_path / "half", robot=g1, half=True).packing
    with pytest.raises(MotionError, match="rows of 272 numbers, this library of 240"):
        writer.append(half.pack(clips[1]))
    assert writer.num_clips == 1
    with pytest.raises(MotionError, match="at least one clip"):
        LibraryWriter(tmp_path / "empty", robot=g1).close()
    with pytest.raises(OutputError, match="expected more than 0"):
        LibraryWriter(tmp_path / "none", robot=g1, shard_bytes=0)
    with pytest.raises(RobotError, match="unknown bodies"):
        LibraryWriter(tmp_path / "none", robot=g1, body_names=("pelvis", "tail"))


def test_clips_are_resampled_and_bodies_chosen(g1, clips, tmp_path):
    with LibraryWriter(tmp_path / "l", robot=g1, fps=25.0, body_names=("pelvis",)) as writer:
        writer.append(clips[0])
    library = MotionLibrary.load(tmp_path / "l")
    expected = MotionLibrary.from_clips(clips[:1], robot=g1, fps=25.0, body_names=("pelvis",))
    assert library.content_hash == expected.content_hash and library.has_fps(25.0)
