"""Repairs undo what was done to sound clips, leave sound clips alone, and mend real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import RobotError, UnknownNameError
from mimiclab.maths.rotations import quat_angle, quat_from_rotvec, quat_multiply, quat_rotate
from mimiclab.motions.check import check_clip
from mimiclab.motions.check.quality import motion_quality
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion
from mimiclab.motions.repair import REPAIRS, repair
from mimiclab.motions.synthesis import builtin_motion, builtin_names
from mimiclab.robots import Robot

UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def walk() -> MotionClip:
    return builtin_motion("walk", steps=10)


def same(a: MotionClip, b: MotionClip, tolerance: float = 1e-9) -> bool:
    return (
        np.allclose(a.root_pos, b.root_pos, rtol=0, atol=tolerance)
        and quat_angle(a.root_quat_wxyz, b.root_quat_wxyz).max() < max(tolerance, 1e-7)
        and np.allclose(a.joint_pos, b.joint_pos, rtol=0, atol=tolerance)
    )


def with_joints(clip: MotionClip, joint: int, frames: slice | int, change: float) -> MotionClip:
    joints = clip.joint_pos.copy()
    joints[frames, joint] += change
    return replace(clip, joint_pos=joints)


@pytest.mark.parametrize("name", builtin_names())
def test_a_sound_clip_comes_back_as_it_is(name: str) -> None:
    clip = builtin_motion(name)
    mended, changes = repair(clip)
    assert mended is clip and not changes


@pytest.mark.parametrize("height", [0.05, -0.04, 0.30])
def test_a_floating_or_sunk_clip_is_moved_back(walk: MotionClip, height: float) -> None:
    mended, (change,) = repair(replace(walk, root_pos=walk.root_pos + UP * height))
    assert change.kind == "float" and change.amount == pytest.approx(abs(height), abs=2e-3)
    assert same(mended, walk, 2e-3)
    assert (mended.joint_pos == walk.joint_pos).all()


def test_a_foot_held_in_the_air_does_not_fool_the_ground(walk: MotionClip) -> None:
    kick = builtin_motion("kick")
    mended, (change,) = repair(replace(kick, root_pos=kick.root_pos + UP * 0.06))
    assert change.amount == pytest.approx(0.06, abs=2e-3) and same(mended, kick, 2e-3)


def test_a_drifting_height_is_levelled(walk: MotionClip) -> None:
    t = np.linspace(0.0, 1.0, walk.num_frames)[:, None]
    mended, (change,) = repair(replace(walk, root_pos=walk.root_pos + 0.12 * t * [0, 0, 1]))
    assert "drifting" in change.message
    assert np.abs(mended.root_pos - walk.root_pos).max() < 0.01
    assert (mended.root_pos[:, :2] == walk.root_pos[:, :2]).all()


def test_a_jump_keeps_its_height() -> None:
    """Levelling a drift must not pull the top of a jump down to the ground."""
    hop = builtin_motion("hop")
    t = np.linspace(0.0, 1.0, hop.num_frames)[:, None]
    mended, (change,) = repair(replace(hop, root_pos=hop.root_pos + (0.04 + 0.1 * t) * [0, 0, 1]))
    assert change.kind == "float" and "drifting" in change.message
    assert np.abs(mended.root_pos - hop.root_pos).max() < 0.02


@pytest.mark.parametrize("angle", [0.03, 0.1, -0.15])
@pytest.mark.parametrize("axis", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]])
def test_a_tilt_is_turned_back(angle: float, axis: list[float]) -> None:
    """A walk in a square covers the ground, so every direction of the tilt can be seen."""
    clip = square_walk()
    turn = quat_from_rotvec(angle * np.array(axis))
    tilted = replace(
        clip,
        root_pos=quat_rotate(turn, clip.root_pos),
        root_quat_wxyz=quat_multiply(turn, clip.root_quat_wxyz),
    )
    mended, changes = repair(tilted, only=("tilt", "float"))
    assert changes[0].kind == "tilt"
    assert changes[0].amount == pytest.approx(abs(angle), abs=2e-3)
    up = quat_rotate(mended.root_quat_wxyz, np.array([0.0, 0.0, 1.0]))
    right = quat_rotate(clip.root_quat_wxyz, np.array([0.0, 0.0, 1.0]))
    assert np.abs(up - right).max() < 6e-3
    assert np.abs(mended.root_pos[:, 2] - clip.root_pos[:, 2]).max() < 0.015


def square_walk() -> MotionClip:
    """Four walks, each turned by a quarter to go on where the last one ended."""
    side = builtin_motion("walk", steps=8)
    pos, quat, joints = [], [], []
    turn, place = np.array([1.0, 0, 0, 0]), np.zeros(3)
    quarter = quat_from_rotvec(np.array([0, 0, np.pi / 2]))
    for _ in range(4):
        pos.append(place + quat_rotate(turn, side.root_pos * [1, 1, 0]) + side.root_pos * [0, 0, 1])
        quat.append(quat_multiply(turn, side.root_quat_wxyz))
        joints.append(side.joint_pos)
        place, turn = pos[-1][-1] * [1, 1, 0], quat_multiply(quarter, turn)
    return replace(
        side,
        root_pos=np.concatenate(pos),
        root_quat_wxyz=np.concatenate(quat),
        joint_pos=np.concatenate(joints),
    )


def test_a_spike_is_interpolated(g1: Robot, walk: MotionClip) -> None:
    elbow = g1.joint_names.index("left_elbow_joint")
    for frames in (slice(30, 31), slice(30, 33)):
        mended, (change,) = repair(with_joints(walk, elbow, frames, -0.8))
        assert change.kind == "spike" and change.joints == ("left_elbow_joint",)
        assert change.frames == tuple(range(frames.start, frames.stop))
        assert same(mended, walk, 0.01)
        untouched = np.ones(walk.joint_pos.shape, bool)
        untouched[frames, elbow] = False
        assert (mended.joint_pos == walk.joint_pos)[untouched].all()


def test_a_step_is_spread_and_the_ends_kept(g1: Robot, walk: MotionClip) -> None:
    yaw = g1.joint_names.index("waist_yaw_joint")
    stepped = with_joints(walk, yaw, slice(60, None), 0.9)
    mended, (change,) = repair(stepped)
    assert change.kind == "step" and change.amount == pytest.approx(0.9, abs=0.02)
    touched = np.flatnonzero((mended.joint_pos != stepped.joint_pos).any(axis=1))
    assert set(touched.tolist()) <= set(change.frames) and 59 in touched and 60 in touched
    assert "joint_jump" not in {finding.code for finding in check_clip(mended).findings}
    speed = np.abs(np.diff(mended.joint_pos[:, yaw])).max() * walk.fps
    assert speed < 0.6 * g1.joint_motors[yaw].velocity_limit


def test_whole_turns_are_taken_out(g1: Robot, walk: MotionClip) -> None:
    pitch = g1.joint_names.index("left_shoulder_pitch_joint")
    for frames in (slice(40, 90), slice(50, None), slice(None, 50), slice(None)):
        for turns in (1, -1):
            mended, (change,) = repair(with_joints(walk, pitch, frames, turns * 2.0 * np.pi))
            assert change.kind == "wrap" and same(mended, walk)


@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_wrong_frames_are_replaced(walk: MotionClip, place: str) -> None:
    at = {"start": slice(0, 2), "middle": slice(50, 53), "end": slice(-2, None)}[place]
    pos, quat, joints = (a.copy() for a in (walk.root_pos, walk.root_quat_wxyz, walk.joint_pos))
    pos[at] = [0.0, 3.0, 1.8]
    quat[at] = [0.5, 0.5, 0.5, 0.5]
    joints[at] = 0.0
    broken = replace(walk, root_pos=pos, root_quat_wxyz=quat, joint_pos=joints)
    mended, (change,) = repair(broken)
    assert change.kind == "glitch"
    assert list(change.frames) == list(range(walk.num_frames))[at]
    good = np.ones(walk.num_frames, bool)
    good[at] = False
    assert (mended.root_pos == walk.root_pos)[good].all()
    assert (mended.joint_pos == walk.joint_pos)[good].all()
    # Held or interpolated frames are as near as the motion is slow.
    assert same(mended, walk, 0.02 if place == "middle" else 0.08)


def test_an_unsettled_first_frame_is_replaced(walk: MotionClip) -> None:
    joints = walk.joint_pos.copy()
    joints[0] += np.linspace(-0.3, 0.3, joints.shape[1])
    mended, (change,) = repair(replace(walk, joint_pos=joints))
    assert change.kind == "glitch" and change.frames == (0,)
    assert motion_quality(mended).verdict == "accept"


def test_teleports_are_joined(walk: MotionClip) -> None:
    turn = quat_from_rotvec(np.array([0.0, 0.0, 1.2]))
    pos, quat = walk.root_pos.copy(), walk.root_quat_wxyz.copy()
    pos[80:] = quat_rotate(turn, pos[80:]) + np.array([5.0, -2.0, 0.0])
    quat[80:] = quat_multiply(turn, quat[80:])
    mended, (change,) = repair(replace(walk, root_pos=pos, root_quat_wxyz=quat))
    assert change.kind == "teleport" and change.applied
    assert same(mended, walk, 0.02)


def test_two_motions_put_together_are_not_joined(walk: MotionClip) -> None:
    joints, pos = walk.joint_pos.copy(), walk.root_pos.copy()
    joints[80:] += 0.5
    pos[80:] += [3.0, 0.0, 0.0]
    broken = replace(walk, joint_pos=joints, root_pos=pos)
    mended, changes = repair(broken, only=("teleport",))
    assert mended is broken
    assert [change.applied for change in changes] == [False]
    assert "cut the clip in two" in changes[0].message


def test_limits_are_kept_and_reported(g1: Robot, walk: MotionClip) -> None:
    knee = g1.joint_names.index("right_knee_joint")
    joints = walk.joint_pos.copy()
    high = g1.joint_limits[knee, 1]
    joints[20:60, knee] = high + 0.2 * np.sin(np.linspace(0, np.pi, 40)[1:-1].repeat(1)).max()
    mended, changes = repair(replace(walk, joint_pos=joints), only=("limits",))
    (change,) = changes
    assert change.joints == ("right_knee_joint",) and change.frames == tuple(range(20, 60))
    assert change.amount == pytest.approx((joints - high)[20:60, knee].max())
    assert mended.joint_pos[:, knee].max() == high


def test_several_flaws_at_once(g1: Robot, walk: MotionClip) -> None:
    """Everything that can be undone exactly enough, injected together, in one call."""
    broken = replace(walk, root_pos=walk.root_pos + UP * 0.07)
    broken = with_joints(broken, g1.joint_names.index("left_elbow_joint"), 45, 0.7)
    wrist = g1.joint_names.index("right_wrist_roll_joint")
    broken = with_joints(broken, wrist, slice(70, None), 2.0 * np.pi)
    mended, changes = repair(broken)
    assert [change.kind for change in changes] == ["wrap", "spike", "float"]
    assert same(mended, walk, 5e-3)
    again, none = repair(mended)
    assert again is mended and not none


def test_only_what_is_asked_for(g1: Robot, walk: MotionClip) -> None:
    broken = with_joints(walk, 3, 45, 0.7)
    broken = replace(broken, root_pos=broken.root_pos + UP * 0.07)
    _, changes = repair(broken, only=("float",))
    assert [change.kind for change in changes] == ["float"]
    with pytest.raises(UnknownNameError, match="did you mean 'float'"):
        repair(broken, only=("flaot",))
    with pytest.raises(RobotError, match="retarget it first"):
        repair(replace(walk, joint_names=(*walk.joint_names[:-1], "no_joint")), g1)
    assert set(REPAIRS) >= {"float", "tilt", "limits"}


def test_a_clip_on_its_own_ground_is_not_levelled(walk: MotionClip) -> None:
    lifted = replace(walk, root_pos=walk.root_pos + UP * 0.5, terrain="stairs.obj")
    mended, changes = repair(lifted)
    assert mended is lifted
    assert [(c.kind, c.applied) for c in changes] == [("tilt", False), ("float", False)]


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_very_short_clips(walk: MotionClip, frames: int) -> None:
    short = walk.cut(0, frames)
    assert repair(short)[0] is short


def test_real_clips_with_lost_tracking(shared_data: Path) -> None:
    for name, wrong in (("004", (0, 1)), ("010", (0,))):
        clip = read_motion(shared_data / f"motions/twist2_g1_npz/yanjie_walk_{name}.npz")
        assert not check_clip(clip).ok
        mended, changes = repair(clip)
        assert check_clip(mended).ok
        assert changes[0].kind == "glitch" and changes[0].frames == wrong
        assert (mended.joint_pos == clip.joint_pos)[len(wrong) :].all()


def test_flips_of_real_ankles_are_spread(shared_data: Path) -> None:
    """Unitree's run jumps from one limit of the ankle to the other within a frame."""
    clip = read_motion(
        shared_data / "motions/lafan1_g1_csv/run1_subject5.csv", robot="unitree_g1", fps=30.0
    )
    mended, changes = repair(clip)
    ankles = {name for change in changes for name in change.joints}
    assert len(changes) > 20 and all("ankle" in name for name in ankles)
    assert motion_quality(mended).metrics["flips"] == 0
    assert ((mended.joint_pos != clip.joint_pos).any(axis=1)).mean() < 0.03
    assert (mended.root_pos == clip.root_pos).all()


