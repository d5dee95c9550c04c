"""Quality numbers against values known by construction, and real clips against what they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionError
from mimiclab.motions.check.feet import falling, stretches
from mimiclab.motions.check.quality import QUALITY_LIMITS, Threshold, motion_quality
from mimiclab.motions.check.quality_metrics import QUALITY_METRICS
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion
from mimiclab.motions.human.landmarks import robot_landmarks
from mimiclab.motions.synthesis import builtin_motion, builtin_names
from mimiclab.robots import Robot


@pytest.fixture(scope="module")
def stand() -> MotionClip:
    return builtin_motion("stand")


def moved(clip: MotionClip, path: np.ndarray) -> MotionClip:
    """The clip with (T, 3) or (3,) added to the root, m."""
    return replace(clip, root_pos=clip.root_pos + path)


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_motions_are_accepted(name: str) -> None:
    report = motion_quality(builtin_motion(name))
    assert report.verdict == "accept" and not report.reasons
    assert set(report.metrics) == {k for k in QUALITY_METRICS if not k.startswith("landmark")}


def test_sliding_at_a_known_speed(stand: MotionClip) -> None:
    t = np.arange(stand.num_frames)[:, None] / stand.fps
    report = motion_quality(moved(stand, t * [0.3, 0.4, 0.0]))
    assert report.metrics["skate_m_s"] == pytest.approx(0.5, abs=1e-6)
    assert report.metrics["skate_share"] == report.metrics["contact_share"] == 1.0
    assert report.verdict == "repair" and "skate_m_s" in str(report.reasons[0])
    slow = motion_quality(moved(stand, t * [0.1, 0.0, 0.0])).metrics
    assert (slow["skate_share"], slow["skate_m_s"]) == (0.0, pytest.approx(0.1, abs=1e-6))


def test_skate_counts_the_contacts_it_is_given(stand: MotionClip) -> None:
    """Sliding only in the second half, which `contacts` leaves out or names alone."""
    t = np.arange(stand.num_frames) / stand.fps
    start = t[100]
    slid = moved(stand, np.maximum(t - start, 0.0)[:, None] * [0.6, 0.0, 0.0])
    first = np.repeat((t < start - 0.05)[:, None], 2, axis=1)
    last = np.repeat((t > start + 0.05)[:, None], 2, axis=1)
    assert motion_quality(slid, contacts=first).metrics["skate_m_s"] < 1e-6
    assert motion_quality(slid, contacts=last).metrics["skate_m_s"] == pytest.approx(0.6)
    with pytest.raises(MotionError, match="bring both to the same"):
        motion_quality(slid, contacts=first[1:])


def test_known_depth_and_height(stand: MotionClip) -> None:
    sunk = motion_quality(moved(stand, np.array([0.0, 0.0, -0.04]))).metrics
    assert sunk["penetration_mean_mm"] == pytest.approx(40.0, abs=0.1)
    assert sunk["penetration_max_mm"] == pytest.approx(40.0, abs=0.1)
    assert sunk["penetration_share"] == 1.0 and sunk["float_share"] == 0.0
    high = motion_quality(moved(stand, np.array([0.0, 0.0, 0.10])))
    assert high.metrics["float_share"] == 1.0 and high.metrics["flight_share"] == 0.0
    assert high.verdict == "repair"


def test_a_jump_is_no_float_and_hovering_is(stand: MotionClip) -> None:
    t = np.arange(stand.num_frames) / stand.fps
    ballistic = np.clip(2.5 * (t - 1.0) - 0.5 * 9.81 * (t - 1.0) ** 2, 0.0, None)
    ballistic[t < 1.0] = 0.0
    jump = motion_quality(moved(stand, ballistic[:, None] * [0, 0, 1])).metrics
    high = float((ballistic > 0.03).mean())
    assert jump["flight_share"] == pytest.approx(high) and jump["float_share"] == 0.0
    hover = 0.2 * ((t > 1.0) & (t < 1.5))
    found = motion_quality(moved(stand, hover[:, None] * [0, 0, 1])).metrics
    # The frames of take-off and landing belong to the hover as well.
    assert found["flight_share"] == 0.0 and found["float_share"] == pytest.approx(
        (hover > 0).mean()
    )


def test_stretches_and_falling_of_a_parabola() -> None:
    assert stretches(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert stretches(np.zeros(4, bool)) == []
    t = np.arange(30) / 30.0
    air = (t > 0.2) & (t < 0.7)
    for gravity, falls in ((9.81, True), (5.0, True), (1.0, False), (-3.0, False)):
        assert falling(-0.5 * gravity * t**2, 30.0, air).tolist() == (air & falls).tolist()


def test_jerk_of_a_cubic_is_its_third_derivative(g1: Robot, stand: MotionClip) -> None:
    t = np.arange(stand.num_frames) / stand.fps
    joints = stand.joint_pos.copy()
    joints[:, g1.joint_names.index("waist_yaw_joint")] += 0.01 * t**3
    found = motion_quality(replace(stand, joint_pos=joints)).metrics
    assert found["joint_jerk_mean"] * g1.num_joints == pytest.approx(0.06, rel=1e-3)
    lifted = moved(stand, (0.01 * t**3)[:, None] * [1.0, 0.0, 0.0])
    assert motion_quality(lifted).metrics["end_effector_jerk_mean"] == pytest.approx(0.06, rel=1e-3)


def test_limits_flips_and_first_frame(g1: Robot, stand: MotionClip) -> None:
    knee, yaw = map(g1.joint_names.index, ("left_knee_joint", "waist_yaw_joint"))
    joints = stand.joint_pos.copy()
    joints[10:15, knee] = g1.joint_limits[knee, 1] + 0.07
    joints[60, yaw] += 0.9
    joints[100:, yaw] += 0.5
    found = motion_quality(replace(stand, joint_pos=joints)).metrics
    assert found["joint_limit_hits"] == 5
    assert found["joint_limit_max_rad"] == pytest.approx(0.07)
    minutes = stand.num_frames / stand.fps / 60.0
    # In and out of the bent knee, the spike and the step.
    assert found["flips"] == 4 and found["flips_per_min"] == pytest.approx(4 / minutes)
    joints = stand.joint_pos.copy()
    joints[0, yaw] += 0.3
    begun = motion_quality(replace(stand, joint_pos=joints))
    assert begun.metrics["first_step_ratio"] == pytest.approx(0.3 / 0.04)
    assert begun.metrics["first_joint_speed_rad_s"] == pytest.approx(0.3 * stand.fps)
    assert [reason.metric for reason in begun.reasons] == ["first_step_ratio"]


def test_landmark_error_of_a_known_shift(stand: MotionClip) -> None:
    targets = robot_landmarks(stand)
    assert motion_quality(stand, targets).metrics["landmark_error_mean_mm"] < 1e-9
    report = motion_quality(moved(stand, np.array([0.03, 0.04, 0.0])), targets)
    assert report.metrics["landmark_error_mean_mm"] == pytest.approx(50.0)
    assert report.metrics["landmark_error_p95_mm"] == pytest.approx(50.0)
    assert set(report.landmark_error_mm) == set(targets.names)
    assert all(value == pytest.approx(50.0) for value in report.landmark_error_mm.values())


def test_verdict_is_the_strictest_and_json_is_json(stand: MotionClip) -> None:
    assert [Threshold(1.0, 2.0).grade(x) for x in (1.0, 1.5, 2.5)] == ["accept", "repair", "reject"]
    far = moved(stand, np.array([1.0, 0.0, 0.1]))
    report = motion_quality(far, robot_landmarks(stand))
    assert report.verdict == "reject"
    assert [reason.metric for reason in report.reasons] == ["landmark_error_mean_mm", "float_share"]
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert document["verdict"] == "reject" and document["reasons"][0].endswith("> 200")
    lenient = dict(QUALITY_LIMITS) | {"landmark_error_mean_mm": Threshold(5000.0, 9000.0)}
    assert motion_quality(far, robot_landmarks(stand), thresholds=lenient).verdict == "repair"


def test_a_single_frame_has_a_quality(stand: MotionClip) -> None:
    report = motion_quality(stand.cut(0, 1))
    assert report.verdict == "accept" and report.metrics["joint_jerk_mean"] == 0.0


def test_real_clips_are_told_apart(shared_data: Path) -> None:
    """Walking by Unitree is sound; TWIST2's with lost tracking teleport and start unsettled."""
    folder = shared_data / "motions"
    walk = read_motion(folder / "lafan1_g1_csv/walk4_subject1.csv", robot="unitree_g1", fps=30.0)
    assert motion_quality(walk).verdict == "accept"
    lost = motion_quality(read_motion(folder / "twist2_g1_npz/yanjie_walk_004.npz"))
    assert lost.metrics["root_jumps"] == 2 and lost.verdict == "repair"
