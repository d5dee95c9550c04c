"""Targets by hand: lengths of limbs, heights, travel, feet; and what they keep."""

from dataclasses import replace

import numpy as np
import pytest

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.human.landmarks import LandmarkMotion
from mimiclab.motions.retarget.ground import HeightGrid
from mimiclab.motions.retarget.proportions import LEGS, pitch_feet, stature
from mimiclab.motions.retarget.targets import make_problem
from mimiclab.robots.robot import LANDMARKS

_STANDING = {
    "pelvis": (0, 0, 0.95), "chest": (0, 0, 1.45), "neck": (0, 0, 1.5), "head": (0, 0, 1.65),
    "hip": (0, 0.1, 0.95), "knee": (0, 0.1, 0.5), "ankle": (0, 0.1, 0.1), "toe": (0.15, 0.1, 0.03),
    "shoulder": (0, 0.2, 1.45), "elbow": (0, 0.2, 1.15), "wrist": (0, 0.2, 0.9),
    "hand": (0, 0.2, 0.8),
}  # fmt: skip


def _person(frames=40, speed=0.0) -> LandmarkMotion:
    """Somebody standing, thigh 0.45 m and shank 0.4 m, who glides along x."""
    points = []
    for name in LANDMARKS:
        x, y, z = _STANDING[name.removeprefix("left_").removeprefix("right_")]
        points.append((x, -y if name.startswith("right") else y, z))
    pos = np.tile(np.array(points), (frames, 1, 1))
    pos[..., 0] += speed * np.arange(frames)[:, None] / 30.0
    return LandmarkMotion(name="person", fps=30.0, names=LANDMARKS, pos_w=pos)


def _of(problem, name):
    return problem.target_pos[:, problem.landmark_names.index(name)]


def test_lengths_are_the_robots_and_directions_the_persons(g1):
    problem, body = make_problem(_person(), g1), stature(g1)
    # By the model: knee 0.317 below the knee's axis, thigh from hip roll to knee in the default
    # pose; legs of a person are 0.85.
    thigh = np.linalg.norm(body.of("left_knee") - body.of("left_hip"))
    shank = np.linalg.norm(body.of("left_ankle") - body.of("left_knee"))
    assert body.leg == pytest.approx(thigh + shank, abs=1e-4)
    assert problem.travel_scale == pytest.approx((thigh + shank) / 0.85, rel=1e-4)
    assert problem.limb_scales["left_knee"] == pytest.approx(thigh / 0.45, rel=1e-6)
    assert problem.limb_scales["right_wrist"] == pytest.approx(
        np.linalg.norm(body.of("right_wrist") - body.of("right_elbow")) / 0.25, rel=1e-6
    )
    # Straight down from the hip stays straight down, and ankles come to stand at their height.
    np.testing.assert_allclose(
        _of(problem, "left_knee")[0], _of(problem, "left_hip")[0] - [0, 0, thigh], atol=1e-9
    )
    ankle = _of(problem, "left_ankle")[0]
    assert ankle[2] == pytest.approx(body.ankle_height, abs=1e-3)
    assert body.ankle_height == pytest.approx(0.035, abs=1e-3)
    # A flat foot of the person is a flat foot of the robot.
    toe = _of(problem, "left_toe")[0] - ankle
    flat = body.of("left_toe") - body.of("left_ankle")
    np.testing.assert_allclose(toe[2], flat[2], atol=1e-6)
    assert problem.contacts.all()


def test_travel_and_height_scale_with_the_leg(g1):
    person = _person(speed=0.3)
    raised = replace(person, pos_w=person.pos_w + np.array([5.0, 1.0, 0.4]))
    problem = make_problem(raised, g1)
    pelvis = _of(problem, "pelvis")
    distance = 0.3 * 39 / 30
    assert pelvis[0, 0] == pytest.approx(5.0) and pelvis[0, 1] == pytest.approx(1.0)
    assert pelvis[-1, 0] - pelvis[0, 0] == pytest.approx(problem.travel_scale * distance)
    # The ground is where feet stand, whatever the file's zero is.
    body = stature(g1)
    assert pelvis[0, 2] == pytest.approx(body.ankle_height + body.leg, abs=1e-3)
    trusted = make_problem(raised, g1, align_ground=False)
    assert _of(trusted, "pelvis")[0, 2] == pytest.approx(
        body.ankle_height + problem.travel_scale * (0.4 + 0.95 - 0.068), abs=1e-3
    )
    assert make_problem(raised, g1, travel_scale=1.0).target_pos[-1, 0, 0] == pytest.approx(
        5.0 + distance
    )


