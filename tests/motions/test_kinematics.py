"""Resampling, velocities and forward kinematics, against MuJoCo and against hand-made motions."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import MotionError, RobotError, UnknownNameError
from mimiclab.maths.rotations import quat_angle, quat_from_rotvec, quat_multiply, quat_rotate
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics, forward_motion
from mimiclab.motions.kinematics import angular_velocity, body_motion, resample
from mimiclab.robots import Robot

_ODD_TREE = """
<mujoco>
  <worldbody>
    <body name="fixed" pos="0.1 0.2 0.3" quat="0.9 0.1 -0.2 0.3"/>
    <body name="root" pos="0 0 1"><freejoint name="free"/><geom size="0.1"/>
      <body name="slider" pos="0.1 0 0.2" quat="0.7 0 0.7 0">
        <joint name="s" type="slide" axis="1 1 0" ref="0.05"/><geom size="0.1"/>
        <body name="two" pos="0 0.3 0"><geom size="0.1"/>
          <joint name="h1" type="hinge" axis="0 0 1" pos="0.05 0.1 -0.2" ref="0.3"/>
          <joint name="h2" type="hinge" axis="0 1 1" pos="-0.1 0 0.2"/>
        </body>
      </body>
      <body name="ball" pos="-0.2 0.1 0"><geom size="0.1"/>
        <joint name="b" type="ball" pos="0.1 -0.1 0.05"/>
        <body name="leaf" pos="0 0 0.4" quat="0.5 0.5 0.5 0.5"><geom size="0.1"/></body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def _mujoco_truth(model: mujoco.MjModel, qpos: np.ndarray, qvel: np.ndarray) -> tuple:
    data = mujoco.MjData(model)
    frames, bodies = len(qpos), model.nbody - 1
    pos, quat = np.zeros((frames, bodies, 3)), np.zeros((frames, bodies, 4))
    lin, ang = np.zeros((frames, bodies, 3)), np.zeros((frames, bodies, 3))
    six = np.zeros(6)
    for t in range(frames):
        data.qpos[:], data.qvel[:] = qpos[t], qvel[t]
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        pos[t], quat[t] = data.xpos[1:], data.xquat[1:]
        for body in range(bodies):
            kind = mujoco.mjtObj.mjOBJ_XBODY
            mujoco.mj_objectVelocity(model, data, kind, body + 1, six, 0)
            ang[t, body], lin[t, body] = six[:3], six[3:]
    return pos, quat, lin, ang


def _assert_same_as_mujoco(model: mujoco.MjModel, qpos: np.ndarray, qvel: np.ndarray) -> None:
    pos, quat, lin, ang = forward_motion(model, qpos, qvel)
    true_pos, true_quat, true_lin, true_ang = _mujoco_truth(model, qpos, qvel)
    np.testing.assert_allclose(pos, true_pos, atol=1e-9)
    assert quat_angle(quat, true_quat).max() < 1e-7
    np.testing.assert_allclose(lin, true_lin, atol=1e-9)
    np.testing.assert_allclose(ang, true_ang, atol=1e-9)
    only_pos, only_quat = forward_kinematics(model, qpos)
    np.testing.assert_array_equal(only_pos, pos)
    np.testing.assert_array_equal(only_quat, quat)


def _random_qpos(model: mujoco.MjModel, frames: int, rng: np.random.Generator) -> np.ndarray:
    qpos = rng.normal(size=(frames, model.nq))
    for row in qpos:
        mujoco.mj_normalizeQuat(model, row)
    return qpos


def test_forward_motion_equals_mujoco_on_g1(g1: Robot) -> None:
    rng = np.random.default_rng(0)
    qpos = _random_qpos(g1.model, 20, rng)
    _assert_same_as_mujoco(g1.model, qpos, rng.normal(size=(20, g1.model.nv)))


def test_forward_motion_equals_mujoco_on_all_joint_kinds() -> None:
    model = mujoco.MjModel.from_xml_string(_ODD_TREE)
    rng = np.random.default_rng(1)
    qpos = _random_qpos(model, 30, rng)
    _assert_same_as_mujoco(model, qpos, rng.normal(size=(30, model.nv)))


def test_chunked_clip_equals_its_parts(g1: Robot) -> None:
    qpos = _random_qpos(g1.model, 1100, np.random.default_rng(2))
    whole, _ = forward_kinematics(g1.model, qpos)
    np.testing.assert_array_equal(whole[500:520], forward_kinematics(g1.model, qpos[500:520])[0])


