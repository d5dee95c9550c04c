"""The built-in motions, judged by MuJoCo's inverse dynamics and contact geometry, not by us."""

import time
from dataclasses import dataclass, replace

import mujoco
import numpy as np
import pytest

from mimiclab.errors import MotionError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.synthesis import builtin_motion, builtin_names, builtin_params

CONTACT_M = 0.002
"""A foot whose lowest capsule is within this of the ground may push."""


@dataclass
class Physics:
    """What MuJoCo says of a clip's frames."""

    speed: np.ndarray
    """Generalised velocities by central differences (T, 35)."""
    force: np.ndarray
    """What the ground has to push (T, 3), N."""
    torque: np.ndarray
    """Joint torques without the ground's reaction through the legs (T, 29), N m."""
    zmp: np.ndarray
    """Where it has to push (T, 2); NaN in flight."""
    margin: np.ndarray
    """Distance of the push from the edge of the soles on the ground (T,), m; NaN in flight."""
    height: np.ndarray
    """Lowest point of the left and the right sole (T, 2), m."""
    skate: np.ndarray
    """Horizontal speed of the fastest sole point of a foot on the ground (T-1,), m/s."""
    overlap: list[tuple[str, str]]
    """Pairs of geoms of the robot that touch each other."""


def judge(robot, clip: MotionClip) -> Physics:
    spec = robot.spec_fn()
    for name, armature in zip(robot.joint_names, robot.armature, strict=True):
        spec.joint(name).armature = armature
    model = spec.compile()
    data = mujoco.MjData(model)
    dt, frames = 1.0 / clip.fps, clip.num_frames
    qpos = np.concatenate([clip.root_pos, clip.root_quat_wxyz, clip.joint_pos], axis=1)
    step = np.zeros((frames - 1, model.nv))
    for t in range(frames - 1):
        mujoco.mj_differentiatePos(model, step[t], dt, qpos[t], qpos[t + 1])
    speed, acceleration = np.zeros((2, frames, model.nv))
    speed[1:-1] = 0.5 * (step[1:] + step[:-1])
    acceleration[1:-1] = (step[1:] - step[:-1]) / dt
    geoms = [[f"{side}_foot{i}_collision" for i in range(1, 8)] for side in ("left", "right")]
    force, torque = np.zeros((frames, 3)), np.zeros((frames, 29))
    zmp, margin = np.full((frames, 2), np.nan), np.full(frames, np.nan)
    points = np.zeros((frames, 2, 14, 3))
    overlap = []
    for t in range(frames):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos[t], speed[t], acceleration[t]
        mujoco.mj_fwdPosition(model, data)
        overlap += [(model.geom(c.geom1).name, model.geom(c.geom2).name) for c in data.contact]
        for side in range(2):
            for i, name in enumerate(geoms[side]):
                geom = data.geom(name)
                along = geom.xmat.reshape(3, 3)[:, 2] * model.geom(name).size[1]
                down = np.array([0.0, 0.0, model.geom(name).size[0]])
                points[t, side, 2 * i] = geom.xpos + along - down
                points[t, side, 2 * i + 1] = geom.xpos - along - down
        mujoco.mj_inverse(model, data)
        force[t], torque[t] = data.qfrc_inverse[:3], data.qfrc_inverse[6:]
        about_root = data.xmat[1].reshape(3, 3) @ data.qfrc_inverse[3:6]
        moment = about_root + np.cross(data.xpos[1], force[t])
        standing = [p for p in points[t] if p[:, 2].min() < CONTACT_M]
        if force[t, 2] > 30.0 and standing:
            zmp[t] = [-moment[1] / force[t, 2], moment[0] / force[t, 2]]
            margin[t] = _margin(zmp[t], np.concatenate(standing)[:, :2])
    height = points[..., 2].min(axis=2)
    slide = np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1).max(axis=-1) / dt
    low = np.maximum(height[1:], height[:-1]) < CONTACT_M
    skate = np.where(low, slide, 0.0).max(axis=1)
    return Physics(speed, force, torque, zmp, margin, height, skate, overlap)


