"""Holosoma's whole-body-tracking npz: the root inside `joint_pos` (T, 7 + J), names stored.

Keys: `fps` (1,), `joint_pos` (T, 7 + J) root xyz, quaternion wxyz, joints; `joint_vel` (T, 6 + J)
root linear and angular velocity in world axes, joints; `body_pos_w`, `body_quat_w` wxyz,
`body_lin_vel_w`, `body_ang_vel_w` for all bodies including `world`; `joint_names`, `body_names`;
optionally the trajectory of an object. Velocities in published files are wrong (the converter
mixed up axes and points), so only the coordinates are used.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    unit_deviation,
)
from mimiclab.motions.formats.names import robot_with_joints
from mimiclab.motions.kinematics import body_motion

_BODY_ARRAYS = ("body_pos_w", "body_quat_w", "body_lin_vel_w", "body_ang_vel_w")
_KEYS = {"fps", "joint_pos", "joint_vel", "joint_names", "body_names", *_BODY_ARRAYS}
_OBJECT = {"object_pos_w", "object_quat_w", "object_lin_vel_w", "object_ang_vel_w"}


def _recognise(content: Content, robot: str | None) -> bool:
    return {"joint_pos", "joint_names"} <= content.keys and "root_quat_wxyz" not in content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root and joints; derived arrays are kept aside.

    Raises:
        MotionFileError: unknown keys, an object trajectory, wrong shapes, names of no known robot.
    """
    path = content.path
    things = sorted((content.keys & _OBJECT) - set(options.ignore_keys))
    if things:
        raise MotionFileError(
            f"{path}: holds the trajectory of an object ({', '.join(things)}), which a motion clip "
            f"cannot carry; to read the robot alone: ignore_keys={tuple(things)} "
            "(on the command line --ignore-keys)"
        )
    content.refuse_unknown(_KEYS, options.ignore_keys)
    names = content.names("joint_names")
    robot = robot_with_joints(path, names, options.robot)
    table = content.array("joint_pos", 7 + len(names))
    speeds = content.optional("joint_vel", 6 + len(names))
    columns = [names.index(name) for name in robot.joint_names]
    bodies = content.names("body_names") if content.keys & set(_BODY_ARRAYS) else ()
    clip = MotionClip(
        name=path.stem,
        robot=robot.name,
        fps=content.fps(options.fps),
        joint_names=robot.joint_names,
        root_pos=table[:, :3],
        root_quat_wxyz=table[:, 3:7],
        joint_pos=table[:, 7:][:, columns],
        source=path.name,
    )
    stored = StoredArrays(
        body_names=bodies,
        joint_vel=None if speeds is None else speeds[:, 6:][:, columns],
        body_pos_w=content.optional("body_pos_w", len(bodies), 3),
        body_quat_wxyz_w=content.optional("body_quat_w", len(bodies), 4),
        body_lin_vel_w=content.optional("body_lin_vel_w", len(bodies), 3),
        body_ang_vel_w=content.optional("body_ang_vel_w", len(bodies), 3),
    )
    return MotionFile(
        path=path,
        format=FORMAT.name,
        clip=clip,
        stored=stored,
        quat_norm_deviation=unit_deviation(table[:, 3:7]),
    )


def _write(clip: MotionClip, path: Path) -> None:
    motion = body_motion(clip)
    frames = motion.num_frames
    root = [clip.root_pos, clip.root_quat_wxyz, motion.joint_pos]
    root_vel = [motion.body_lin_vel_w[:, 0], motion.body_ang_vel_w[:, 0], motion.joint_vel]
    still = np.zeros((frames, 1, 3))
    upright = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1, 1))
    numbers = {
        "joint_pos": np.concatenate(root, axis=1),
        "joint_vel": np.concatenate(root_vel, axis=1),
        "body_pos_w": np.concatenate([still, motion.body_pos_w], axis=1),
        "body_quat_w": np.concatenate([upright, motion.body_quat_wxyz_w], axis=1),
        "body_lin_vel_w": np.concatenate([still, motion.body_lin_vel_w], axis=1),
        "body_ang_vel_w": np.concatenate([still, motion.body_ang_vel_w], axis=1),
    }
    # Its loader expects a whole number where the rate is one.
    fps = np.array([int(clip.fps)]) if clip.fps == int(clip.fps) else np.array([clip.fps])
    np.savez(
        path,
        allow_pickle=False,
        fps=fps,
        joint_names=np.array(motion.joint_names),
        body_names=np.array(("world", *motion.body_names)),
        **{key: value.astype(np.float32) for key, value in numbers.items()},
    )


FORMAT = MotionFormat(
    name="holosoma_npz",
    suffix=".npz",
    summary="Holosoma npz: joint_pos (T, 7 + J) with the root inside, names stored",
    recognise=_recognise,
    read=_read,
    write=_write,
)
