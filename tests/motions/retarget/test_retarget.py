"""Whole-clip retargeting end to end: what comes back, what never happens, what stays put."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from mimiclab.errors import MotionError, UnknownNameError
from mimiclab.maths.rotations import quat_angle, quat_from_rotvec, quat_multiply, quat_rotate
from mimiclab.motions.check.feet import foot_contact
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.landmarks import robot_landmarks
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.retarget.feet import soles
from mimiclab.motions.retarget.ground import HeightGrid, ground_from_mesh
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.retarget import retarget
from mimiclab.motions.retarget.solver import solve
from mimiclab.motions.retarget.targets import make_problem
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot


@pytest.fixture(scope="module")
def walked(g1, walk):
    return retarget(walk, g1)


def _well_inside(problem):
    """Frames in which a foot stands flat, and did and will two frames on (T, 2)."""
    return minimum_filter1d(problem.sole_contacts.all(axis=2), 5, axis=0)


@pytest.mark.parametrize("name,start", [("walk", 100), ("squat", 0), ("wave", 20)])
def test_a_robot_retargeted_to_itself_comes_back(g1, name, start):
    clip = builtin_motion(name).cut(start, start + 80)
    again = retarget(clip, g1).clip
    assert (again.name, again.fps, again.num_frames) == (clip.name, clip.fps, clip.num_frames)
    ours, given_motion = body_motion(again, g1), body_motion(clip, g1)
    error = np.linalg.norm(ours.body_pos_w - given_motion.body_pos_w, axis=-1)
    assert error.mean() < 3e-3 and error.max() < 20e-3
    assert np.abs(again.root_pos - clip.root_pos).max() < 6e-3
    assert quat_angle(again.root_quat_wxyz, clip.root_quat_wxyz).max() < 0.05
    joint_error = np.abs(again.joint_pos - clip.joint_pos)
    # Wrists are known only by where knuckles are, and forearms hardly by that.
    seen = [i for i, joint in enumerate(g1.joint_names) if "wrist" not in joint]
    assert joint_error[:, seen].mean() < 0.015 and joint_error[:, seen].max() < 0.15


def test_planted_feet_stay_and_lie_flat(g1, walked):
    motion = body_motion(walked.clip, g1)
    feet = foot_contact(motion, g1)
    inner = _well_inside(walked.problem)
    assert inner.mean() > 0.4
    assert feet.slide_speed[inner].max() < 0.02
    assert np.abs(feet.height[inner]).max() < 2e-3
    assert feet.height.min() > -5e-3
    np.testing.assert_array_equal(walked.clip.foot_contacts, walked.problem.contacts)


def test_turning_and_moving_the_source_turns_and_moves_the_result(g1, walk, walked):
    turn, shift = quat_from_rotvec(np.array([0.0, 0.0, 2.0])), np.array([4.0, -3.0, 0.0])
    moved = replace(
        walk,
        root_pos=quat_rotate(turn, walk.root_pos) + shift,
        root_quat_wxyz=quat_multiply(turn, walk.root_quat_wxyz),
    )
    found, clip = retarget(moved, g1).clip, walked.clip
    np.testing.assert_allclose(found.joint_pos, clip.joint_pos, atol=1e-4)
    # Scaling leaves the first pelvis where it is; legs of equal length scale nothing.
    expected = quat_rotate(turn, clip.root_pos) + shift
    np.testing.assert_allclose(found.root_pos, expected, atol=1e-4)
    turned = quat_multiply(turn, clip.root_quat_wxyz)
    assert quat_angle(found.root_quat_wxyz, turned).max() < 1e-4


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), reach=st.floats(0.0, 3.0))
def test_joint_limits_hold_whatever_is_asked(g1, seed, reach):
    random = np.random.default_rng(seed)
    marks = robot_landmarks(builtin_motion("stand").cut(0, 12))
    wild = marks.pos_w + reach * random.normal(size=marks.pos_w.shape)
    clip = retarget(replace(marks, pos_w=wild), g1).clip
    low, high = g1.joint_limits.T
    assert (clip.joint_pos >= low).all() and (clip.joint_pos <= high).all()


def test_windows_agree_with_the_whole(g1):
    problem = make_problem(robot_landmarks(builtin_motion("walk").cut(0, 260)), g1)
    whole = solve(problem)
    parts = solve(problem, SolveCfg(window_s=2.2, overlap_s=0.8))
    bodies = [forward_kinematics(g1.model, found.qpos)[0] for found in (whole, parts)]
    distance = np.linalg.norm(bodies[0] - bodies[1], axis=-1)
    assert distance.mean() < 1e-3 and distance.max() < 0.02
    # No seam: no step is rougher than those of the whole.
    bend = [np.abs(np.diff(found.qpos, n=2, axis=0)).max(axis=1) for found in (whole, parts)]
    assert (bend[1] < 1.5 * maximum_filter1d(bend[0], 9) + 2e-3).all()


def test_the_first_frame_is_like_the_others(walked):
    steps = np.abs(np.diff(walked.clip.joint_pos, axis=0)).max(axis=1)
    assert steps[0] < 1.5 * steps[1:10].max() + 1e-3


def test_fewer_steps_end_near_the_same_motion(g1, walk, walked):
    quick = retarget(walk, g1, method="quick")
    assert quick.iterations < walked.iterations
    np.testing.assert_allclose(quick.clip.root_pos, walked.clip.root_pos, atol=0.02)
    assert np.abs(quick.clip.joint_pos - walked.clip.joint_pos).mean() < 0.03


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_clips(g1, walk, frames):
    clip = retarget(walk.cut(0, frames), g1).clip
    error = body_motion(clip, g1).body_pos_w - body_motion(walk.cut(0, frames), g1).body_pos_w
    assert np.linalg.norm(error, axis=-1).max() < 0.05


def test_frame_rate_of_the_result(g1, walk):
    clip = retarget(walk, g1, fps=30.0).clip
    assert clip.fps == 30.0 and clip.num_frames == int(np.ceil(walk.duration_s * 30.0))


def test_soles_follow_a_slope(g1, walk):
    x = np.linspace(-6.0, 6.0, 121)
    slope = HeightGrid(np.repeat(0.1 * x[:, None], 121, axis=1), (-6.0, -6.0), 0.1)
    marks = robot_landmarks(walk)
    tilted = marks.pos_w + np.array([0.0, 0.0, 0.1]) * marks.pos_w[..., :1]
    result = retarget(replace(marks, pos_w=tilted), g1, ground=slope)
    motion = body_motion(result.clip, g1)
    inner = _well_inside(result.problem)
    for foot, name in enumerate(g1.feet):
        body = motion.body_names.index(name)
        at = motion.body_pos_w[inner[:, foot], body]
        up = quat_rotate(
            motion.body_quat_wxyz_w[inner[:, foot], body], np.tile([0.0, 0, 1], (len(at), 1))
        )
        normal = np.array([-0.1, 0.0, 1.0]) / np.hypot(0.1, 1.0)
        assert len(at) > 10
        assert np.arccos((up @ normal).clip(-1, 1)).max() < 0.03
        distance = (at - [0, 0, 0]) @ normal - 0.035  # ankle above the sole
        assert np.abs(distance).max() < 4e-3


@pytest.mark.parametrize(
    "name",
    ["unitree_h1", "unitree_h1_2", "booster_t1", "booster_t1_29", "booster_k1", "pnd_adam_lite",
     "dm_cmu_humanoid"],
)  # fmt: skip
def test_every_robot_walks_like_the_g1(name, walk):
    robot = get_robot(name)
    result = retarget(walk, robot)
    clip, problem = result.clip, result.problem
    low, high = robot.joint_limits.T
    assert clip.joint_names == robot.joint_names
    assert (clip.joint_pos >= low).all() and (clip.joint_pos <= high).all()
    motion = body_motion(clip, robot)
    feet = foot_contact(motion, robot)
    inner = _well_inside(problem)
    assert feet.slide_speed[inner].max() < 0.05
    assert feet.height.min() > -0.012
    marks = robot_landmarks(clip)
    columns = [marks.names.index(n) for n in problem.landmark_names]
    error = np.linalg.norm(marks.pos_w[:, columns] - problem.target_pos, axis=-1)
    assert error.mean() < 0.04
    # Heading is kept: hips point the way they did.
    for side in (marks, robot_landmarks(walk)):
        across = side.of("left_hip") - side.of("right_hip")
        assert (across[:, 1] > 0.8 * np.linalg.norm(across, axis=1)).all()


def test_a_person_becomes_a_robot_as_good_as_the_published_one(g1, shared_data):
    """Four seconds of LAFAN1 against Unitree's own retarget of them, by measures of the clip."""
    person = read_human(
        shared_data / "bvh/lafan1/dance1_subject1_f0-1799.bvh", frame_range=(300, 420)
    )
    ours = retarget(person, g1).clip
    table = np.loadtxt(shared_data / "motions/lafan1_g1_csv/dance1_subject1.csv", delimiter=",")[
        300:420
    ]
    theirs = MotionClip(
        name="given",
        robot=g1.name,
        fps=30.0,
        joint_names=g1.joint_names,
        root_pos=table[:, :3],
        root_quat_wxyz=table[:, [6, 3, 4, 5]],
        joint_pos=table[:, 7:],
    )
    slide, jerk, depth = [], [], []
    for clip in (ours, theirs):
        feet = foot_contact(body_motion(clip, g1), g1)
        slide.append(feet.slide_speed[feet.standing].mean())
        depth.append(-feet.height.min())
        jerk.append(np.sqrt((np.diff(clip.joint_pos, n=3, axis=0) ** 2).mean()) * 30.0**3)
    assert slide[0] < slide[1] and jerk[0] < jerk[1] and depth[0] < max(depth[1], 5e-3)
    # The same dance: joints that landmarks show move together.
    for joint in ("left_knee_joint", "right_hip_pitch_joint", "left_elbow_joint"):
        column = g1.joint_names.index(joint)
        together = np.corrcoef(ours.joint_pos[:, column], theirs.joint_pos[:, column])[0, 1]
        assert together > 0.8, joint


