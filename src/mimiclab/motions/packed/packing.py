"""From a clip to the rows of a motion library; no torch."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import body_motion
from mimiclab.robots import Robot


def check_bodies(robot: Robot, bodies: tuple[str, ...]) -> None:
    """Raise RobotError unless the bodies exist and the root is the first."""
    unknown = [name for name in bodies if name not in robot.body_names]
    if unknown or not bodies or bodies[0] != robot.root_body:
        problem = f"unknown bodies {unknown}" if unknown else "the root body is not the first"
        raise RobotError(
            f"robot {robot.name}: cannot track {list(bodies)}: {problem}; "
            f"start with {robot.root_body!r} and choose from {list(robot.body_names)}"
        )


def check_clips(clips: Sequence[MotionClip], robot: Robot) -> None:
    """Raise MotionError or RobotError unless there are clips, all different, all of the robot."""
    if not clips:
        raise MotionError("a motion library needs at least one clip, none was given")
    repeated = [name for name, count in Counter(c.name for c in clips).items() if count > 1]
    if repeated:
        raise MotionError(
            f"clip names must differ, as statistics are kept by name; repeated: {repeated[:5]}; "
            "rename the clips or their files"
        )
    for clip in clips:
        if clip.robot != robot.name:
            raise RobotError(
                f"motion {clip.name!r} is for robot {clip.robot!r}, the library is for "
                f"{robot.name!r}; retarget it or choose that robot"
            )
        if sorted(clip.joint_names) != sorted(robot.joint_names):
            differ = sorted(set(clip.joint_names) ^ set(robot.joint_names))
            raise MotionError(
                f"motion {clip.name!r}: its joints differ from those of {robot.name}: {differ}"
            )


def pack(clip: MotionClip, robot: Robot, bodies: tuple[str, ...]) -> np.ndarray:
    """One float32 row for each frame, laid out as `MotionLibrary` says, signs made continuous."""
    motion = body_motion(clip, robot).select(bodies)
    order = [motion.joint_names.index(name) for name in robot.joint_names]
    quat = np.array(motion.body_quat_wxyz_w)
    flips = np.sum(quat[1:] * quat[:-1], axis=-1, keepdims=True) < 0
    quat[1:] *= np.where(np.cumsum(flips, axis=0) % 2 == 1, -1.0, 1.0)
    parts = (
        motion.joint_pos[:, order],
        motion.joint_vel[:, order],
        motion.body_pos_w,
        quat,
        motion.body_lin_vel_w,
        motion.body_ang_vel_w,
    )
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1, dtype=np.float32)


def clip_entry(clip: MotionClip) -> dict[str, Any]:
    """What a library notes of a clip, see `ClipIndex.of`."""
    return {
        "name": clip.name,
        "fps": float(clip.fps),
        "frames": clip.num_frames,
        "source": clip.source,
        "licence": clip.licence,
        "tags": list(clip.tags),
        "weight": float(clip.weight),
        "group": clip.group,
    }
