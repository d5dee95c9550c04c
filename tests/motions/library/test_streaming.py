"""A streamed library gives what the same one in memory gives, in little memory, or says why not."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.writer import LibraryWriter
from mimiclab.motions.packed.shards import INDEX_FILE, shard_name
from mimiclab.motions.sampler_cfg import SAMPLER_KINDS, SamplerCfg

ONE_EACH, SOME, ALL = 1, 100_000, 1 << 30
"""Shard sizes that put one, some and all clips into a shard."""


@pytest.fixture(scope="module")
def clips(sway: MotionClip) -> list[MotionClip]:
    """Twelve clips of 10 to 40 frames, each elsewhere, two of them at another rate."""
    return [
        replace(
            sway.cut(0, 40 - (7 * i) % 31),
            name=f"clip {i}",
            fps=30.0 if i in (3, 8) else 50.0,
            root_pos=(sway.root_pos + np.array([0.1 * i, -0.2 * i, 0.0]))[: 40 - (7 * i) % 31],
            weight=2.0 if i == 5 else 1.0,
            source=f"session {i % 3}",
        )
        for i in range(12)
    ]


@pytest.fixture(scope="module")
def in_memory(clips, g1) -> MotionLibrary:
    return MotionLibrary.from_clips(clips, robot=g1)


def write(folder: Path, clips: list[MotionClip], shard_bytes: int, half: bool = False) -> Path:
    with LibraryWriter(folder, robot="unitree_g1", shard_bytes=shard_bytes, half=half) as writer:
        for clip in clips:
            writer.append(clip)
    return folder


@pytest.fixture(scope="module")
def packed(clips, tmp_path_factory) -> Callable[[int], Path]:
    root = tmp_path_factory.mktemp("packed")
    return {
        size: write(root / str(size), clips, size) for size in (ONE_EACH, SOME, ALL)
    }.__getitem__


@pytest.fixture
def folder(packed, tmp_path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(packed(SOME), tmp_path / "library")


def asked(library: MotionLibrary, n: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips and times, among them both ends of clips, stored frames, and times outside."""
    rng = torch.Generator().manual_seed(0)
    clip = torch.randint(0, library.num_clips, (n,), generator=rng)
    time_s = 1.2 * torch.rand(n, generator=rng, dtype=torch.float64) - 0.1
    time_s[::5] = (time_s[::5] / 0.02).round() * 0.02
    time_s[::7] = library.durations_s[clip[::7]]
    return clip, time_s


@pytest.mark.parametrize(("size", "shards"), [(ONE_EACH, 12), (SOME, 4), (ALL, 1)])
def test_streamed_frames_are_those_in_memory_to_the_last_bit(packed, in_memory, size, shards):
    streamed = MotionLibrary.load(packed(size), streaming=True)
    assert len(list(packed(size).glob("shard_*"))) == shards
    assert streamed.streamed_from == packed(size) and in_memory.streamed_from is None
    clip, time_s = asked(in_memory)
    for interpolate in (None, False, True):
        got = streamed.frames(clip, time_s, interpolate)
        for name, value in vars(in_memory.frames(clip, time_s, interpolate)).items():
            assert torch.equal(getattr(got, name), value), name
    ahead = torch.tensor([0.0, 0.1, 0.35])
    far, near = streamed.horizon(clip, time_s, ahead), in_memory.horizon(clip, time_s, ahead)
    assert torch.equal(far.body_quat_w, near.body_quat_w)
    for i in (0, 5, 11):
        assert torch.equal(streamed.all_frames(i).body_pos_w, in_memory.all_frames(i).body_pos_w)
        one, two = streamed.clip(i), in_memory.clip(i)
        assert np.array_equal(one.joint_pos, two.joint_pos)
        assert (one.name, one.source, one.weight, one.fps) == (
            two.name,
            two.source,
            two.weight,
            two.fps,
        )
    assert torch.equal(streamed.durations_s, in_memory.durations_s)
    assert torch.equal(streamed.clip_weights, in_memory.clip_weights)


def test_an_answer_may_be_empty(packed):
    streamed = MotionLibrary.load(packed(SOME), streaming=True)
    none = torch.zeros(0, dtype=torch.long)
    assert streamed.frames(none, none.double()).body_pos_w.shape == (0, 14, 3)


def test_the_content_hash_depends_on_neither_shards_nor_streaming(packed, in_memory):
    for size in (ONE_EACH, SOME, ALL):
        streamed = MotionLibrary.load(packed(size), streaming=True)
        loaded = MotionLibrary.load(packed(size))
        assert loaded.streamed_from is None
        assert streamed.content_hash == loaded.content_hash == in_memory.content_hash
        assert streamed.compute_hash() == loaded.compute_hash() == in_memory.content_hash