def test_windows_must_share_something():
    with pytest.raises(MotionError, match="at most half a window"):
        SolveCfg(window_s=1.0, overlap_s=0.9)


def test_unknown_methods_are_named(g1, walk):
    with pytest.raises(UnknownNameError, match="batch"):
        retarget(walk, g1, method="magic")  # type: ignore[arg-type]


def test_one_robots_motion_becomes_anothers(g1, shared_data):
    """Unitree's H1 retarget of a dance, made a G1 motion, against their G1 retarget of it."""
    clips = {}
    for name, robot, columns in (("h1", "unitree_h1", 26), ("g1", "unitree_g1", 36)):
        path = shared_data / f"motions/lafan1_{name}_csv/dance1_subject1.csv"
        table = np.loadtxt(path, delimiter=",", skiprows=300, max_rows=150)
        assert table.shape[1] == columns
        clips[name] = MotionClip(
            name=name,
            robot=robot,
            fps=30.0,
            joint_names=get_robot(robot).joint_names,
            root_pos=table[:, :3],
            root_quat_wxyz=table[:, [6, 3, 4, 5]],
            joint_pos=table[:, 7:],
        )
    result = retarget(clips["h1"], g1)
    assert result.problem.travel_scale == pytest.approx(0.78, abs=0.01)
    for joint in ("left_knee_joint", "right_knee_joint", "left_hip_pitch_joint"):
        column = g1.joint_names.index(joint)
        ours, theirs = result.clip.joint_pos[:, column], clips["g1"].joint_pos[:, column]
        assert np.corrcoef(ours, theirs)[0, 1] > 0.9, joint


def test_a_climb_goes_up_the_scaled_boxes(g1, shared_data):
    folder = shared_data / "motions/terrain/human_climb_seq_1"
    ground = ground_from_mesh(folder / "multi_boxes.obj")
    path = next(folder.glob("*.npy"))
    person = read_human(path, fps=120.0)
    result = retarget(person, g1, fps=30.0, ground=ground)
    boxes, motion = result.problem.ground, body_motion(result.clip, g1)
    assert boxes.highest == pytest.approx(result.problem.travel_scale * ground.highest)
    depths = []
    for sole in soles(g1):
        arms = np.broadcast_to(sole.points.centres, (motion.num_frames, *sole.points.centres.shape))
        turn = motion.body_quat_wxyz_w[:, sole.body, None]
        place = motion.body_pos_w[:, sole.body, None] + quat_rotate(turn, arms)
        height, _ = boxes.sample(place[..., :2])
        depths.append((height + sole.points.radii - place[..., 2]).max(axis=1))
        standing = height.min(axis=1)[result.problem.sole_contacts[:, len(depths) - 1].all(axis=1)]
        assert standing.max() > 0.5  # on the higher box
    # Edges are steep, so a toe may cut a corner for a moment.
    assert np.percentile(depths, 97) < 0.015
