"""From generalised coordinates to everything else: resampling, velocities, forward kinematics.

All functions work on whole clips at once; nothing loops over frames.
"""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.errors import MotionError, RobotError, UnknownNameError
from mimiclab.maths.rotations import (
    quat_conjugate,
    quat_multiply,
    quat_rotate_inverse,
    quat_slerp,
    quat_to_rotvec,
)
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics as forward_kinematics
from mimiclab.motions.forward import forward_motion
from mimiclab.robots import Robot, get_robot


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyMotion:
    """A clip with its derived quantities, float64. T frames, J joints, B bodies, world z up."""

    fps: float
    joint_names: tuple[str, ...]
    joint_pos: np.ndarray
    """Joint angles, rad. Shape (T, J)."""
    joint_vel: np.ndarray
    """Joint speeds, rad/s. Shape (T, J)."""
    body_names: tuple[str, ...]
    """Names along the body axis, the root first unless `select` chose otherwise."""
    body_pos_w: np.ndarray
    """Link origins, m. Shape (T, B, 3)."""
    body_quat_wxyz_w: np.ndarray
    """Link orientations. Shape (T, B, 4)."""
    body_lin_vel_w: np.ndarray
    """Velocities of the link origins (not of the centres of mass), m/s. Shape (T, B, 3)."""
    body_ang_vel_w: np.ndarray
    """Angular velocities in world axes, rad/s. Shape (T, B, 3)."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.joint_pos)

    def select(self, body_names: tuple[str, ...]) -> "BodyMotion":
        """The same motion with only these bodies, in this order.

        Raises:
            UnknownNameError: a body that is not there.
        """
        for name in body_names:
            if name not in self.body_names:
                raise UnknownNameError("body", name, self.body_names)
        ids = [self.body_names.index(name) for name in body_names]
        return replace(
            self,
            body_names=tuple(body_names),
            body_pos_w=self.body_pos_w[:, ids],
            body_quat_wxyz_w=self.body_quat_wxyz_w[:, ids],
            body_lin_vel_w=self.body_lin_vel_w[:, ids],
            body_ang_vel_w=self.body_ang_vel_w[:, ids],
        )


def resample(clip: MotionClip, fps: float) -> MotionClip:
    """The clip at another frame rate: linear for positions and joints, slerp for orientations.

    Foot contacts are those of the nearest frame (of two equally near ones, the earlier).
    Sample times are k / fps strictly below the duration (BeyondMimic's converter does the same);
    a clip that already has this rate is returned as it is.

    Raises:
        MotionError: fps is not positive.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise MotionError(f"cannot resample {clip.name!r} to {fps} fps; give a positive number")
    if fps == clip.fps:
        return clip
    # Rounding keeps a duration that is a whole number of samples from gaining one by float noise.
    count = max(1, int(np.ceil(round(clip.duration_s * fps, 9))))
    phase = np.arange(count) * (clip.fps / fps)
    low = np.clip(np.floor(phase).astype(int), 0, max(clip.num_frames - 2, 0))
    high = np.minimum(low + 1, clip.num_frames - 1)
    blend = np.clip(phase - low, 0.0, 1.0)

    def mix(values: np.ndarray) -> np.ndarray:
        return values[low] + blend[:, None] * (values[high] - values[low])

    def turn(quats: np.ndarray) -> np.ndarray:
        return quat_slerp(quats[low], quats[high], blend)

    contacts = clip.foot_contacts
    return replace(
        clip,
        fps=float(fps),
        root_pos=mix(clip.root_pos),
        root_quat_wxyz=turn(clip.root_quat_wxyz),
        joint_pos=mix(clip.joint_pos),
        foot_contacts=None if contacts is None else contacts[np.where(blend > 0.5, high, low)],
        objects=tuple(
            replace(item, pos_w=mix(item.pos_w), quat_wxyz_w=turn(item.quat_wxyz_w))
            for item in clip.objects
        ),
    )


def central_difference(values: np.ndarray, fps: float) -> np.ndarray:
    """Time derivative along the first axis; one-sided at both ends, zero for a single frame."""
    if len(values) < 2:
        return np.zeros_like(values)
    return np.gradient(values, 1.0 / fps, axis=0)


def angular_velocity(quat_wxyz: np.ndarray, fps: float) -> np.ndarray:
    """World-frame angular velocity of orientations (T, ..., 4), rad/s. Shape (T, ..., 3).

    Central differences on the rotation group, one-sided at both ends, zero for a single frame.
    """
    frames = len(quat_wxyz)
    if frames < 2:
        return np.zeros((*quat_wxyz.shape[:-1], 3))
    after = np.minimum(np.arange(frames) + 1, frames - 1)
    before = np.maximum(np.arange(frames) - 1, 0)
    turn = quat_multiply(quat_wxyz[after], quat_conjugate(quat_wxyz[before]))
    span = ((after - before) / fps).reshape(-1, *[1] * (quat_wxyz.ndim - 1))
    return quat_to_rotvec(turn) / span


def clip_qpos(clip: MotionClip, robot: Robot | None = None) -> np.ndarray:
    """MuJoCo generalised positions of all frames: root xyz, root wxyz, joints. Shape (T, 7 + J).

    Raises:
        RobotError: the clip's joints are not the robot's.
    """
    robot = robot or get_robot(clip.robot)
    if clip.joint_names == robot.joint_names:
        joints = clip.joint_pos
    else:
        missing = sorted(set(robot.joint_names) - set(clip.joint_names))
        extra = sorted(set(clip.joint_names) - set(robot.joint_names))
        if missing or extra:
            raise RobotError(
                f"motion {clip.name!r} does not fit robot {robot.name!r}: it lacks joints "
                f"{missing or 'none'} and has unknown joints {extra or 'none'}; retarget it first"
            )
        joints = clip.joint_pos[:, [clip.joint_names.index(name) for name in robot.joint_names]]
    return np.concatenate([clip.root_pos, clip.root_quat_wxyz, joints], axis=1)


def body_motion(clip: MotionClip, robot: Robot | None = None) -> BodyMotion:
    """All bodies' poses and velocities, and joint speeds, in the robot's model order.

    Generalised velocities are central differences of the generalised coordinates; the bodies'
    velocities follow from them by kinematics, so they agree with the derivative of the positions
    to second order in the frame time.

    Raises:
        RobotError: the clip's joints are not the robot's.
    """
    robot = robot or get_robot(clip.robot)
    qpos = clip_qpos(clip, robot)
    root_quat, joint_pos = qpos[:, 3:7], qpos[:, 7:]
    joint_vel = central_difference(joint_pos, clip.fps)
    root_ang_w = angular_velocity(root_quat, clip.fps)
    qvel = np.concatenate(
        [
            central_difference(clip.root_pos, clip.fps),
            quat_rotate_inverse(root_quat, root_ang_w),
            joint_vel,
        ],
        axis=1,
    )
    pos, quat, lin, ang = forward_motion(robot.model, qpos, qvel)
    return BodyMotion(
        fps=clip.fps,
        joint_names=robot.joint_names,
        joint_pos=joint_pos,
        joint_vel=joint_vel,
        body_names=robot.body_names,
        body_pos_w=pos,
        body_quat_wxyz_w=quat,
        body_lin_vel_w=lin,
        body_ang_vel_w=ang,
    )
