"""Which clips each process gets, on lists of durations and groups; and the share of a library."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.learning.distributed import Ranks
from mimiclab.learning.shard_cfg import ShardCfg
from mimiclab.learning.sharding import divide, share_library
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.robots import Robot


def one_group(durations: list[float], count: int, **cfg: Any) -> list[list[int]]:
    return divide(durations, ["default"] * len(durations), count, ShardCfg(**cfg)).parts


@given(st.lists(st.floats(0.1, 60.0), min_size=1, max_size=40), st.integers(1, 6))
def test_balanced_shares_cover_each_clip_once_and_are_balanced(
    durations: list[float], count: int
) -> None:
    parts = one_group(durations, count)
    everything = list(range(len(durations)))
    if len(durations) < count:
        assert parts == [everything] * count
        return
    assert sorted(clip for part in parts for clip in part) == everything
    loads = [sum(durations[c] for c in part) for part in parts]
    assert max(loads) - min(loads) <= max(durations) + 1e-9


@given(
    st.sampled_from(["chunk", "stride", "balanced"]), st.integers(1, 30), st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 12)), st.integers(0, 3),
)  # fmt: skip
def test_every_process_has_clips_none_twice_and_none_above_the_cap(
    strategy: str, clips: int, count: int, cap: int | None, seed: int
) -> None:
    if clips < count:
        return
    parts = one_group([1.0] * clips, count, strategy=strategy, cap=cap, seed=seed)
    assert all(parts) and len(parts) == count
    flat = [clip for part in parts for clip in part]
    assert len(set(flat)) == len(flat) == min(clips, count * (cap or clips))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= (cap or clips)


def test_chunk_and_stride_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a shuffle that shuffles nothing: blocks, and every second one."""
    as_it_is = SimpleNamespace(permutation=np.asarray)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: as_it_is)
    seven = [1.0] * 7
    assert one_group(seven, 2, strategy="chunk") == [[0, 1, 2], [3, 4, 5, 6]]
    assert one_group(seven, 2, strategy="stride") == [[0, 2, 4, 6], [1, 3, 5]]
    assert one_group(seven, 2, strategy="chunk", cap=2) == [[0, 1], [2, 3]]
    assert one_group(seven, 2, strategy="stride", cap=2) == [[0, 2], [1, 3]]
    assert one_group([5.0, 1.0, 3.0, 2.0], 2) == [[0, 1], [2, 3]]
    assert one_group(seven, 2, strategy="none", cap=3) == [[0, 1, 2]] * 2


def test_seeds_choose_and_one_process_is_not_capped_unless_asked() -> None:
    long = [1.0] * 50
    for strategy in ("chunk", "stride"):
        assert one_group(long, 2, strategy=strategy, seed=1) == one_group(
            long, 2, strategy=strategy, seed=1
        )
        assert one_group(long, 2, strategy=strategy, seed=1) != one_group(
            long, 2, strategy=strategy, seed=2
        )
        assert one_group(long, 1, strategy=strategy) == [list(range(50))]
    assert len(one_group(long, 1, cap=7)[0]) == 7


def test_groups_are_divided_by_themselves_and_small_ones_given_whole() -> None:
    groups = ["many"] * 6 + ["few"] * 1
    for strategy in ("balanced", "chunk", "stride"):
        shares = divide([1.0] * 7, groups, 3, ShardCfg(strategy=strategy))  # pyright: ignore
        assert [len(part) for part in shares.parts] == [3, 3, 3]
        assert all(6 in part for part in shares.parts) and shares.differ
    # A cap of 4 is 1 each, and of the other 2 by size 1 and 0; the last goes to the first group.
    shares = divide([1.0] * 7, groups, 2, ShardCfg(cap=4))
    assert all(sum(clip < 6 for clip in part) <= 3 and 6 in part for part in shares.parts)


def test_a_process_without_clips_is_refused() -> None:
    for strategy in ("chunk", "stride"):
        with pytest.raises(MimiclabError, match=r"3 clips .* 5 processes.*leave 2 .*at most 3"):
            one_group([1.0] * 3, 5, strategy=strategy)
    assert one_group([1.0] * 3, 5) == [[0, 1, 2]] * 5
    with pytest.raises(MimiclabError, match=r"cap 1 .*there are 2 \(a, b\)"):
        divide([1.0] * 4, ["a", "a", "b", "b"], 2, ShardCfg(cap=1))
    with pytest.raises(MimiclabError, match="cap 0"):
        one_group([1.0] * 3, 1, cap=0)
    with pytest.raises(UnknownNameError, match="did you mean 'stride'"):
        one_group([1.0] * 3, 1, strategy="strid")


@pytest.fixture(scope="module")
def library(g1: Robot) -> MotionLibrary:
    """Eight clips of equal length in group `many`, three of another length in `few`."""

    def still(name: str, frames: int, group: str, weight: float = 1.0) -> MotionClip:
        return MotionClip(
            name=name, robot=g1.name, fps=50.0, joint_names=g1.joint_names, group=group,
            root_pos=np.full((frames, 3), 0.8), weight=weight,
            root_quat_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1)),
            joint_pos=np.zeros((frames, g1.num_joints)),
        )  # fmt: skip

    clips = [still(f"m{i}", 21, "many", 1.0 + (i >= 4)) for i in range(8)]
    clips += [still(f"f{i}", 11 + 10 * i, "few") for i in range(3)]
    return MotionLibrary.from_clips(clips, robot=g1)


@pytest.mark.parametrize("ratios", [{}, {"many": 0.3, "few": 0.7}])
def test_the_mean_over_processes_is_what_one_process_draws(
    library: MotionLibrary, ratios: dict[str, float]
) -> None:
    """Four processes: two of the eight clips each; the group of three whole, at a quarter."""
    sampler = SamplerCfg(kind="uniform", group_ratios=ratios)
    alone = sampler.build(library).probabilities().sum(1).numpy()
    mean = np.zeros(library.num_clips)
    for rank in range(4):
        mine, sharded = share_library(library, ShardCfg(), Ranks(rank, 4, rank, 4))
        assert sharded and mine.num_clips == 5 and mine.group_names == library.group_names
        p = sampler.build(mine).probabilities().sum(1).numpy()
        for name, share in zip(mine.clip_names, p, strict=True):
            mean[library.clip_names.index(name)] += share / 4
    if ratios:
        assert mean[:8].sum() == pytest.approx(0.3)
    np.testing.assert_allclose(mean, alone, rtol=1e-9)


def test_machines_may_divide_among_their_own_processes(library: MotionLibrary) -> None:
    """Two machines of two processes: the first of each have the same clips."""
    cfg = ShardCfg(by="local")
    places = [Ranks(rank, 4, rank % 2, 2) for rank in range(4)]
    shares = [share_library(library, cfg, place) for place in places]
    names = [mine.clip_names for mine, _ in shares]
    assert names[0] == names[2] != names[1] == names[3]
    assert all(sharded for _, sharded in shares)


def test_a_policy_that_knows_clips_by_number_needs_all_of_them(library: MotionLibrary) -> None:
    mine, sharded = share_library(library, ShardCfg(), Ranks(0, 2), same_clips=True)
    assert mine is library and not sharded
    for cfg in (ShardCfg(cap=5), ShardCfg(strategy="chunk")):
        with pytest.raises(MimiclabError, match="--motion-id"):
            share_library(library, cfg, Ranks(0, 2), same_clips=True)
    # One process has everything.
    assert share_library(library, ShardCfg(strategy="chunk"), Ranks()) == (library, False)