def _smooth_clip(g1: Robot, fps: float, duration_s: float = 1.0) -> MotionClip:
    t = np.arange(round(duration_s * fps) + 1) / fps
    phases = np.arange(g1.num_joints)
    rotvec = np.stack([0.5 * np.sin(2 * t), 0.3 * np.cos(3 * t), 1.5 * t], axis=1)
    return MotionClip(
        name="smooth",
        robot=g1.name,
        fps=fps,
        joint_names=g1.joint_names,
        root_pos=np.stack([t, np.sin(t), 0.8 + 0.05 * np.cos(4 * t)], axis=1),
        root_quat_wxyz=quat_from_rotvec(rotvec),
        joint_pos=0.4 * np.sin(3.0 * t[:, None] + phases),
    )


def test_body_velocities_are_derivatives_to_second_order(g1: Robot) -> None:
    errors = []
    for fps in (50.0, 100.0, 200.0):
        motion = body_motion(_smooth_clip(g1, fps), g1)
        lin = np.gradient(motion.body_pos_w, 1 / fps, axis=0)
        ang = angular_velocity(motion.body_quat_wxyz_w, fps)
        inner = slice(2, -2)
        errors.append(
            max(
                np.abs(lin - motion.body_lin_vel_w)[inner].max(),
                np.abs(ang - motion.body_ang_vel_w)[inner].max(),
            )
        )
    assert errors[0] < 0.05
    # Halving the frame time must cut the error to a quarter.
    assert errors[0] / errors[1] > 3.5
    assert errors[1] / errors[2] > 3.5


def test_velocities_approach_the_exact_ones(g1: Robot) -> None:
    fps = 200.0
    motion = body_motion(_smooth_clip(g1, fps), g1)
    t = np.arange(motion.num_frames) / fps
    exact_joint = 1.2 * np.cos(3.0 * t[:, None] + np.arange(g1.num_joints))
    np.testing.assert_allclose(motion.joint_vel[1:-1], exact_joint[1:-1], atol=1e-4)
    exact_root = np.stack([np.ones_like(t), np.cos(t), -0.2 * np.sin(4 * t)], axis=1)
    np.testing.assert_allclose(motion.body_lin_vel_w[1:-1, 0], exact_root[1:-1], atol=1e-4)


def test_angular_velocity_is_in_world_axes() -> None:
    fps, rate = 100.0, 2.0
    t = np.arange(50) / fps
    tilt = quat_from_rotvec(np.array([[1.2, 0.0, 0.0]]))
    spin = quat_from_rotvec(np.stack([0 * t, 0 * t, rate * t], axis=1))
    world = angular_velocity(quat_multiply(spin, tilt), fps)
    np.testing.assert_allclose(world, np.tile([0, 0, rate], (50, 1)), atol=1e-9)
    # Turning about the tilted body's own z axis is a turn about that axis seen from the world.
    body = angular_velocity(quat_multiply(tilt, spin), fps)
    expected = quat_rotate(tilt, np.array([[0.0, 0.0, rate]]))
    np.testing.assert_allclose(body, np.tile(expected, (50, 1)), atol=1e-9)


def test_single_frame_is_at_rest(g1: Robot) -> None:
    motion = body_motion(_smooth_clip(g1, 50.0).cut(3, 4), g1)
    assert motion.body_pos_w.shape == (1, 30, 3)
    assert not motion.joint_vel.any() and not motion.body_lin_vel_w.any()
    assert not motion.body_ang_vel_w.any()


def test_joints_in_another_order_are_matched_by_name(g1: Robot) -> None:
    clip = _smooth_clip(g1, 50.0)
    back = MotionClip(
        name="back",
        robot=g1.name,
        fps=50.0,
        joint_names=g1.joint_names[::-1],
        root_pos=clip.root_pos,
        root_quat_wxyz=clip.root_quat_wxyz,
        joint_pos=clip.joint_pos[:, ::-1],
    )
    np.testing.assert_array_equal(
        body_motion(back, g1).body_pos_w, body_motion(clip, g1).body_pos_w
    )


def test_joints_of_another_robot_are_refused(g1: Robot) -> None:
    clip = MotionClip(
        name="arm",
        robot=g1.name,
        fps=50.0,
        joint_names=("elbow",),
        root_pos=np.zeros((2, 3)),
        root_quat_wxyz=np.tile([1.0, 0, 0, 0], (2, 1)),
        joint_pos=np.zeros((2, 1)),
    )
    with pytest.raises(RobotError, match=r"unknown joints \['elbow'\]"):
        body_motion(clip, g1)


