"""Half precision against full, with bounds that follow from the step of each number."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import MotionError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.frame import RowLayout
from mimiclab.motions.library.half import REACH_M, from_half, half_width, to_half
from mimiclab.motions.library.writer import LibraryWriter

LAYOUT = RowLayout(joints=5, bodies=3)


def random_rows(seed: int, away: float) -> torch.Tensor:
    """Fifty rows of a robot `away` metres from the origin."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.zeros(50, LAYOUT.width)
    frame = LAYOUT.split(rows)
    frame.joint_pos.copy_(3.0 * torch.randn(50, 5, generator=rng))
    frame.joint_vel.copy_(10.0 * torch.randn(50, 5, generator=rng))
    root = away + torch.randn(50, 1, 3, generator=rng)
    frame.body_pos_w.copy_(root + 1.9 * torch.rand(50, 3, 3, generator=rng) - 0.9)
    quat = torch.randn(50, 3, 4, generator=rng)
    frame.body_quat_w.copy_(quat / quat.norm(dim=-1, keepdim=True))
    frame.body_lin_vel_w.copy_(3.0 * torch.randn(50, 3, 3, generator=rng))
    frame.body_ang_vel_w.copy_(8.0 * torch.randn(50, 3, 3, generator=rng))
    return rows


def angle(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Angle between orientations, rad; accurate for small ones."""
    a, b = a.double(), b.double()
    chord = torch.minimum((a - b).norm(dim=-1), (a + b).norm(dim=-1))
    return 4 * torch.asin((chord / 2).clamp(max=1.0))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), away=st.sampled_from([0.0, 1.0, 60.0, 1000.0]))
def test_errors_are_within_half_a_step(seed, away):
    rows = random_rows(seed, away)
    words = to_half(rows, LAYOUT)
    assert words.dtype == torch.int16 and words.shape == (50, half_width(LAYOUT))
    full, half = LAYOUT.split(rows), LAYOUT.split(from_half(words, LAYOUT))
    assert torch.equal(half.joint_pos, full.joint_pos)
    assert torch.equal(half.body_pos_w[:, 0], full.body_pos_w[:, 0])
    # Relative positions are rounded once in float32 too, at the size of the root's coordinates.
    float32 = 2 * (away + 4.0) * 2**-24
    assert float((half.body_pos_w - full.body_pos_w).abs().max()) <= 0.5 * 4 / 32767 + 2 * float32
    assert float(angle(half.body_quat_w, full.body_quat_w).max()) <= 2 * 2 * 0.5 / 32767 * 1.01
    assert float((half.body_quat_w.norm(dim=-1) - 1).abs().max()) < 2e-7
    for name in ("joint_vel", "body_lin_vel_w", "body_ang_vel_w"):
        exact = getattr(full, name)
        error = (getattr(half, name) - exact).abs()
        assert bool((error <= 2**-11 * exact.abs() + 2**-25).all()), name


def test_plain_float16_would_be_far_worse():
    """Why it is not simply float16: 60 m away a step of that is 31 mm."""
    rows = random_rows(0, 60.0)
    full, plain = LAYOUT.split(rows), LAYOUT.split(rows.half().float())
    kept = LAYOUT.split(from_half(to_half(rows, LAYOUT), LAYOUT))
    assert float((plain.body_pos_w - full.body_pos_w).abs().max()) > 10e-3
    assert float((kept.body_pos_w - full.body_pos_w).abs().max()) < 0.1e-3
    worst = float(angle(plain.body_quat_w, full.body_quat_w).max())
    assert worst > 4 * float(angle(kept.body_quat_w, full.body_quat_w).max())


def test_what_does_not_fit_is_refused():
    rows = random_rows(0, 0.0)
    far = rows.clone()
    LAYOUT.split(far).body_pos_w[7, 2, 0] += REACH_M + 2
    with pytest.raises(MotionError, match=r"from the root .* stores up to 4 m"):
        to_half(far, LAYOUT)
    for bad in (math.nan, 1e5):
        fast = rows.clone()
        LAYOUT.split(fast).joint_vel[3, 1] = bad
        with pytest.raises(MotionError, match="not finite or above 65504"):
            to_half(fast, LAYOUT)
    lost = rows.clone()
    LAYOUT.split(lost).body_pos_w[7, 2, 0] = math.nan
    with pytest.raises(MotionError, match="stores up to"):
        to_half(lost, LAYOUT)


def test_a_library_in_half_precision_is_the_same_streamed_and_in_memory(g1, sway, tmp_path):
    with LibraryWriter(tmp_path / "half", robot=g1, half=True, shard_bytes=1) as writer:
        writer.append(sway)
    streamed = MotionLibrary.load(tmp_path / "half", streaming=True)
    loaded = MotionLibrary.load(tmp_path / "half")
    time_s = torch.linspace(0, 0.78, 200, dtype=torch.float64)
    clip = torch.zeros(200, dtype=torch.long)
    for name, value in vars(streamed.frames(clip, time_s)).items():
        assert torch.equal(value, getattr(loaded.frames(clip, time_s), name)), name
    assert streamed.content_hash == streamed.compute_hash() == loaded.compute_hash()
    streamed.verify()
    file = tmp_path / "half" / "shard_00000.safetensors"
    assert torch.equal(MotionLibrary.load(file).frames_table, loaded.frames_table)
    # 16 bits for all but the root and the joint angles: 544 of 960 bytes a frame.
    assert half_width(RowLayout(29, 14)) * 2 == 544