def test_floating_video_motion_is_brought_down(shared_data: Path) -> None:
    """ASAP's clips float by up to 15 cm, each by another height at another time."""
    floated = 0
    for path in sorted((shared_data / "motions/asap_g1_npz").glob("*.npz")):
        clip = read_motion(path)
        mended, _ = repair(clip)
        before, after = motion_quality(clip).metrics, motion_quality(mended)
        floated += before["float_share"] > 0.05
        assert after.verdict == "accept", (path.name, after.reasons)
        assert after.metrics["float_share"] < 0.04 and after.metrics["penetration_mean_mm"] < 3.0
        # Heights change, and nothing else, but for the one clip whose last frames are torn off.
        if clip.name != "single_foot_balance_level2":
            assert (mended.joint_pos == clip.joint_pos).all()
            assert (mended.root_pos[:, :2] == clip.root_pos[:, :2]).all()
    assert floated == 16


def test_jump_and_limits_of_the_real_k1(shared_data: Path) -> None:
    clip = read_motion(
        shared_data / "motions/booster_k1_csv/k1_fight_001_30fps.csv", robot="booster_k1", fps=30.0
    )
    mended, changes = repair(clip)
    steps = [change for change in changes if change.kind == "step"]
    assert steps[0].joints == ("Left_Elbow_Yaw",)
    assert steps[0].amount == pytest.approx(2.04, abs=0.01)
    assert motion_quality(mended).verdict == "accept"
    elbow = clip.joint_names.index("Left_Elbow_Yaw")
    assert np.abs(np.diff(clip.joint_pos[214:222, elbow])).max() > 1.0
    assert np.abs(np.diff(mended.joint_pos[214:222, elbow])).max() < 0.4


def test_limits_of_the_real_h1(shared_data: Path) -> None:
    clip = read_motion(
        shared_data / "motions/lafan1_h1_csv/dance1_subject1.csv", robot="unitree_h1", fps=30.0
    )
    mended, (change,) = repair(clip)
    assert change.kind == "limits" and change.amount == pytest.approx(0.19, abs=0.01)
    assert motion_quality(mended).metrics["joint_limit_hits"] == 0
    changed = (mended.joint_pos != clip.joint_pos).any(axis=1)
    assert np.flatnonzero(changed).tolist() == list(change.frames) and changed.mean() < 0.06


def test_a_slope_is_told_from_a_tilt(shared_data: Path) -> None:
    """Walking up a real slope, whose file does not name its terrain, is not levelled."""
    clip = read_motion(shared_data / "motions/terrain/g1_crawl_slope/motion_crawl_slope.npz")
    mended, changes = repair(clip)
    assert mended is clip and [change.applied for change in changes] == [False]
    assert "needs its terrain" in changes[0].message
