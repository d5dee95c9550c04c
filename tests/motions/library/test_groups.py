"""Motion groups of a library: how clips come into them and that nothing loses them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mimiclab.errors import MotionError, MotionFileError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import write_motion
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.groups import joined_groups
from mimiclab.motions.library.open import open_groups
from mimiclab.motions.library.writer import LibraryWriter
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import Robot

GROUPS = {"teleop": "builtin:squat", "motions": "builtin:walk,builtin:kick"}


@pytest.fixture(scope="module")
def clips() -> list[MotionClip]:
    """Four short clips: two in `b`, one in `a`, one that was given no group."""
    whole = builtin_motion("squat")
    pieces = [whole.cut(20 * i, 20 * i + 20) for i in range(4)]
    return [
        replace(piece, name=f"piece{i}", group=group)
        for i, (piece, group) in enumerate(zip(pieces, ("b", "a", "default", "b"), strict=True))
    ]


def groups_of(library: MotionLibrary) -> list[str]:
    return [library.group_names[i] for i in library.clip_group.tolist()]


def test_without_groups_there_is_the_default_one(g1: Robot, clips: list[MotionClip]) -> None:
    library = MotionLibrary.from_clips([replace(c, group="default") for c in clips], robot=g1)
    assert library.group_names == ("default",)
    assert library.clip_group.tolist() == [0, 0, 0, 0]


def test_groups_are_sorted_and_kept_by_clips_select_and_files(
    g1: Robot, clips: list[MotionClip], tmp_path: Path
) -> None:
    library = MotionLibrary.from_clips(clips, robot=g1)
    assert library.group_names == ("a", "b", "default")
    assert library.clip_group.dtype == torch.long
    assert groups_of(library) == ["b", "a", "default", "b"]
    assert library.clip(3).group == "b"
    assert mirror_clip(clips[0]).group == "b"
    library.save(tmp_path / "all.safetensors")
    assert groups_of(MotionLibrary.load(tmp_path / "all.safetensors")) == groups_of(library)
    # A part keeps the numbers of groups, also of those it has no clip of, in its file too.
    part = library.select([3, 2])
    assert part.group_names == library.group_names and groups_of(part) == ["b", "default"]
    part.save(tmp_path / "part.safetensors")
    again = MotionLibrary.load(tmp_path / "part.safetensors")
    assert again.group_names == library.group_names and groups_of(again) == groups_of(part)


def test_groups_survive_shards_and_streaming(
    g1: Robot, clips: list[MotionClip], tmp_path: Path
) -> None:
    with LibraryWriter(tmp_path, robot=g1, shard_bytes=1) as writer:
        for clip in clips:
            writer.append(clip)
    assert len(list(tmp_path.glob("shard_*"))) == 4
    streamed = MotionLibrary.load(tmp_path, streaming=True)
    assert streamed.group_names == ("a", "b", "default")
    assert groups_of(streamed) == ["b", "a", "default", "b"]
    assert groups_of(streamed.select([1, 0])) == ["a", "b"]
    assert groups_of(streamed.in_memory()) == groups_of(streamed)


def test_files_without_groups_are_as_they_were(
    g1: Robot, clips: list[MotionClip], tmp_path: Path
) -> None:
    """What older versions read and write has no word of groups."""
    library = MotionLibrary.from_clips([replace(c, group="default") for c in clips], robot=g1)
    library.save(tmp_path / "plain.safetensors")
    head = (tmp_path / "plain.safetensors").read_bytes()[:3000]
    assert b"piece0" in head and b"group" not in head
    assert "group_of" not in library.index.to_arrays()


def test_groups_do_not_change_the_content_hash(g1: Robot, clips: list[MotionClip]) -> None:
    plain = MotionLibrary.from_clips([replace(c, group="default") for c in clips], robot=g1)
    grouped = MotionLibrary.from_clips(clips, robot=g1)
    assert grouped.content_hash == plain.content_hash


def test_open_groups_joins_what_each_group_names() -> None:
    library = open_groups(GROUPS, robot="unitree_g1", fps=50.0)
    assert library.group_names == ("motions", "teleop")
    assert dict(zip(library.clip_names, groups_of(library), strict=True)) == {
        "walk": "motions", "kick": "motions", "squat": "teleop"
    }  # fmt: skip
    # The frames are those of the clips, each at its place.
    for name in ("walk", "squat"):
        i = library.clip_names.index(name)
        expected = builtin_motion(name).joint_pos
        np.testing.assert_allclose(library.all_frames(i).joint_pos, expected, atol=1e-6)


def test_clips_of_equal_names_get_the_groups_name(tmp_path: Path) -> None:
    walk = builtin_motion("walk")
    slower = replace(walk, joint_pos=0.9 * walk.joint_pos)
    write_motion(slower, tmp_path / "walk.npz")
    library = open_groups(
        {"clean": "builtin:walk,builtin:squat", "rough": tmp_path}, robot="unitree_g1", fps=50.0
    )
    assert library.clip_names == ("clean/walk", "squat", "rough/walk")


def test_one_motion_may_be_in_two_groups() -> None:
    library = open_groups(
        {"clean": "builtin:walk,builtin:squat", "suit": "builtin:walk"}, robot="unitree_g1", fps=50
    )
    assert library.clip_names == ("clean/walk", "squat", "suit/walk")
    assert groups_of(library) == ["clean", "clean", "suit"]


def test_a_packed_library_can_be_a_group(
    g1: Robot, clips: list[MotionClip], tmp_path: Path
) -> None:
    MotionLibrary.from_clips(clips, robot=g1).save(tmp_path / "packed.safetensors")
    library = open_groups(
        {"x": tmp_path / "packed.safetensors", "y": "builtin:walk"}, robot=g1.name, fps=50.0
    )
    assert library.group_names == ("x", "y") and groups_of(library) == ["x"] * 4 + ["y"]


def test_bad_groups_are_refused_by_name(tmp_path: Path, g1: Robot) -> None:
    def opened(groups: dict[str, str | Path]) -> MotionLibrary:
        return open_groups(groups, robot="unitree_g1", fps=50.0)

    (tmp_path / "nothing").mkdir()
    with pytest.raises(MotionFileError, match=r"'teleop'.*no .* file in it"):
        opened({"motions": "builtin:walk", "teleop": tmp_path / "nothing"})
    for name, problem in (("default", "reserved"), ("all", "reserved"), ("a=b", "no plain word")):
        with pytest.raises(MotionError, match=problem):
            opened({name: "builtin:walk"})
    with pytest.raises(MotionError, match="no motion group was named"):
        opened({})
    with pytest.raises(UnknownNameError, match=r"did you mean .walk."):
        opened({"a": "builtin:wlak"})
    with pytest.raises(MotionError, match="its group has no name"):
        replace(builtin_motion("walk"), group="")


def test_libraries_that_differ_or_are_streamed_cannot_be_joined(
    g1: Robot, clips: list[MotionClip], tmp_path: Path
) -> None:
    whole = MotionLibrary.from_clips(clips[:2], robot=g1)
    bodies = g1.tracked_bodies[:5]
    fewer = MotionLibrary.from_clips(clips[2:], robot=g1, body_names=bodies)
    with pytest.raises(MotionError, match=r"'fewer'.*body_names"):
        joined_groups({"all-bodies": whole, "fewer": fewer})
    whole.save(tmp_path / "big.safetensors")
    big = MotionLibrary.load(tmp_path / "big.safetensors", streaming=True)
    with pytest.raises(MotionError, match=r"'big'.*streamed.*pack"):
        joined_groups({"big": big, "small": fewer})