def test_select_orders_bodies_by_name(g1: Robot) -> None:
    motion = body_motion(_smooth_clip(g1, 50.0), g1)
    two = motion.select(("torso_link", "pelvis"))
    np.testing.assert_array_equal(two.body_pos_w[:, 1], motion.body_pos_w[:, 0])
    assert two.body_lin_vel_w.shape == (51, 2, 3)
    with pytest.raises(UnknownNameError, match="torso_link"):
        motion.select(("torso",))


def test_resampling_keeps_the_published_frame_count(g1: Robot) -> None:
    # BeyondMimic's converter makes 6,574 frames at 50 fps of dance1's 3,945 at 30 fps.
    clip = _still_clip(g1, 3945, 30.0)
    assert resample(clip, 50.0).num_frames == 6574
    assert resample(clip, 30.0) is clip
    assert resample(_still_clip(g1, 1, 30.0), 50.0).num_frames == 1
    # One second is 50 whole samples: the time 1.0 itself is not below the duration.
    assert resample(_still_clip(g1, 31, 30.0), 50.0).num_frames == 50


@pytest.mark.parametrize("fps", [0.0, -1.0, np.nan])
def test_resampling_refuses_bad_rates(g1: Robot, fps: float) -> None:
    with pytest.raises(MotionError, match="positive number"):
        resample(_still_clip(g1, 3, 30.0), fps)


def _still_clip(g1: Robot, frames: int, fps: float) -> MotionClip:
    return MotionClip(
        name="still",
        robot=g1.name,
        fps=fps,
        joint_names=g1.joint_names,
        root_pos=np.zeros((frames, 3)),
        root_quat_wxyz=np.tile([1.0, 0, 0, 0], (frames, 1)),
        joint_pos=np.zeros((frames, g1.num_joints)),
    )


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(2, 40),
    fps_in=st.floats(10.0, 120.0),
    fps_out=st.floats(10.0, 240.0),
    seed=st.integers(0, 1000),
)
def test_resampling_uniform_motion_is_exact(
    g1: Robot, frames: int, fps_in: float, fps_out: float, seed: int
) -> None:
    """A motion at constant speed and constant turning rate is reproduced exactly at any rate."""
    rng = np.random.default_rng(seed)
    speed, rate, slopes = rng.normal(size=3), rng.normal(size=3), rng.normal(size=g1.num_joints)

    def at(t: np.ndarray) -> tuple:
        return t[:, None] * speed, quat_from_rotvec(t[:, None] * rate), t[:, None] * slopes

    def clip(t: np.ndarray, fps: float) -> MotionClip:
        pos, quat, joints = at(t)
        return MotionClip(
            name="uniform", robot=g1.name, fps=fps, joint_names=g1.joint_names,
            root_pos=pos, root_quat_wxyz=quat, joint_pos=joints,
        )  # fmt: skip

    source = clip(np.arange(frames) / fps_in, fps_in)
    out = resample(source, fps_out)
    t = np.arange(out.num_frames) / fps_out
    # Strictly inside the duration, and the next sample would not be.
    assert t[-1] < source.duration_s + 1e-9
    assert t[-1] + 1 / fps_out >= source.duration_s - 1e-9
    pos, quat, joints = at(t)
    np.testing.assert_allclose(out.root_pos, pos, atol=1e-9)
    np.testing.assert_allclose(out.joint_pos, joints, atol=1e-9)
    assert quat_angle(out.root_quat_wxyz, quat).max() < 1e-7


@settings(max_examples=20, deadline=None)
@given(yaw=st.floats(-3.1, 3.1), x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_turning_the_world_turns_every_body(g1: Robot, yaw: float, x: float, y: float) -> None:
    clip = _smooth_clip(g1, 50.0, 0.2)
    turn = quat_from_rotvec(np.array([[0.0, 0.0, yaw]]))
    moved = MotionClip(
        name="moved",
        robot=g1.name,
        fps=50.0,
        joint_names=g1.joint_names,
        root_pos=quat_rotate(turn, clip.root_pos) + np.array([x, y, 0.0]),
        root_quat_wxyz=quat_multiply(turn, clip.root_quat_wxyz),
        joint_pos=clip.joint_pos,
    )
    a, b = body_motion(clip, g1), body_motion(moved, g1)
    np.testing.assert_allclose(
        b.body_pos_w, quat_rotate(turn[None], a.body_pos_w) + np.array([x, y, 0.0]), atol=1e-9
    )
    np.testing.assert_allclose(
        b.body_lin_vel_w, quat_rotate(turn[None], a.body_lin_vel_w), atol=1e-9
    )
    np.testing.assert_allclose(
        b.body_ang_vel_w, quat_rotate(turn[None], a.body_ang_vel_w), atol=1e-9
    )
