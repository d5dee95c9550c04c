"""Snippets against MoCapAct's published list, and splits that never move a clip."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.errors import MotionError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.sets.snippets import cut_snippets, origin, snippet_bounds
from mimiclab.motions.sets.splits import is_validation, split_names

# From MoCapAct's clip_splits/all_snippets.txt: steps of the clip, pieces, the first two, the last.
PUBLISHED = {
    "CMU_016_22": (82, 1, ["0-82"], "0-82"),
    "CMU_069_56": (210, 1, ["0-210"], "0-210"),
    "CMU_035_31": (113, 1, ["0-113"], "0-113"),
    "CMU_118_30": (225, 2, ["0-129", "96-225"], "96-225"),
    "CMU_026_01": (228, 2, ["0-130", "97-228"], "97-228"),
    "CMU_049_03": (414, 3, ["0-160", "127-287"], "254-414"),
    "CMU_139_13": (382, 2, ["0-207", "174-382"], "174-382"),
    "CMU_001_01": (760, 5, ["0-178", "145-323"], "580-760"),
    "CMU_006_13": (1359, 8, ["0-198", "165-363"], "1155-1359"),
    "CMU_013_29": (1272, 7, ["0-210", "177-387"], "1062-1272"),
    "CMU_014_25": (1229, 7, ["0-203", "170-373"], "1020-1229"),
    "CMU_029_12": (4170, 25, ["0-198", "165-363"], "3960-4170"),
    "CMU_032_11": (4075, 26, ["0-188", "155-343"], "3875-4075"),
    "CMU_015_05": (6371, 40, ["0-191", "158-349"], "6162-6371"),
}


@pytest.mark.parametrize("clip", PUBLISHED)
def test_pieces_are_those_that_mocapact_published(clip: str) -> None:
    steps, count, first, last = PUBLISHED[clip]
    pieces = [f"{a}-{b}" for a, b in snippet_bounds(steps, longest=210, overlap=33)]
    assert len(pieces) == count
    assert pieces[:2] == first and pieces[-1] == last


@given(
    steps=st.integers(0, 3000), longest=st.integers(1, 300), share=st.floats(0, 1, exclude_max=True)
)
def test_pieces_cover_the_clip_and_overlap(steps: int, longest: int, share: float) -> None:
    overlap = int(share * longest)
    pieces = snippet_bounds(steps, longest=longest, overlap=overlap)
    assert pieces[0][0] == 0 and pieces[-1][1] == steps
    assert all(0 <= b - a <= longest for a, b in pieces)
    assert all(b - c == overlap for (_, b), (c, _) in pairwise(pieces))


def test_fewest_pieces() -> None:
    # By hand: 100 steps in pieces of at most 40 that share 10 need ceil((100 - 10) / 30) = 3.
    assert snippet_bounds(100, longest=40, overlap=10) == [(0, 40), (30, 70), (60, 100)]
    assert snippet_bounds(40, longest=40, overlap=10) == [(0, 40)]
    for overlap in (-1, 40):
        with pytest.raises(MotionError, match="cannot share"):
            snippet_bounds(100, longest=40, overlap=overlap)


def longer(clip: MotionClip, frames: int, fps: float, name: str = "sway") -> MotionClip:
    """The clip again and again."""
    arrays = {
        key: np.resize(getattr(clip, key), (frames, getattr(clip, key).shape[1]))
        for key in ("root_pos", "root_quat_wxyz", "joint_pos")
    }
    return replace(clip, name=name, fps=fps, **arrays)


def test_pieces_are_frames_of_the_clip(sway: MotionClip) -> None:
    clip = longer(sway, 761, 1.0 / 0.03, "CMU_001_01")
    pieces = cut_snippets(clip)
    assert [piece.name for piece in pieces][:2] == ["CMU_001_01-0-178", "CMU_001_01-145-323"]
    assert pieces[-1].name == "CMU_001_01-580-760" and pieces[-1].num_frames == 181
    np.testing.assert_array_equal(pieces[1].joint_pos, clip.joint_pos[145:324])
    assert pieces[1].tags == clip.tags
    # At another frame rate the same seconds.
    assert len(cut_snippets(longer(sway, 1141, 50.0))) == 5


def test_origin_is_the_recording(sway: MotionClip) -> None:
    clip = longer(sway, 400, 50.0, "walk1-subject-2")
    piece = cut_snippets(mirror_clip(clip), longest_s=2.0)[1]
    assert re.fullmatch(r"walk1-subject-2_mirrored-\d+-\d+", piece.name)
    assert origin(piece.name) == origin(mirror_clip(piece).name) == "walk1-subject-2"
    assert origin("CMU_015_04") == "CMU_015_04"


NAMES = st.lists(st.text("abcxyz_0123456789", min_size=1, max_size=8), min_size=2, unique=True)


@given(names=NAMES, more=NAMES, seed=st.integers(0, 5))
def test_clips_that_come_later_move_no_other(names: list[str], more: list[str], seed: int) -> None:
    before = {name: is_validation(name, 0.3, seed=seed) for name in names}
    after = {name: is_validation(name, 0.3, seed=seed) for name in [*more, *names]}
    assert all(after[name] == before[name] for name in names)
    # A larger share keeps the clips of a smaller one; pieces and images follow their clip.
    for name in names:
        assert is_validation(name, 0.5, seed=seed) or not before[name]
        assert is_validation(f"{name}_mirrored-10-20", 0.3, seed=seed) == before[name]


def test_split_is_fixed_and_close_to_its_share() -> None:
    names = [f"clip{i}" for i in range(4000)]
    train, val = split_names(names, 0.1)
    assert sorted(train + val) == sorted(names)
    assert abs(len(val) - 400) < 4 * np.sqrt(4000 * 0.1 * 0.9)  # four standard deviations
    # Decided once and for all, by SHA-256 of seed and name.
    assert [n for n in names[:40] if n in set(val)] == [
        name for name in names[:40] if sha256_below_a_tenth(name)
    ]
    other = set(split_names(names, 0.1, seed=1)[1])
    assert len(other & set(val)) < 100


def sha256_below_a_tenth(name: str) -> bool:
    from hashlib import sha256

    return int(sha256(f"0:{name}".encode()).hexdigest(), 16) / 2**256 < 0.1


def test_groups_stay_together() -> None:
    names = [f"walk{i}_subject{i % 9}" for i in range(300)]
    train, val = split_names(names, 0.4, group="subject[0-9]+")

    def people(part: list[str]) -> set[str]:
        return {re.findall("subject[0-9]+", name)[0] for name in part}

    assert people(train) & people(val) == set()
    assert people(train) | people(val) == {f"subject{i}" for i in range(9)}


def test_bad_splits_are_refused() -> None:
    with pytest.raises(MotionError, match="expected a number between 0 and 1"):
        split_names(["a", "b"], 1.0)
    with pytest.raises(MotionError, match="all 2 clips fell into training"):
        split_names(["a", "b"], 1e-9)
    with pytest.raises(MotionError, match="not a regular expression"):
        split_names(["a", "b"], 0.5, group="(")
