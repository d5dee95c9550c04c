import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from mimiclab.errors import MotionError, MotionFileError, RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.packed.index import ClipIndex


def make_clip(g1, name="swing", frames=51, fps=50.0, seed=0) -> MotionClip:
    """A smooth made-up motion: every joint swings, the root drifts and turns."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    phase = rng.uniform(0, 2 * np.pi, g1.num_joints)
    joints = g1.default_pose + 0.2 * np.sin(2 * np.pi * t[:, None] + phase)
    yaw = 3.0 * t  # past pi: quaternions must not jump
    zero = np.zeros_like(yaw)
    return MotionClip(
        name=name,
        robot=g1.name,
        fps=fps,
        joint_names=g1.joint_names,
        root_pos=np.stack([0.5 * t, 0.1 * np.sin(t), 0.8 + zero], axis=1),
        root_quat_wxyz=np.stack([np.cos(yaw / 2), zero, zero, np.sin(yaw / 2)], axis=1),
        joint_pos=joints,
        source="made up",
        licence="CC0-1.0",
        tags=("test",),
    )


@pytest.fixture(scope="module")
def clips(g1) -> list[MotionClip]:
    return [make_clip(g1, "a", 51), make_clip(g1, "b", 31, seed=1)]


@pytest.fixture(scope="module")
def library(g1, clips) -> MotionLibrary:
    return MotionLibrary.from_clips(clips, robot=g1)


def test_frames_on_the_grid_are_the_stored_ones(g1, clips, library):
    motion = body_motion(clips[1], g1).select(g1.tracked_bodies)
    clip = torch.tensor([1, 1])
    frame = library.frames(clip, torch.tensor([0.0, 0.24], dtype=torch.float64))
    for row, k in enumerate((0, 12)):
        np.testing.assert_allclose(frame.joint_pos[row], motion.joint_pos[k], atol=1e-6)
        np.testing.assert_allclose(frame.joint_vel[row], motion.joint_vel[k], atol=1e-5)
        np.testing.assert_allclose(frame.body_pos_w[row], motion.body_pos_w[k], atol=1e-6)
        np.testing.assert_allclose(frame.body_lin_vel_w[row], motion.body_lin_vel_w[k], atol=1e-5)
        np.testing.assert_allclose(frame.body_ang_vel_w[row], motion.body_ang_vel_w[k], atol=1e-5)
        cosine = np.sum(frame.body_quat_w[row].numpy() * motion.body_quat_wxyz_w[k], axis=-1)
        np.testing.assert_allclose(np.abs(cosine), 1.0, atol=1e-6)
    assert frame.joint_pos_vel.shape == (2, 58)


def test_between_frames_values_are_interpolated(g1, library):
    clip = torch.zeros(1, dtype=torch.long)
    low, mid, high = (library.frames(clip, torch.tensor([t])) for t in (0.40, 0.405, 0.42))
    expected = 0.75 * low.body_pos_w + 0.25 * high.body_pos_w
    torch.testing.assert_close(mid.body_pos_w, expected)
    torch.testing.assert_close(mid.body_quat_w.norm(dim=-1), torch.ones(1, 14))
    # The root turns about z at 3 rad/s from yaw 0.
    yaw = 2 * torch.atan2(mid.body_quat_w[0, 0, 3], mid.body_quat_w[0, 0, 0])
    assert float(yaw) == pytest.approx(3.0 * 0.405, abs=1e-4)


def test_interpolation_has_no_jump_where_the_quaternion_changes_sign(library):
    times = torch.linspace(0.0, 1.0, 333, dtype=torch.float64)
    quat = library.frames(torch.zeros(333, dtype=torch.long), times).body_quat_w
    step = (quat[1:] - quat[:-1]).norm(dim=-1)
    assert float(step.max()) < 0.02


def test_times_outside_the_clip_hold_its_ends(library):
    clip = torch.tensor([0, 0, 1, 1])
    frame = library.frames(clip, torch.tensor([-1.0, 99.0, -0.001, 0.6001]))
    first, last = library.all_frames(0), library.all_frames(1)
    torch.testing.assert_close(frame.joint_pos[0], first.joint_pos[0])
    torch.testing.assert_close(frame.joint_pos[1], first.joint_pos[-1])
    torch.testing.assert_close(frame.joint_pos[2], last.joint_pos[0])
    torch.testing.assert_close(frame.joint_pos[3], last.joint_pos[-1])


def test_a_long_clip_stays_on_its_grid(g1):
    """Summing 0.02 in float64 for an hour must not start to interpolate."""
    library = MotionLibrary.from_clips([make_clip(g1, frames=51)], robot=g1)
    times = torch.full((50,), 0.02, dtype=torch.float64).cumsum(0) + 3600 - 3600
    frame = library.frames(torch.zeros(50, dtype=torch.long), times)
    torch.testing.assert_close(frame.joint_pos, library.all_frames(0).joint_pos[1:])


def test_horizon_adds_an_axis_and_holds_the_last_frame(library):
    clip = torch.tensor([0, 1])
    time_s = torch.tensor([0.1, 0.5], dtype=torch.float64)
    frame = library.horizon(clip, time_s, torch.tensor([0.0, 0.1, 0.3]))
    assert frame.body_quat_w.shape == (2, 3, 14, 4)
    now = library.frames(clip, time_s)
    torch.testing.assert_close(frame.body_pos_w[:, 0], now.body_pos_w)
    torch.testing.assert_close(frame.joint_pos[0, 1], library.all_frames(0).joint_pos[10])
    torch.testing.assert_close(frame.joint_pos[1, 2], library.all_frames(1).joint_pos[-1])


def test_a_clip_shorter_than_the_horizon_is_named(library):
    library.require_duration(0.6, "the horizon")
    with pytest.raises(MotionError, match=r"1 of 2 clips.*'b' \(0\.6 s\)"):
        library.require_duration(0.8, "the horizon of future frames")


def test_resampling_gives_all_clips_the_task_rate(g1):
    clip = make_clip(g1, fps=30.0, frames=31)
    kept = MotionLibrary.from_clips([clip], robot=g1)
    library = MotionLibrary.from_clips([clip], robot=g1, fps=50.0)
    assert kept.clip_fps.tolist() == [30.0] and library.clip_fps.tolist() == [50.0]
    assert library.has_fps(50.0) and not kept.has_fps(50.0)
    zero = torch.zeros(1, dtype=torch.long)
    t = torch.tensor([0.5])
    torch.testing.assert_close(
        library.frames(zero, t).body_pos_w, kept.frames(zero, t).body_pos_w, atol=2e-3, rtol=0
    )


def test_saved_library_comes_back_whole(tmp_path, library):
    library.save(tmp_path / "library.safetensors")
    loaded = MotionLibrary.load(tmp_path / "library.safetensors")
    torch.testing.assert_close(loaded.frames_table, library.frames_table, rtol=0, atol=0)
    assert loaded.content_hash == library.content_hash == loaded.compute_hash()
    assert loaded.clip_names == ("a", "b") and loaded.robot == "unitree_g1"


def test_clip_gives_generalised_coordinates_back(clips, library):
    clip = library.clip(1)
    np.testing.assert_allclose(clip.root_pos, clips[1].root_pos, atol=1e-6)
    np.testing.assert_allclose(clip.joint_pos, clips[1].joint_pos, atol=1e-6)
    cosine = np.sum(clip.root_quat_wxyz * clips[1].root_quat_wxyz, axis=1)
    np.testing.assert_allclose(np.abs(cosine), 1.0, atol=1e-6)
    assert (clip.fps, clip.source, clip.licence, clip.tags) == (
        50.0,
        "made up",
        "CC0-1.0",
        ("test",),
    )
    with pytest.raises(MotionError, match="no clip 2"):
        library.clip(2)


def test_content_hash_depends_on_motion_not_on_licence(g1, clips, library):
    same = [replace(clips[0], licence="other"), clips[1]]
    assert MotionLibrary.from_clips(same, robot=g1).content_hash == library.content_hash
    moved = [replace(clips[0], root_pos=clips[0].root_pos + 1e-3), clips[1]]
    assert MotionLibrary.from_clips(moved, robot=g1).content_hash != library.content_hash


def test_select_takes_a_share(library):
    share = library.select([1])
    assert share.clip_names == ("b",)
    torch.testing.assert_close(
        share.frames_table,
        library.all_frames(1).joint_pos.new_tensor(library.frames_table[51:].numpy()),
    )
    with pytest.raises(MotionError, match="from 0 to 1"):
        library.select([2])


def test_bodies_can_be_chosen_by_name_in_any_order(g1, clips, library):
    names = ("pelvis", "torso_link", "left_knee_link")
    small = MotionLibrary.from_clips(clips, robot=g1, body_names=names)
    columns = [g1.tracked_bodies.index(name) for name in names]
    torch.testing.assert_close(
        small.all_frames(0).body_pos_w, library.all_frames(0).body_pos_w[:, columns]
    )


def test_joint_order_follows_names(g1, clips, library):
    order = list(reversed(range(g1.num_joints)))
    turned = replace(
        clips[0],
        joint_names=tuple(clips[0].joint_names[i] for i in order),
        joint_pos=clips[0].joint_pos[:, order],
    )
    try:
        other = MotionLibrary.from_clips([turned], robot=g1)
    except MotionError:
        return  # kinematics may refuse another order; it must never be taken as it is
    torch.testing.assert_close(other.all_frames(0).joint_pos, library.all_frames(0).joint_pos)


def test_bad_input_is_refused(g1, clips):
    with pytest.raises(MotionError, match="at least one clip"):
        MotionLibrary.from_clips([], robot=g1)
    with pytest.raises(MotionError, match=r"repeated: \['a'\]"):
        MotionLibrary.from_clips([clips[0], clips[0]], robot=g1)
    with pytest.raises(RobotError, match="is for robot 'unitree_h1'"):
        MotionLibrary.from_clips([replace(clips[0], robot="unitree_h1")], robot=g1)
    with pytest.raises(RobotError, match="unknown bodies"):
        MotionLibrary.from_clips(clips, robot=g1, body_names=("pelvis", "tail"))
    with pytest.raises(RobotError, match="root body is not the first"):
        MotionLibrary.from_clips(clips, robot=g1, body_names=("torso_link", "pelvis"))


def test_bad_files_are_refused(tmp_path, library):
    with pytest.raises(MotionFileError, match="does not exist"):
        MotionLibrary.load(tmp_path / "none.safetensors")
    path = tmp_path / "library.safetensors"
    library.save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(MotionFileError, match="cannot be read"):
        MotionLibrary.load(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(MotionFileError, match="not a motion library"):
        MotionLibrary.load(path)


def test_loading_is_lazy_and_gathering_fast(tmp_path, g1):
    """1,000 ten-second clips: load within 1 s; 4,096 interpolated references within 3 ms."""
    small = MotionLibrary.from_clips([make_clip(g1, frames=50)], robot=g1)
    entry = small.index.entries()[0] | {"frames": 500}
    entries = [entry | {"name": f"clip{i}"} for i in range(1000)]
    index = ClipIndex.of(g1.name, g1.joint_names, g1.tracked_bodies, entries)
    table = small.frames_table.repeat(10_000, 1)
    MotionLibrary(table, index, "known").save(tmp_path / "big.safetensors")
    del table
    began = time.perf_counter()
    library = MotionLibrary.load(tmp_path / "big.safetensors")
    clip_ids = torch.randint(0, 1000, (4096,))
    times = 9.9 * torch.rand(4096, dtype=torch.float64)
    library.frames(clip_ids[:1], times[:1])
    assert time.perf_counter() - began < 1.0
    best = min(_seconds(lambda: library.frames(clip_ids, times)) for _ in range(20))
    assert best < 6e-3  # 3 ms on a quiet machine; twice that here, as tests share the cores


def _seconds(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