@pytest.mark.parametrize("kind", SAMPLER_KINDS)
def test_sampling_does_not_know_of_shards(packed, in_memory, kind):
    """The same state of the generator gives the same clips and times, also after failures."""
    drawn = []
    for library in (in_memory, *(MotionLibrary.load(packed(s), streaming=True) for s in (1, ALL))):
        torch.manual_seed(3)
        sampler = SamplerCfg(kind=kind, bin_s=None if kind == "start" else 0.2).build(library)
        first = sampler.sample(torch.arange(64))
        sampler.record(*first, first[1] + 0.1, torch.rand(64) < 0.5)
        sampler.step()
        drawn.append([*first, *sampler.sample(torch.arange(4096))])
    for other in drawn[1:]:
        assert all(torch.equal(a, b) for a, b in zip(drawn[0], other, strict=True))


def test_adaptive_draws_from_a_streamed_library_follow_the_stated_distribution(packed, in_memory):
    """Chi-square of 20,000 draws against the probabilities that the library in memory states."""
    torch.manual_seed(0)
    samplers = [
        SamplerCfg(bin_s=0.2).build(library)
        for library in (in_memory, MotionLibrary.load(packed(SOME), streaming=True))
    ]
    hard, zero = torch.full((30,), 4), torch.zeros(30, dtype=torch.float64)
    for sampler in samplers:
        sampler.record(hard, zero, zero + 0.1, torch.ones(30, dtype=torch.bool))
        # Bins that were never seen count as the mean: see all of them.
        sampler.record(torch.arange(12), zero[:12], in_memory.durations_s, zero[:12].bool())
    by_clip = samplers[0].probabilities().sum(1).numpy()
    assert by_clip[4] > 3 * by_clip[6]  # failures matter
    count = np.bincount(samplers[1].sample(torch.arange(20_000))[0], minlength=12)
    assert stats.chisquare(count, 20_000 * by_clip).pvalue > 1e-3
    uniform = SamplerCfg(kind="uniform").build(in_memory).probabilities().sum(1).numpy()
    assert stats.chisquare(count, 20_000 * uniform).pvalue < 1e-6  # the test can tell


@pytest.mark.parametrize("world", [2, 3, 5])
def test_ranks_stream_disjoint_balanced_shares(packed, in_memory, world):
    from mimiclab.learning.distributed import Ranks
    from mimiclab.learning.shard_cfg import ShardCfg
    from mimiclab.learning.sharding import share_library

    whole = MotionLibrary.load(packed(SOME), streaming=True)
    ours = [share_library(whole, ShardCfg(), Ranks(rank, world)) for rank in range(world)]
    assert all(differ for _, differ in ours)
    parts = [part for part, _ in ours]
    shares = [[whole.clip_names.index(name) for name in part.clip_names] for part in parts]
    assert sorted(clip for share in shares for clip in share) == list(range(12))
    drawn = whole.durations_s * whole.clip_weights
    loads = [float(drawn[share].sum()) for share in shares]
    assert max(loads) - min(loads) <= float(drawn.max())
    for part, share in zip(parts, shares, strict=True):
        assert part.table is whole.table  # nothing was copied
        other = in_memory.select(share)
        assert part.clip_names == other.clip_names and part.content_hash == other.content_hash
        clip, time_s = asked(part, 50)
        assert torch.equal(
            part.frames(clip, time_s).body_pos_w, other.frames(clip, time_s).body_pos_w
        )
        assert torch.equal(part.in_memory().frames_table, other.frames_table)


_MEASURE = """
import re, sys, torch
from mimiclab.motions.library import MotionLibrary
def held():
    text = open("/proc/self/status").read()
    found = (re.search(key + r":\\s+(\\d+)", text)[1] for key in ("RssAnon", "RssFile"))
    return sum(map(int, found)) // 1024
torch.manual_seed(0)
for path, streaming in ((sys.argv[1], True), (sys.argv[2], False)):
    library = MotionLibrary.load(path, streaming=streaming)
    before = held()
    for _ in range(40):
        clip = torch.randint(0, library.num_clips, (1024,))
        library.frames(clip, torch.rand(1024, dtype=torch.float64) * library.durations_s[clip])
    print(held() - before)
"""


