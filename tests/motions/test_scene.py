"""What a clip carries beside the robot: contacts, objects, terrain; cut, resampled, mirrored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.check import check_clip
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.kinematics import resample
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.scene import ObjectTrack, still_object


@pytest.fixture(scope="module")
def carrying(sway: MotionClip) -> MotionClip:
    """The swaying robot with a ball that moves and turns, a box that stands, and contacts."""
    frames = np.arange(sway.num_frames)
    turn = 0.02 * frames
    zero = np.zeros(len(frames))
    ball = ObjectTrack(
        name="ball",
        pos_w=np.stack([0.1 * frames, 0.5 - 0.02 * frames, zero + 0.3], axis=1),
        quat_wxyz_w=np.stack([np.cos(turn), np.sin(turn), zero, zero], axis=1),
    )
    half = np.sqrt(0.5)
    box = still_object(
        "box", (1.0, 0.25, 0.2), (half, 0, 0, half), frames=len(frames), size=(0.6, 0.4, 0.2)
    )
    return replace(
        sway,
        foot_contacts=np.stack([frames % 2 == 0, frames % 3 == 0], axis=1),
        objects=(ball, box),
    )


def test_cut_takes_the_scene_along(carrying: MotionClip) -> None:
    part = carrying.cut(6, 11)
    assert part.foot_contacts is not None
    assert part.foot_contacts.tolist() == [
        [True, True], [False, False], [True, False], [False, True], [True, False],
    ]  # fmt: skip
    np.testing.assert_allclose(part.objects[0].pos_w[:, 0], [0.6, 0.7, 0.8, 0.9, 1.0])
    assert part.objects[1].size == (0.6, 0.4, 0.2) and part.objects[1].num_frames == 5


def test_resample_moves_objects_and_takes_the_nearest_contact(carrying: MotionClip) -> None:
    out = resample(carrying, 40.0)  # frames at 0, 1.25, 2.5, 3.75, 5 of the original
    ball = out.objects[0]
    np.testing.assert_allclose(ball.pos_w[:5, 0], [0.0, 0.125, 0.25, 0.375, 0.5])
    turn = 0.02 * 1.25
    assert quat_angle(ball.quat_wxyz_w[1], np.array([np.cos(turn), np.sin(turn), 0, 0])) < 1e-9
    assert out.foot_contacts is not None and out.foot_contacts.shape == (out.num_frames, 2)
    # The nearest frames are 0, 1, 2 (of 2 and 3 the earlier), 4, 5.
    assert out.foot_contacts[:5, 0].tolist() == [True, False, True, True, False]
    np.testing.assert_array_equal(out.objects[1].pos_w, np.tile([1.0, 0.25, 0.2], (32, 1)))


def test_mirror_swaps_feet_and_reflects_objects(carrying: MotionClip) -> None:
    out = mirror_clip(carrying)
    assert out.foot_contacts is not None and carrying.foot_contacts is not None
    np.testing.assert_array_equal(out.foot_contacts[:, 0], carrying.foot_contacts[:, 1])
    ball, box = out.objects
    np.testing.assert_allclose(ball.pos_w, carrying.objects[0].pos_w * [1, -1, 1])
    # A turn about an axis in the plane is seen in the mirror as the opposite turn.
    assert ball.quat_wxyz_w[10, 1] == -carrying.objects[0].quat_wxyz_w[10, 1]
    # The corners of the box are the mirror images of the corners.
    corners = _corners(carrying.objects[1]) * [1, -1, 1]
    for corner in corners:
        assert np.linalg.norm(_corners(box) - corner, axis=1).min() < 1e-12
    again = mirror_clip(out)
    np.testing.assert_array_equal(again.objects[0].quat_wxyz_w, carrying.objects[0].quat_wxyz_w)


def _corners(box: ObjectTrack) -> np.ndarray:
    w, x, y, z = box.quat_wxyz_w[0]
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    signs = np.array(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5])).reshape(3, -1).T
    return box.pos_w[0] + (signs * np.array(box.size)) @ turn.T


def test_meshes_are_not_mirrored_in_silence(carrying: MotionClip) -> None:
    with pytest.raises(MotionError, match=r"stands on the mesh 'hill\.obj'"):
        mirror_clip(replace(carrying, terrain="hill.obj"))
    chair = replace(carrying.objects[1], mesh="chair.obj")
    with pytest.raises(MotionError, match=r"mesh 'chair\.obj' of object 'box'"):
        mirror_clip(replace(carrying, objects=(chair,)))


@pytest.mark.parametrize("format", ["mimiclab_npz", "mimiclab_npz_bodies"])
def test_own_format_keeps_the_scene_exactly(
    carrying: MotionClip, tmp_path: Path, format: str
) -> None:
    path = tmp_path / "clip.npz"
    chair = still_object("chair", (1, 2, 3), (0.6, 0, 0.8, 0), frames=40, mesh="chair.obj")
    clip = replace(carrying, objects=(*carrying.objects, chair), terrain="hill.obj")
    write_motion(clip, path, format)
    back = read_motion(path)
    assert back.terrain == "hill.obj"
    np.testing.assert_array_equal(back.foot_contacts, clip.foot_contacts)
    assert len(back.objects) == 3
    for a, b in zip(clip.objects, back.objects, strict=True):
        assert (a.name, a.mesh, a.size) == (b.name, b.mesh, b.size)
        np.testing.assert_array_equal(a.pos_w, b.pos_w)
        np.testing.assert_array_equal(a.quat_wxyz_w, b.quat_wxyz_w)
    np.testing.assert_array_equal(back.root_quat_wxyz, clip.root_quat_wxyz)


def test_a_clip_without_a_scene_stores_none(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "clip.npz")
    back = read_motion(tmp_path / "clip.npz")
    assert back.foot_contacts is None and back.objects == () and back.terrain == ""


def test_the_scene_does_not_change_the_check(carrying: MotionClip, sway: MotionClip) -> None:
    assert check_clip(carrying).metrics == check_clip(sway).metrics


def test_wrong_scenes_are_refused(sway: MotionClip) -> None:
    with pytest.raises(MotionError, match=r"expected bool of shape \(40, 2\)"):
        replace(sway, foot_contacts=np.zeros((40, 2)))
    with pytest.raises(MotionError, match="has 39 frames"):
        replace(sway, objects=(still_object("box", (0, 0, 0), frames=39),))
    box = still_object("box", (0, 0, 0), frames=40)
    with pytest.raises(MotionError, match="its name occurs 2 times"):
        replace(sway, objects=(box, box))
    with pytest.raises(MotionError, match="three edges"):
        still_object("box", (0, 0, 0), frames=2, size=(1.0, 0.0, 1.0))
    with pytest.raises(MotionError, match="has length 2"):
        still_object("box", (0, 0, 0), (2, 0, 0, 0), frames=2)
    with pytest.raises(MotionError, match="empty name"):
        still_object("", (0, 0, 0), frames=2)


def test_contacts_in_a_file_must_be_flags(carrying: MotionClip, tmp_path: Path) -> None:
    write_motion(carrying, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as data:
        arrays = dict(data)
    arrays["foot_contacts"] = np.full((40, 2), 0.5)
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(MotionFileError, match="values other than 0 and 1"):
        read_motion(tmp_path / "a.npz")
