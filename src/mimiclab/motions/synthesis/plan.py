"""From a plan (ground push, feet, posture over time) to a clip that is balanced and checked."""

from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np

from mimiclab.errors import MotionError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.skeleton import Pose, Skeleton
from mimiclab.motions.synthesis.balance import com_from_zmp, zmp_of
from mimiclab.motions.synthesis.ik import Targets, solve
from mimiclab.robots import Robot, get_robot
from mimiclab.robots.soles import sole_points

_DECIDED = 1e-2
"""Weight of preferred angles of joints that feet, balance and orientations decide anyway."""
_COM_AHEAD = 0.014
"""Distance of the centre of mass in front of the ankles, m. Here the G1, held by nothing but its
position controllers, falls neither forward nor back for longest (about 2 s instead of 1.4 s at the
3 cm of the default pose), which makes an untrained residual policy's first episodes long."""
_STRAIGHTEST = 0.95
"""Legs are bent until the way from hip to ankle is this share of their length at most, the G1's
being 0.948 in its default pose: straighter ones leave no room to step."""
_LIMIT_TOLERANCE_RAD = 1e-5
"""What the iteration may leave at a joint that rests on its limit."""
_ROUNDS = 5
_TRUNK_INERTIA = 1.2
"""Rough moment of inertia of the pitching trunk about the centre of mass, kg m^2: the step size of
a fixed-point iteration, not a model."""


