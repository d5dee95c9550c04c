"""Cutting, raising and extending clips, against frames written down by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mimiclab.errors import MotionError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.edit import ClipEdit
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import still_object
from mimiclab.robots import Robot


@pytest.fixture
def clip(g1: Robot) -> MotionClip:
    """Eleven frames at 10 per second: frame k is k metres ahead, its knees at k / 10."""
    frames = np.arange(11.0)
    joints = np.zeros((11, g1.num_joints))
    joints[:, g1.joint_names.index("left_knee_joint")] = frames / 10
    half = np.full(11, 0.4)  # turned left by 0.8 rad
    return MotionClip(
        name="ramp",
        robot=g1.name,
        fps=10.0,
        joint_names=g1.joint_names,
        root_pos=np.stack([frames, 0 * frames, 0.7 + 0 * frames], axis=1),
        root_quat_wxyz=np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], axis=1),
        joint_pos=joints,
        foot_contacts=np.stack([frames < 5, frames >= 5], axis=1),
        objects=(still_object("box", (1.0, 0.0, 0.2), frames=11),),
    )


def places(clip: MotionClip) -> list[float]:
    return clip.root_pos[:, 0].tolist()


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (ClipEdit(start=0.3, end=0.5), [3, 4, 5]),
        (ClipEdit(start=0.25, end=0.55), [3, 4, 5]),  # only frames within
        (ClipEdit(end=0.2), [0, 1, 2]),
        (ClipEdit(start=0.8), [8, 9, 10]),
        (ClipEdit(longest=0.3), [0, 1, 2, 3]),
        (ClipEdit(start=0.9, longest=0.3), [9, 10]),
        (ClipEdit(start=0.7, end=0.7), [7]),
        (ClipEdit(longest=9.0), list(range(11))),
    ],
)
def test_cuts_keep_the_frames_between(clip: MotionClip, edit: ClipEdit, kept: list[int]) -> None:
    found = edit.apply(clip)
    assert places(found) == kept
    assert found.objects[0].num_frames == len(kept)
    assert found.foot_contacts is not None
    assert found.foot_contacts[:, 1].tolist() == [k >= 5 for k in kept]


def test_still_frames_and_height(clip: MotionClip, g1: Robot) -> None:
    found = ClipEdit(start=0.2, end=0.4, hold_start=0.2, hold_end=0.1, height=0.05).apply(clip)
    assert places(found) == [2, 2, 2, 3, 4, 4]
    knees = found.joint_pos[:, g1.joint_names.index("left_knee_joint")]
    np.testing.assert_allclose(knees, [0.2, 0.2, 0.2, 0.3, 0.4, 0.4], atol=1e-15)
    # Every body is 5 cm higher, at the same place otherwise; objects stay.
    low = body_motion(clip.cut(2, 5)).body_pos_w
    rise = body_motion(found).body_pos_w[2:5] - low
    np.testing.assert_allclose(rise, np.broadcast_to([0, 0, 0.05], rise.shape), atol=1e-12)
    assert found.objects[0].pos_w[:, 2].tolist() == [0.2] * 6


def test_the_way_from_and_to_the_default_pose(clip: MotionClip, g1: Robot) -> None:
    found = ClipEdit(hold_start=0.1, default_start=2.0, default_end=1.0).apply(clip)
    assert found.num_frames == 20 + 1 + 11 + 10
    for frame, place in ((0, 0.0), (-1, 10.0)):
        np.testing.assert_array_equal(found.joint_pos[frame], g1.default_pose)
        np.testing.assert_allclose(found.root_pos[frame], [place, 0, g1.default_root_height])
        np.testing.assert_allclose(found.root_quat_wxyz[frame], clip.root_quat_wxyz[0], atol=1e-12)
    # What was there is there still, digit by digit.
    np.testing.assert_array_equal(found.joint_pos[21:32], clip.joint_pos)
    np.testing.assert_array_equal(found.root_quat_wxyz[21:32], clip.root_quat_wxyz)
    # Halfway in time is halfway in the pose, as for every symmetric ease; it only approaches.
    knee = found.joint_pos[:20, g1.joint_names.index("left_knee_joint")]
    default = g1.default_pose[g1.joint_names.index("left_knee_joint")]
    assert knee[10] == pytest.approx(default / 2) and (np.diff(knee) < 0).all()
    assert found.foot_contacts is not None
    assert found.foot_contacts[:21].tolist() == [[True, False]] * 21


def test_a_tilted_start_ends_upright_with_its_heading(clip: MotionClip) -> None:
    # Heading 0.8 rad, then leaning forward by 0.6 rad: cos, sin of half angles multiplied out.
    c, s, lean, tip = np.cos(0.4), np.sin(0.4), np.cos(0.3), np.sin(0.3)
    quat = np.tile([c * lean, -s * tip, c * tip, s * lean], (11, 1))
    found = ClipEdit(default_start=1.0).apply(replace(clip, root_quat_wxyz=quat))
    np.testing.assert_allclose(found.root_quat_wxyz[0], [c, 0, 0, s], atol=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": -1.0}, "start is -1, expected 0 s or more"),
        ({"end": float("nan")}, "end is nan"),
        ({"hold_end": 601.0}, "hold_end is 601, expected 0 to 600 s"),
        ({"height": float("inf")}, "height is inf, expected a number"),
        ({"start": True}, "start is True, expected a number"),
        ({"start": "1"}, "start is '1', expected a number"),
        ({"start": 2.0, "end": 1.0}, "end 1 s is before start 2 s"),
    ],
)
def test_numbers_that_cannot_be(values: dict, message: str) -> None:
    with pytest.raises(MotionError, match=message):
        ClipEdit(**values)


def test_times_outside_of_the_clip_are_refused_not_clamped(clip: MotionClip) -> None:
    for edit in (ClipEdit(start=1.1), ClipEdit(end=1.2), ClipEdit(start=0.31, end=0.39)):
        with pytest.raises(MotionError, match=r"cannot keep .* it has 11 frames in 1 s"):
            edit.apply(clip)
    on_slope = replace(clip, terrain="slope.obj")
    with pytest.raises(MotionError, match="how high its default pose stands is not known"):
        ClipEdit(default_start=1.0).apply(on_slope)
    assert ClipEdit(hold_start=1.0).apply(on_slope).num_frames == 21


def test_edits_of_sets_within_sets_join() -> None:
    joined = ClipEdit(height=0.1).merged(ClipEdit(start=1.0))
    assert joined == ClipEdit(start=1.0, height=0.1) and joined.piece == "-1s-end"
    with pytest.raises(MotionError, match="start is given for a clip and again for a set"):
        ClipEdit(start=2.0).merged(ClipEdit(start=1.0))