def test_a_step_up_scales_with_the_travel(g1):
    heights = np.zeros((100, 20))
    heights[50:] = 0.3  # a block from x = 0 on
    ground = HeightGrid(heights, (-5.0, -1.0), 0.1)
    person = _person(frames=2)
    low = replace(person, pos_w=np.tile(person.pos_w[:1], (60, 1, 1)) - [1.0, 0, 0])
    pos = low.pos_w.copy()
    pos[30:] += [2.0, 0.0, 0.3]
    problem = make_problem(replace(low, pos_w=pos), g1, ground=ground)
    rise = _of(problem, "pelvis")[-1, 2] - _of(problem, "pelvis")[0, 2]
    assert rise == pytest.approx(0.3 * problem.travel_scale, abs=1e-3)
    foot = _of(problem, "left_ankle")[-1]
    assert problem.ground.sample(foot[None, :2])[0][0] == pytest.approx(0.3 * problem.travel_scale)
    assert problem.contacts[[0, -1]].all()


def test_turning_or_moving_the_person_turns_or_moves_the_targets(g1, walk_marks):
    angle = 1.1
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]]
    )
    moved = replace(walk_marks, pos_w=walk_marks.pos_w @ turn.T + [3.0, -2.0, 0.0])
    a, b = make_problem(walk_marks, g1), make_problem(moved, g1)
    start = a.centre @ turn[:2, :2].T + [3.0, -2.0]
    expected = (a.target_pos - [*a.centre, 0.0]) @ turn.T + [*start, 0.0]
    np.testing.assert_allclose(b.target_pos, expected, atol=1e-9)
    np.testing.assert_array_equal(a.sole_contacts, b.sole_contacts)


def test_feet_pitch_about_their_own_side():
    names = LANDMARKS
    pos = _person(frames=1).pos_w
    up = pitch_feet(pos, names, 0.2)
    for _, _, ankle, toe in LEGS:
        before = pos[0, names.index(toe)] - pos[0, names.index(ankle)]
        after = up[0, names.index(toe)] - up[0, names.index(ankle)]
        assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before))
        assert np.arctan2(after[2], after[0]) == pytest.approx(
            np.arctan2(before[2], before[0]) + 0.2
        )
        assert after[1] == pytest.approx(0.0)


def test_pelvis_and_toes_are_made_up_where_a_map_lacks_them(g1):
    person = _person()
    few = tuple(n for n in LANDMARKS if "toe" not in n and n not in ("pelvis", "neck", "head"))
    pos = person.pos_w[:, [LANDMARKS.index(n) for n in few]]
    problem = make_problem(replace(person, names=few, pos_w=pos), g1)
    toe = _of(problem, "left_toe") - _of(problem, "left_ankle")
    assert (toe[:, 0] > 0.05).all() and np.abs(toe[:, 1]).max() < 1e-9
    assert "head" not in problem.landmark_names


def test_resampling_keeps_duration_and_place(g1):
    problem = make_problem(_person(frames=61, speed=1.0), g1, fps=50.0)
    assert problem.num_frames == 100 and problem.fps == 50.0
    x = _of(problem, "pelvis")[:, 0]
    np.testing.assert_allclose(np.diff(x), problem.travel_scale / 50.0, rtol=1e-6)


def test_wrong_wishes_are_named(g1):
    with pytest.raises(MotionError, match="travel_scale is -1"):
        make_problem(_person(), g1, travel_scale=-1)
    with pytest.raises(MotionError, match="weights name no landmark: tail"):
        make_problem(_person(), g1, weights={"tail": 1.0})
    with pytest.raises(MotionError, match="give a positive number"):
        make_problem(_person(), g1, fps=-3)
    legless = tuple(n for n in LANDMARKS if "knee" not in n)
    person = _person()
    pos = person.pos_w[:, [LANDMARKS.index(n) for n in legless]]
    with pytest.raises(MotionError, match="lack left_knee, right_knee"):
        make_problem(replace(person, names=legless, pos_w=pos), g1)
    with pytest.raises(RobotError, match="no landmarks pelvis"):
        make_problem(person, replace(g1, landmarks={}))


def test_weights_count_for_both_sides_or_one(g1):
    problem = make_problem(_person(), g1, weights={"knee": 5.0, "left_hand": 0.0})
    weight = dict(zip(problem.landmark_names, problem.weights, strict=True))
    assert weight["left_knee"] == weight["right_knee"] == 5.0
    assert weight["left_hand"] == 0.0 and weight["right_hand"] > 0.0