def test_memory_stays_as_it_is_while_the_whole_library_is_read(g1, sway, tmp_path):
    """40,000 random frames of 60 MiB: mapped, all of it becomes resident; streamed, nothing."""
    if not Path("/proc/self/status").exists():
        pytest.skip("reads /proc")
    writer = LibraryWriter(tmp_path / "library", robot=g1)
    packed = writer.packing.pack(sway)
    long = replace(
        packed,
        rows=np.resize(packed.rows, (1024, packed.rows.shape[1])),
        entry={**packed.entry, "frames": 1024},
    )
    for i in range(64):
        writer.append(long, name=f"clip {i}")
    writer.close()
    paths = [str(tmp_path / "library"), str(tmp_path / "library" / shard_name(0))]
    command = [sys.executable, "-c", _MEASURE, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    streamed, mapped = map(int, done.stdout.split())
    assert streamed <= 24  # MiB: answers, their parts, and what torch loads for its first work
    assert mapped >= 50  # the measurement sees what it should see


def test_size_decides_unless_told(packed, monkeypatch):
    monkeypatch.setattr("mimiclab.motions.library.IN_MEMORY_BYTES", 300_000)
    assert MotionLibrary.load(packed(SOME)).streamed_from == packed(SOME)
    assert MotionLibrary.load(packed(SOME), streaming=False).streamed_from is None
    monkeypatch.setattr("mimiclab.motions.library.IN_MEMORY_BYTES", 400_000)
    assert MotionLibrary.load(packed(SOME)).streamed_from is None
    one = packed(ALL) / shard_name(0)
    assert MotionLibrary.load(one, streaming=True).streamed_from == one
    assert MotionLibrary.load(one).content_hash == MotionLibrary.load(packed(ALL)).content_hash


def test_what_needs_all_rows_says_so(packed, tmp_path):
    streamed = MotionLibrary.load(packed(SOME), streaming=True)
    with pytest.raises(MotionError, match=r"streamed from .*in_memory\(\)"):
        streamed.save(tmp_path / "copy.safetensors")
    streamed.in_memory().save(tmp_path / "copy.safetensors")
    assert MotionLibrary.load(tmp_path / "copy.safetensors").content_hash == streamed.content_hash


def test_incomplete_and_mixed_libraries_are_named(folder, packed, clips, tmp_path):
    second = folder / shard_name(1)
    whole = second.read_bytes()
    second.write_bytes(whole[:-4])
    with pytest.raises(MotionFileError, match=r"shard_00001.*cannot be read: it has .* cut off"):
        MotionLibrary.load(folder)
    second.write_bytes(whole[:100])
    with pytest.raises(MotionFileError, match=r"shard_00001.*cannot be read"):
        MotionLibrary.load(folder)
    second.unlink()
    with pytest.raises(MotionFileError, match=r"shard_00001.* is missing.*lists 4 shards"):
        MotionLibrary.load(folder)
    moved = [replace(clip, root_pos=clip.root_pos + 1e-3) for clip in clips]
    other = write(tmp_path / "other", moved, SOME)
    shutil.copy(other / shard_name(1), second)
    with pytest.raises(MotionFileError, match=r"shard_00001.* is not the shard .*another library"):
        MotionLibrary.load(folder)
    (folder / INDEX_FILE).unlink()
    with pytest.raises(MotionFileError, match=r"packing did not finish"):
        MotionLibrary.load(folder)


def test_a_changed_byte_is_found_and_its_clip_named(folder):
    second = folder / shard_name(1)
    data = bytearray(second.read_bytes())
    data[-3] ^= 0x10
    second.write_bytes(data)
    library = MotionLibrary.load(folder, streaming=True)
    with pytest.raises(MotionFileError, match=r"1 of 12 clips are not as they were packed: 'clip"):
        library.verify()
    MotionLibrary.load(folder, streaming=True).verify([0])
    assert library.compute_hash() != library.content_hash


def test_a_shard_that_shrinks_while_in_use_is_an_error_not_a_crash(folder):
    library = MotionLibrary.load(folder, streaming=True)
    with (folder / shard_name(3)).open("rb+") as file:
        file.truncate(2000)
    with pytest.raises(MotionFileError, match="became shorter while it was read"):
        library.all_frames(11)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_headers_end_in_the_named_error(folder, data):
    """Any byte of the index or of a shard's header may be wrong: MotionFileError or a library."""
    path = folder / data.draw(st.sampled_from([INDEX_FILE, shard_name(0)]))
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bad[: data.draw(st.sampled_from([len(bad), header, 7]))])
    try:
        MotionLibrary.load(folder, streaming=True)
    except MotionFileError:
        pass
    finally:
        path.write_bytes(good)


def test_newer_files_are_refused(folder):
    for path, key in (
        (folder / shard_name(0), b'"mimiclab_motion_library":"1"'),
        (folder / INDEX_FILE, b'"mimiclab_motion_folder":"1"'),
    ):
        good = path.read_bytes()
        assert good.count(key) == 1
        path.write_bytes(good.replace(key, key.replace(b'"1"', b'"9"')))
        with pytest.raises(MotionFileError, match=r"schema 9.*update mimiclab"):
            MotionLibrary.load(folder)
        path.write_bytes(good)
