"""Statistics of clips whose speeds, contacts, coverage and duplicates are known beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mimiclab.maths.rotations import quat_multiply, quat_rotate
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import resample
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.sets.near_duplicates import descriptor, find_near_duplicates
from mimiclab.motions.sets.stats import clip_stats, set_stats
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import Robot


def still(g1: Robot, frames: int = 101, **changes) -> MotionClip:
    """The default stance on the ground, 50 frames per second."""
    stance = builtin_motion("stand")
    clip = MotionClip(
        name="still",
        robot=g1.name,
        fps=50.0,
        joint_names=g1.joint_names,
        root_pos=np.repeat(stance.root_pos[:1], frames, axis=0),
        root_quat_wxyz=np.repeat(stance.root_quat_wxyz[:1], frames, axis=0),
        joint_pos=np.repeat(stance.joint_pos[:1], frames, axis=0),
    )
    return replace(clip, **changes)


def test_speeds_of_a_glide_along_a_circle(g1: Robot) -> None:
    t = np.arange(201) / 50.0
    turn, speed = 0.5, 0.8  # rad/s, m/s: a circle of 1.6 m radius
    clip = still(g1, 201)
    zero = np.zeros_like(t)
    quat = np.stack([np.cos(turn * t / 2), zero, zero, np.sin(turn * t / 2)], axis=1)
    radius = speed / turn
    path = np.stack([radius * np.sin(turn * t), radius * (1 - np.cos(turn * t))], axis=1)
    clip = replace(
        clip,
        root_quat_wxyz=quat,
        root_pos=np.concatenate([path, clip.root_pos[:, 2:]], axis=1),
    )
    found = clip_stats(clip).numbers
    assert found["speed_mean_m_s"] == pytest.approx(0.8, abs=1e-4)
    assert found["speed_p95_m_s"] == pytest.approx(0.8, abs=1e-4)
    assert found["yaw_mean_rad_s"] == pytest.approx(0.5, abs=1e-9)
    assert found["path_m"] == pytest.approx(0.8 * 4.0, abs=1e-3)
    assert (found["duration_s"], found["frames"], found["fps"]) == (4.0, 201, 50.0)
    # Feet glide with it: they stand, as standing asks for height and no rise.
    assert found["contact_left"] == found["contact_right"] == 1.0


def test_contact_of_standing_floating_and_one_foot(g1: Robot) -> None:
    clip = still(g1)
    found = clip_stats(clip).numbers
    assert found["contact_both"] == 1.0 and found["contact_none"] == found["airborne"] == 0.0
    high = clip_stats(replace(clip, root_pos=clip.root_pos + np.array([0.0, 0.0, 0.5]))).numbers
    assert high["contact_none"] == high["airborne"] == 1.0
    assert high["airborne_longest_s"] == pytest.approx(101 / 50.0)
    # The left leg bent: knee by 1.2 rad, hip by -0.6, which lifts the foot.
    joints = np.array(clip.joint_pos)
    joints[:, g1.joint_names.index("left_knee_joint")] += 1.2
    joints[:, g1.joint_names.index("left_hip_pitch_joint")] -= 0.6
    one = clip_stats(replace(clip, joint_pos=joints)).numbers
    assert (one["contact_left"], one["contact_right"], one["contact_both"]) == (0.0, 1.0, 0.0)
    assert one["airborne"] == 0.0
    # Up for 30 of 101 frames; at both steps of the height the speed is not small either.
    up = np.zeros(101)
    up[40:70] = 0.4
    jump = clip_stats(replace(clip, root_pos=clip.root_pos + up[:, None] * [0.0, 0.0, 1.0])).numbers
    assert jump["airborne"] == pytest.approx(30 / 101)
    assert jump["airborne_longest_s"] == pytest.approx(30 / 50.0)
    assert jump["contact_none"] == pytest.approx(32 / 101)


def test_coverage_counts_twentieths_of_the_range(g1: Robot) -> None:
    clip = still(g1)
    knee = g1.joint_names.index("right_knee_joint")
    low, high = g1.joint_limits[knee]
    joints = np.array(clip.joint_pos)
    joints[:, knee] = np.linspace(low, high, 101)
    whole = replace(clip, name="whole", joint_pos=joints)
    joints = np.array(joints)
    joints[:, knee] = np.linspace(low, low + 0.24 * (high - low), 101)  # parts 0 to 4
    part = replace(clip, name="part", joint_pos=joints)
    robot = g1.name
    assert set_stats([clip_stats(whole)], robot).coverage["right_knee_joint"] == 1.0
    both = set_stats([clip_stats(part), clip_stats(clip)], robot)
    assert both.coverage["left_elbow_joint"] == pytest.approx(1 / 20)
    still_part = int((clip.joint_pos[0, knee] - low) / (high - low) * 20)
    assert both.coverage["right_knee_joint"] == pytest.approx(len({0, 1, 2, 3, 4, still_part}) / 20)
    joint = both.to_json()["joints"]["right_knee_joint"]
    assert joint["min_rad"] == pytest.approx(low)
    assert joint["limits_rad"] == pytest.approx([low, high])


def test_document_sums_up(g1: Robot) -> None:
    clips = [
        replace(still(g1, 51), name="walk1"),  # 1 s
        replace(still(g1, 151), name="walkAndRun", tags=("mine",)),  # 3 s
        replace(still(g1, 101), name="other"),  # 2 s
    ]
    found = set_stats([clip_stats(clip) for clip in clips], g1.name)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["totals"]["clips"] == 3
    assert document["totals"]["minutes"] == pytest.approx(6.0 / 60.0)
    assert document["totals"]["duration_median_s"] == pytest.approx(2.0)
    assert document["totals"]["duration_deviation_s"] == pytest.approx(np.sqrt(2.0 / 3.0))
    rows = {row["tag"]: (row["clips"], round(row["share"], 6)) for row in document["tags"]}
    assert rows == {
        "walk": (2, round(4 / 6, 6)),
        "mine": (1, 0.5),
        "run": (1, 0.5),
        "(none)": (1, round(2 / 6, 6)),
    }
    assert [clip["name"] for clip in document["clips"]] == ["walk1", "walkAndRun", "other"]


def elsewhere(clip: MotionClip) -> MotionClip:
    """Somewhere else on the ground, turned by 2 rad."""
    turn = np.array([np.cos(1.0), 0.0, 0.0, np.sin(1.0)])
    pos = quat_rotate(turn, clip.root_pos) + np.array([3.0, -2.0, 0.0])
    return replace(clip, root_pos=pos, root_quat_wxyz=quat_multiply(turn, clip.root_quat_wxyz))


def test_copies_are_found_and_others_are_not(g1: Robot) -> None:
    walk, wave = builtin_motion("walk"), builtin_motion("wave")
    rng = np.random.default_rng(0)
    noisy = replace(walk, joint_pos=walk.joint_pos + rng.normal(0.0, 0.01, walk.joint_pos.shape))
    clips = {
        "walk": walk,
        "wave": wave,
        "moved": elsewhere(walk),
        "noisy": noisy,
        "resampled": resample(walk, 30.0),
        "later": walk.cut(1, walk.num_frames),
        "image": mirror_clip(walk),
        "fast": replace(walk, fps=65.0),
        "half": walk.cut(0, walk.num_frames // 2),
        "squat": builtin_motion("squat"),
    }
    named = [replace(clip, name=name) for name, clip in clips.items()]
    near = set_stats([clip_stats(clip) for clip in named], g1.name).to_json()["near_duplicates"]
    assert near["groups"] == [["walk", "moved", "noisy", "resampled", "later"]]
    pairs = {frozenset(pair["clips"]) for pair in near["mirrored"]}
    for name in ("walk", "moved", "noisy", "resampled", "later"):
        assert frozenset((name, "image")) in pairs
    assert not any({"wave", "fast", "half"} & pair for pair in pairs)


def test_distance_is_the_difference_of_the_joints_in_radians(sway: MotionClip) -> None:
    point = descriptor(sway)
    shifted = replace(sway, joint_pos=sway.joint_pos + 0.03)
    assert np.linalg.norm(descriptor(shifted) - point) == pytest.approx(0.03)
    np.testing.assert_allclose(descriptor(elsewhere(sway)), point, atol=1e-12)


@given(
    count=st.integers(2, 60),
    size=st.integers(1, 30),
    near=st.floats(0.01, 2.0),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_search_finds_what_comparing_all_pairs_does(
    count: int, size: int, near: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    points, images = rng.normal(size=(2, count, size))
    points[count // 2] = points[0] + 0.5 * near / np.sqrt(size)
    if count > 33:  # more neighbours than are compared: spread the rest
        points[1:] += 50.0 * np.arange(1, count)[:, None]
        points[count // 2] = points[0] + 0.5 * near / np.sqrt(size)
    found = find_near_duplicates(points, images, near)
    close = cdist(points, points) <= near
    # Transitive closure, the slow way.
    for _ in range(count):
        close = (close.astype(int) @ close.astype(int)) > 0
    groups = {tuple(np.flatnonzero(row).tolist()) for row in close if row.sum() > 1}
    assert {tuple(group) for group in found.groups} == groups
    far = cdist(images, points)
    pairs = {(min(i, j), max(i, j)) for i, j in np.argwhere(far <= near).tolist() if i != j}
    assert {(i, j) for i, j, _ in found.mirrored} == pairs


def test_thousands_of_clips_take_a_second() -> None:
    import time

    rng = np.random.default_rng(1)
    points = rng.normal(size=(4000, 1153))
    points[3000] = points[17] + 1e-4
    images = rng.normal(size=points.shape)
    images[2000] = points[99]
    began = time.perf_counter()
    found = find_near_duplicates(points, images)
    assert time.perf_counter() - began < 20.0  # a second on an idle core
    assert found.groups == [[17, 3000]]
    assert [(i, j) for i, j, _ in found.mirrored] == [(99, 2000)]