@dataclass(frozen=True)
class Stance:
    """The standing pose that clips start from; the middle between the ankles is the origin."""

    robot: Robot
    skeleton: Skeleton
    ankle_height: float
    """Of a flat foot's body origin, m."""
    half_width: float
    """Lateral distance from the middle to an ankle, m."""
    com_height: float
    """m."""
    com_ahead: float
    """Of the ankles, m."""
    sole: np.ndarray
    """Contact points of the left foot relative to its ankle (K, 2), x forward and y left, m."""
    mirrored_sole: np.ndarray
    """The same of the right foot."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """T frames of wishes. World frame, m and rad; the stance's origin is the world's."""

    times: np.ndarray
    """(T,), s."""
    zmp: np.ndarray
    """Where the ground shall push (T, 2)."""
    com_height: np.ndarray
    """(T,)."""
    feet_pos: np.ndarray
    """Ankles, left and right (T, 2, 3)."""
    feet_turn: np.ndarray
    """Yaw and pitch of the left and the right foot (T, 2, 2)."""
    pelvis: np.ndarray
    """Yaw, pitch, roll of the root (T, 3)."""
    torso: np.ndarray
    """Yaw, pitch, roll of the anchor body (T, 3)."""
    joints: np.ndarray
    """Preferred joint angles (T, J); they decide the arms only."""
    com: np.ndarray | None = None
    """Horizontal centre of mass (T, 2), where it does not follow from `zmp` (flight)."""


@cache
def stance(robot_name: str) -> Stance:
    """Stance of a robot, from its default pose.

    Raises:
        RobotError: the model is not a tree of single hinges or the feet have no contact geoms.
    """
    robot = get_robot(robot_name)
    skeleton = Skeleton(robot)
    pose = skeleton.pose(np.zeros((1, 3)), np.eye(3)[None], robot.default_pose[None])
    left, right = (pose.body_pos[0, robot.body_names.index(foot)] for foot in robot.feet)
    sole, mirrored_sole = sole_points(robot)
    ankle_height = -float(sole[:, 2].min())
    ground = 0.5 * (left[2] + right[2]) - ankle_height
    return Stance(
        robot=robot,
        skeleton=skeleton,
        ankle_height=ankle_height,
        half_width=0.5 * float(left[1] - right[1]),
        com_height=float(pose.com[0, 2] - ground) - _crouch(robot, pose),
        com_ahead=_COM_AHEAD,
        sole=sole[:, :2],
        mirrored_sole=mirrored_sole[:, :2],
    )


def _crouch(robot: Robot, pose: Pose) -> float:
    """How far the hips must come down until no leg is straighter than `_STRAIGHTEST`, m."""
    marks = [robot.landmarks.get(f"left_{part}") for part in ("hip", "knee", "ankle")]
    if None in marks:
        return 0.0
    bodies = [robot.body_names.index(mark.body) for mark in marks if mark]
    points = [
        pose.body_pos[0, body] + pose.body_rot[0, body] @ mark.point
        for body, mark in zip(bodies, marks, strict=True)
        if mark
    ]
    hip, knee, ankle = points
    leg = np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle)
    return max(0.0, float(np.linalg.norm(hip - ankle) - _STRAIGHTEST * leg))


def rest(start: Stance, seconds: float, fps: float) -> Plan:
    """A plan to stand still, in fresh arrays for a motion to shape.

    Raises:
        MotionError: the duration or frame rate is not positive, or less than 10 frames.
    """
    if not (np.isfinite(seconds * fps) and fps > 0 and seconds * fps >= 10):
        raise MotionError(
            f"cannot synthesise {seconds} s at {fps} frames per second; ask for 10 frames or more"
        )
    frames = round(seconds * fps) + 1
    feet_pos = np.zeros((frames, 2, 3))
    feet_pos[:] = [
        [0, start.half_width, start.ankle_height],
        [0, -start.half_width, start.ankle_height],
    ]
    return Plan(
        times=np.arange(frames) / fps,
        zmp=np.tile([start.com_ahead, 0.0], (frames, 1)),
        com_height=np.full(frames, start.com_height),
        feet_pos=feet_pos,
        feet_turn=np.zeros((frames, 2, 2)),
        pelvis=np.zeros((frames, 3)),
        torso=np.zeros((frames, 3)),
        joints=np.tile(start.robot.default_pose, (frames, 1)),
    )


def realise(plan: Plan, start: Stance, name: str, fps: float) -> MotionClip:
    """Whole-body clip of a plan.

    The centre of mass first follows from the wanted ground push as if the robot were a point mass;
    then the push of the whole body, with its swinging limbs, is computed and the difference
    planned away. Where the centre of mass is given, for a flight, the trunk pitches against the
    legs so that the angular momentum stays zero.

    Raises:
        MotionError: the plan is out of the robot's reach, joint limits or joint speeds.
    """
    robot, skeleton = start.robot, start.skeleton
    frames = len(plan.times)
    feet = {
        body: (plan.feet_pos[:, side], _rotation(*plan.feet_turn[:, side].T))
        for side, body in enumerate(robot.feet)
    }
    decided = skeleton.moves[[robot.body_names.index(b) for b in (*robot.feet, robot.anchor_body)]]
    weights = np.where(decided.any(axis=0), _DECIDED, 1.0)
    com = com_from_zmp(plan.zmp, plan.com_height, fps) if plan.com is None else plan.com
    root = np.concatenate([com, plan.com_height[:, None] + 0.09], axis=1)
    guess = (root, _rotation(*plan.pelvis.T), plan.joints)
    wished, lean = plan.zmp, np.zeros(frames)
    pose: Pose | None = None
    for _ in range(_ROUNDS):
        trunk = np.stack([0 * lean, lean, 0 * lean], axis=1)
        targets = Targets(
            com=np.concatenate([com, plan.com_height[:, None]], axis=1),
            bodies=feet,
            orientations={
                robot.root_body: _rotation(*(plan.pelvis + trunk).T),
                robot.anchor_body: _rotation(*(plan.torso + trunk).T),
            },
            joints=plan.joints,
            joint_weights=weights,
        )
        pose = solve(skeleton, targets, guess)
        guess = (pose.root_pos, pose.root_rot, pose.joints)
        if plan.com is None:
            wished = wished + plan.zmp - zmp_of(skeleton, pose, fps)
            com = com_from_zmp(wished, plan.com_height, fps)
        else:
            pitching = skeleton.angular_momentum(pose, fps)[:, 1]
            lean = lean - np.cumsum(pitching) / (_TRUNK_INERTIA * fps)
    assert pose is not None
    clip = MotionClip(
        name=name,
        robot=robot.name,
        fps=fps,
        joint_names=robot.joint_names,
        root_pos=pose.root_pos - [*pose.root_pos[0, :2], 0.0],
        root_quat_wxyz=_quaternions(pose.root_rot),
        joint_pos=pose.joints,
        source="mimiclab synthesis",
        licence="Apache-2.0",
        tags=("builtin",),
    )
    _check(clip, pose, feet, robot, frames)
    return clip


def _check(clip: MotionClip, pose: Pose, feet: dict, robot: Robot, frames: int) -> None:
    advice = "ask for a smaller or slower motion"
    for body, (pos, _) in feet.items():
        miss = np.abs(pose.body_pos[:, robot.body_names.index(body)] - pos).max(axis=1)
        if miss.max() > 1e-3:
            raise MotionError(
                f"motion {clip.name!r}: {body} misses its place by {1e3 * miss.max():.0f} mm at "
                f"{miss.argmax() / clip.fps:.2f} s, expected below 1 mm; {advice}"
            )
    low, high = robot.joint_limits.T
    excess = np.maximum(low - clip.joint_pos, clip.joint_pos - high)
    speed = np.abs(np.diff(clip.joint_pos, axis=0)) * clip.fps if frames > 1 else 0 * excess
    over = speed - robot.velocity_limit
    for what, amount, unit in (("limit", excess, "rad"), ("speed limit", over, "rad/s")):
        if amount.max() > _LIMIT_TOLERANCE_RAD:
            frame, joint = np.unravel_index(amount.argmax(), amount.shape)
            raise MotionError(
                f"motion {clip.name!r}: {clip.joint_names[joint]} exceeds its {what} by "
                f"{amount.max():.3g} {unit} at {frame / clip.fps:.2f} s; {advice}"
            )


def _rotation(
    yaw: np.ndarray, pitch: np.ndarray | float = 0.0, roll: np.ndarray | float = 0.0
) -> np.ndarray:
    """Rotations about z, then the new y, then the new x. (T,) each to (T, 3, 3)."""
    yaw, pitch, roll = np.broadcast_arrays(yaw, pitch, roll)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    rows = [
        cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr,
        sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr,
        -sp, cp * sr, cp * cr,
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(-1, 3, 3)


def _quaternions(rotations: np.ndarray) -> np.ndarray:
    """(T, 3, 3) to (T, 4), w first, without sign jumps."""
    out = np.empty((len(rotations), 4))
    for quat, rotation in zip(out, rotations, strict=True):
        mujoco.mju_mat2Quat(quat, rotation.ravel())
    flips = np.cumprod(np.where((out[1:] * out[:-1]).sum(axis=1) < 0, -1.0, 1.0))
    out[1:] *= flips[:, None]
    return out
