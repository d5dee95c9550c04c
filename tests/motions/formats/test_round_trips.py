"""Every format gives back what was written, and published files read as their makers meant."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import MotionFileError, OutputError, UnknownNameError
from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import (
    FORMATS,
    left_out,
    read_motion,
    read_motion_file,
    write_motion,
)
from mimiclab.motions.formats.unnamed_npz import axis_names
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import still_object
from mimiclab.robots import Robot

WRITABLE = [name for name, item in FORMATS.items() if item.write is not None]


def assert_same_to_float32(a: MotionClip, b: MotionClip) -> None:
    """Numbers differ by no more than float32 does from float64, or nine digits do."""
    assert a.joint_names == b.joint_names
    for key in ("root_pos", "root_quat_wxyz", "joint_pos"):
        given, wanted = getattr(a, key), getattr(b, key)
        # Orientations are kept up to sign, and normalised again in float64.
        given = (
            given * np.sign((given * wanted).sum(axis=1, keepdims=True)) if "quat" in key else given
        )
        np.testing.assert_allclose(given, wanted, rtol=2.0**-23, atol=2.0**-22)


def assert_same_motion(a: MotionClip, b: MotionClip, atol: float) -> None:
    assert a.joint_names == b.joint_names
    np.testing.assert_allclose(a.root_pos, b.root_pos, atol=atol)
    np.testing.assert_allclose(a.joint_pos, b.joint_pos, atol=atol)
    assert quat_angle(a.root_quat_wxyz, b.root_quat_wxyz).max() < max(atol, 1e-7) * 4


@pytest.mark.parametrize("name", WRITABLE)
def test_round_trip_of_every_format(
    clip_of: Callable[[str], MotionClip], tmp_path: Path, name: str
) -> None:
    clip, path = clip_of(name), tmp_path / f"clip{FORMATS[name].suffix}"
    write_motion(clip, path, name)
    declared: dict[str, Any] = {"fps": 50.0} if name == "unitree_csv" else {}
    file = read_motion_file(path, robot=clip.robot, **declared)
    # Variants of a format are read by the same reader as the plain one.
    same = {"mimiclab_npz_bodies": "mimiclab_npz", "asap_pkl": "phc_pkl"}
    assert file.format == same.get(name, name)
    assert file.clip.fps == clip.fps
    assert_same_to_float32(file.clip, clip)


@pytest.mark.parametrize("name", WRITABLE)
def test_what_a_format_cannot_hold_is_told(
    clip_of: Callable[[str], MotionClip], tmp_path: Path, name: str
) -> None:
    frames = clip_of(name).num_frames
    box = still_object("crate", (1.0, 0.5, 0.2), (0.6, 0.0, 0.0, 0.8), frames=frames)
    full = replace(
        clip_of(name),
        foot_contacts=np.stack([np.arange(frames) % 3 == 0, np.arange(frames) % 2 == 0], axis=1),
        objects=(box,),
        terrain="hill.obj",
    )
    path = tmp_path / f"clip{FORMATS[name].suffix}"
    write_motion(full, path, name)
    back = read_motion(path, robot=full.robot)
    lost = left_out(full, name)
    assert (back.terrain == "") == ("terrain" in lost)
    assert (back.objects == ()) == ("objects" in lost)
    assert (back.foot_contacts is None) == ("foot_contacts" in lost)
    if back.foot_contacts is not None:
        np.testing.assert_array_equal(back.foot_contacts, full.foot_contacts)
    for item in back.objects:
        assert item.name == "crate"
        np.testing.assert_allclose(item.pos_w, box.pos_w, rtol=1e-7)
        np.testing.assert_allclose(item.quat_wxyz_w, box.quat_wxyz_w, rtol=1e-7)
    assert left_out(clip_of(name), name) == ()


def test_mimiclab_npz_keeps_everything_exactly(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    write_motion(sway, path)
    clip = read_motion(path)
    assert (clip.source, clip.licence, clip.tags) == (sway.source, sway.licence, sway.tags)
    assert clip.name == "clip" and clip.robot == "unitree_g1"
    np.testing.assert_array_equal(clip.joint_pos, sway.joint_pos)
    np.testing.assert_array_equal(clip.root_pos, sway.root_pos)


def test_mimiclab_npz_has_the_documented_keys(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "a.npz")
    write_motion(sway, tmp_path / "b.npz", "mimiclab_npz_bodies")
    base = {
        "schema", "robot", "fps", "joint_names", "root_pos", "root_quat_wxyz", "joint_pos",
        "source", "licence", "tags",
    }  # fmt: skip
    bodies = {
        "body_names", "body_pos_w", "body_quat_wxyz_w", "body_lin_vel_w", "body_ang_vel_w",
        "joint_vel",
    }  # fmt: skip
    with np.load(tmp_path / "a.npz", allow_pickle=False) as a:
        assert set(a.files) == base and int(a["schema"]) == 1
    with np.load(tmp_path / "b.npz", allow_pickle=False) as b:
        assert set(b.files) == base | bodies
        assert b["body_pos_w"].shape == (40, 30, 3)


def test_joints_in_another_order_are_put_right(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    write_motion(sway, path)
    with np.load(path) as data:
        arrays = dict(data)
    arrays["joint_names"] = arrays["joint_names"][::-1]
    arrays["joint_pos"] = arrays["joint_pos"][:, ::-1]
    np.savez(path, **arrays)
    np.testing.assert_array_equal(read_motion(path).joint_pos, sway.joint_pos)


def test_isaac_order_is_the_published_permutation(g1: Robot) -> None:
    # BeyondMimic's converter: isaac[i] = mujoco[perm[i]].
    perm = [
        0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 22, 4, 10, 16, 23, 5, 11, 17, 24, 18, 25, 19, 26,
        20, 27, 21, 28,
    ]  # fmt: skip
    joints, bodies = axis_names("unitree_g1", "isaac")
    assert joints == tuple(g1.joint_names[i] for i in perm)
    assert bodies[:5] == (
        "pelvis", "left_hip_pitch_link", "right_hip_pitch_link", "waist_yaw_link",
        "left_hip_roll_link",
    )  # fmt: skip
    assert bodies[9] == "torso_link"


def test_mjlab_and_isaac_files_are_told_apart(sway: MotionClip, tmp_path: Path) -> None:
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    write_motion(sway, a, "mjlab_npz")
    write_motion(sway, b, "beyondmimic_npz")
    with np.load(a) as x, np.load(b) as y:
        assert set(x.files) == set(y.files)
        assert x["joint_pos"].shape == y["joint_pos"].shape
        assert not np.allclose(x["joint_pos"], y["joint_pos"])
        assert y["fps"].shape == (1,) and y["fps"].dtype.kind == "i"
    assert read_motion_file(a, robot="unitree_g1").format == "mjlab_npz"
    assert read_motion_file(b, robot="unitree_g1").format == "beyondmimic_npz"
    with pytest.raises(MotionFileError, match="joints are in isaac and bodies in isaac order"):
        read_motion(b, robot="unitree_g1", format="mjlab_npz")
    with pytest.raises(MotionFileError, match="joints are in mujoco and bodies in mujoco order"):
        read_motion(a, robot="unitree_g1", format="beyondmimic_npz")


def test_mjlab_file_is_what_mjlab_loads(sway: MotionClip, g1: Robot, tmp_path: Path) -> None:
    """mjlab indexes bodies by number in MuJoCo order and trusts the file."""
    import torch
    from mjlab.tasks.tracking.mdp.commands import MotionLoader

    path = tmp_path / "motion.npz"
    write_motion(sway, path, "mjlab_npz")
    wanted = [g1.body_names.index(name) for name in g1.tracked_bodies]
    loaded = MotionLoader(str(path), torch.tensor(wanted))
    truth = body_motion(sway, g1).select(g1.tracked_bodies)
    np.testing.assert_allclose(loaded.body_pos_w.numpy(), truth.body_pos_w, atol=1e-6)
    np.testing.assert_allclose(loaded.body_ang_vel_w.numpy(), truth.body_ang_vel_w, atol=1e-5)


def test_holosoma_file_has_the_root_inside(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    write_motion(sway, path, "holosoma_npz")
    with np.load(path) as data:
        assert data["joint_pos"].shape == (40, 36) and data["joint_vel"].shape == (40, 35)
        assert data["body_names"][0] == "world"
        np.testing.assert_allclose(data["joint_pos"][:, 3:7], sway.root_quat_wxyz, atol=1e-6)
        # Turning at 0.6 rad/s about world z.
        np.testing.assert_allclose(data["joint_vel"][5, 3:6], [0, 0, 0.6], atol=1e-6)
    # Names say which robot it is.
    assert read_motion(path).robot == "unitree_g1"


def test_csv_columns_are_unitrees(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    write_motion(sway, path)
    table = np.loadtxt(path, delimiter=",")
    assert table.shape == (40, 36)
    np.testing.assert_allclose(table[:, 6], sway.root_quat_wxyz[:, 0], atol=1e-8)
    assert read_motion(path, robot="unitree_g1").fps == 30.0


def test_frame_range_counts_from_zero(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    write_motion(sway, path)
    part = read_motion(path, frame_range=(10, 20))
    np.testing.assert_array_equal(part.joint_pos, sway.joint_pos[10:20])


def test_output_is_refused_in_a_sentence(sway: MotionClip, tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"use \.npz or \.csv"):
        write_motion(sway, tmp_path / "clip.bvh")
    with pytest.raises(MotionFileError, match="change the suffix"):
        write_motion(sway, tmp_path / "clip.csv", "mjlab_npz")
    with pytest.raises(UnknownNameError, match="mjlab_npz"):
        write_motion(sway, tmp_path / "clip.npz", "mjlab")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another output"):
        write_motion(sway, tmp_path / "file" / "clip.npz")
    assert not list(tmp_path.glob("*.npz"))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.sampled_from(["mjlab_npz", "beyondmimic_npz"]))
def test_order_is_found_for_any_pose(
    g1: Robot, tmp_path_factory: pytest.TempPathFactory, seed: int, order: str
) -> None:
    rng = np.random.default_rng(seed)
    low, high = np.clip(g1.joint_limits, -1.5, 1.5).T
    quat = rng.normal(size=(3, 4))
    clip = MotionClip(
        name="any",
        robot=g1.name,
        fps=29.97,
        joint_names=g1.joint_names,
        root_pos=rng.normal(size=(3, 3)),
        root_quat_wxyz=quat / np.linalg.norm(quat, axis=1, keepdims=True),
        joint_pos=rng.uniform(low, high, size=(3, g1.num_joints)),
    )
    path = tmp_path_factory.mktemp("any") / "clip.npz"
    write_motion(clip, path, order)
    file = read_motion_file(path, robot="unitree_g1")
    assert file.format == order
    assert file.clip.fps == 29.97
    assert_same_motion(file.clip, clip, 1e-6)


def test_real_csvs(shared_data: Path) -> None:
    folder = shared_data / "motions"
    walk = read_motion(folder / "lafan1_g1_csv" / "walk1_subject1.csv", robot="unitree_g1")
    assert (walk.num_frames, walk.fps) == (7840, 30.0)
    # First row of the file: x y z, then the quaternion's w in the last place.
    np.testing.assert_allclose(walk.root_pos[0], [0.000480, -0.000023, 0.796553])
    assert abs(walk.root_quat_wxyz[0, 0] - 0.999709) < 1e-5
    wave = folder / "kimodo_g1_csv" / "output_wave.csv"
    clip = read_motion(wave, robot="unitree_g1", root_quat_order="wxyz")
    assert clip.root_quat_wxyz[0, 0] > 0.99


def test_undeclared_wxyz_csvs_are_refused(shared_data: Path) -> None:
    files = sorted((shared_data / "motions" / "kimodo_g1_csv").glob("*.csv"))
    assert len(files) == 5
    for path in files:
        with pytest.raises(MotionFileError, match="Declare root_quat_order='wxyz'"):
            read_motion(path, robot="unitree_g1")


def test_upright_or_lying_lafan1_is_not_taken_for_wxyz(shared_data: Path) -> None:
    files = sorted((shared_data / "motions" / "lafan1_g1_csv").glob("*.csv"))
    assert len(files) == 15
    for path in files:
        assert read_motion(path, robot="unitree_g1").num_frames > 3000


def test_real_holosoma_and_twist2(shared_data: Path) -> None:
    folder = shared_data / "motions"
    slope = folder / "terrain" / "g1_crawl_slope" / "motion_crawl_slope.npz"
    file = read_motion_file(slope)
    assert (file.format, file.clip.num_frames, file.clip.fps) == ("holosoma_npz", 959, 50.0)
    assert file.stored is not None and len(file.stored.body_names) == 51
    rates = []
    for path in sorted((folder / "twist2_g1_npz").glob("*.npz")):
        file = read_motion_file(path)
        assert file.format == "gmr_npz"
        rates.append(file.clip.fps)
        # Its bodies, computed elsewhere, are where our kinematics puts them.
        truth = body_motion(file.clip)
        stored = file.stored
        assert stored is not None and stored.body_pos_w is not None
        common = [name for name in truth.body_names if name in stored.body_names]
        assert len(common) == 30
        given = stored.body_pos_w[:, [stored.body_names.index(name) for name in common]]
        np.testing.assert_allclose(given, truth.body_pos_w, atol=1e-3)
    assert len(rates) == 6 and 29.7 < min(rates) < max(rates) < 29.9