def _margin(point: np.ndarray, support: np.ndarray) -> float:
    """Distance of a point from the edge of the convex hull of points (K, 2); negative outside.

    The hull's support function in many directions: exact but for the spacing of the directions.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    normals = np.stack([np.cos(angle), np.sin(angle)])
    return float(((support @ normals).max(axis=0) - point @ normals).min())


@pytest.fixture(scope="module")
def physics(g1):
    cache = {}

    def of(name: str) -> Physics:
        if name not in cache:
            cache[name] = judge(g1, builtin_motion(name))
        return cache[name]

    return of


@pytest.fixture(params=builtin_names())
def name(request) -> str:
    return request.param


def test_there_are_the_promised_motions():
    promised = "stand squat bow wave weight_shift march walk side_step turn kick hop"
    assert set(promised.split()) <= set(builtin_names())


def test_clip_is_short_and_starts_and_ends_standing(g1, physics, name):
    clip = builtin_motion(name)
    assert 3.0 <= clip.duration_s <= 10.0
    assert clip.robot == "unitree_g1"
    assert clip.joint_names == g1.joint_names
    for frame in (0, -1):
        assert np.abs(clip.joint_pos[frame] - g1.default_pose).max() < 0.06
        assert clip.root_pos[frame, 2] == pytest.approx(g1.default_root_height, abs=0.01)
    assert np.abs(physics(name).speed[[1, -2]]).max() < 0.03
    np.testing.assert_array_equal(clip.root_pos[0, :2], 0.0)


def test_joint_limits_and_speeds_are_respected(g1, physics, name):
    clip = builtin_motion(name)
    low, high = g1.joint_limits.T
    assert (clip.joint_pos > low).all()
    assert (clip.joint_pos < high).all()
    assert (np.abs(physics(name).speed[:, 6:]) < 0.5 * g1.velocity_limit).all()


def test_motion_has_no_kinks(name):
    # Halving the time step halves the change of acceleration per step, if there is no jump.
    change = []
    for fps in (50.0, 100.0):
        clip = builtin_motion(name, fps=fps)
        acceleration = np.diff(clip.joint_pos, n=2, axis=0) * fps**2
        change.append(np.abs(np.diff(acceleration, axis=0)).max())
    assert change[1] < 0.8 * change[0] or change[1] < 1.0


def test_feet_neither_sink_nor_slide(physics, name):
    found = physics(name)
    assert found.height.min() > -1e-4
    assert found.skate.max() < 0.03
    if name != "hop":
        assert (found.height.min(axis=1) < 1e-4).all()


def test_ground_can_push_as_the_motion_needs(physics, name):
    found = physics(name)
    weight = 33.341 * 9.81
    pushed = ~np.isnan(found.margin)
    assert found.margin[pushed].min() > 0.015
    friction = np.linalg.norm(found.force[pushed, :2], axis=1) / found.force[pushed, 2]
    assert friction.max() < 0.4
    flying = found.height.min(axis=1) >= CONTACT_M
    assert flying.any() == (name == "hop")
    # Nothing but gravity acts in flight; 12 N is what a 50 Hz difference makes of it.
    assert np.abs(found.force[flying]).max(initial=0.0) < 0.04 * weight
    assert found.force[:, 2].max() < 2.5 * weight


def test_judge_sees_what_the_ground_cannot_push(g1):
    walk = builtin_motion("walk")
    hurried = replace(walk, fps=2 * walk.fps)
    margin = judge(g1, hurried).margin
    assert np.nanmin(margin) < -0.02
    still = judge(g1, builtin_motion("stand"))
    np.testing.assert_allclose(still.force, np.tile([0, 0, 33.341 * 9.81], (251, 1)), atol=0.05)


def test_body_does_not_touch_itself(physics, name):
    assert physics(name).overlap == []


def test_arms_and_trunk_are_strong_enough(g1, physics, name):
    # Above the legs there is no ground reaction: inverse dynamics gives the torque itself.
    above = [i for i, joint in enumerate(g1.joint_names) if i >= 12]
    assert (np.abs(physics(name).torque[:, above]) < g1.effort_limit[above]).all()


def test_motions_do_what_they_are_called(g1):
    def height(clip):
        return clip.root_pos[:, 2]

    def joint(clip, name):
        return clip.joint_pos[:, g1.joint_names.index(name)]

    def heading(clip):
        w, z = clip.root_quat_wxyz[-1, [0, 3]]
        return 2.0 * np.arctan2(z, w)

    assert np.ptp(height(builtin_motion("squat"))) > 0.1
    assert np.ptp(height(builtin_motion("hop"))) > 0.1
    assert joint(builtin_motion("wave"), "right_elbow_joint").min() < -0.9
    assert builtin_motion("walk").root_pos[-1, 0] == pytest.approx(1.0, abs=1e-3)
    assert np.ptp(builtin_motion("side_step").root_pos[:, 1]) > 0.15
    assert np.ptp(builtin_motion("weight_shift").root_pos[:, 1]) > 0.04
    assert heading(builtin_motion("turn")) == pytest.approx(np.pi / 2, abs=1e-3)
    assert heading(builtin_motion("turn", angle=-1.0)) == pytest.approx(-1.0, abs=1e-3)
    assert builtin_motion("walk", step_length=0.1).root_pos[-1, 0] == pytest.approx(0.5, abs=1e-3)
    assert builtin_motion("walk", step_length=-0.1).root_pos[-1, 0] == pytest.approx(-0.5, abs=1e-3)


def test_same_arguments_give_the_same_clip_at_once(name):
    builtin_motion(name)
    start = time.perf_counter()
    assert builtin_motion(name) is builtin_motion(name, "unitree_g1", 50)
    assert time.perf_counter() - start < 0.01


def test_frame_rate_does_not_change_the_motion(name):
    slow, fast = builtin_motion(name), builtin_motion(name, fps=100.0)
    assert fast.num_frames == pytest.approx(2 * slow.num_frames, abs=2)
    count = min(slow.num_frames, (fast.num_frames + 1) // 2)
    gap = np.abs(fast.joint_pos[::2][:count] - slow.joint_pos[:count])
    assert gap.max() < 0.01


def test_wrong_requests_are_explained():
    with pytest.raises(UnknownNameError, match="did you mean 'walk'"):
        builtin_motion("wlak")
    with pytest.raises(UnknownNameError, match="did you mean 'step_length'"):
        builtin_motion("walk", step_lenght=0.1)
    with pytest.raises(MotionError, match=r"steps is 2\.5, expected a whole number"):
        builtin_motion("walk", steps=2.5)
    with pytest.raises(MotionError, match="ask for a smaller or slower motion"):
        builtin_motion("walk", step_length=0.8)
    with pytest.raises(MotionError, match="ask for 10 frames or more"):
        builtin_motion("stand", seconds=-1.0)
    with pytest.raises(UnknownNameError, match="unitree_g1"):
        builtin_motion("walk", robot="unitree_g2")
    assert builtin_params("walk")["step_length"] == 0.2
