"""Holosoma's whole-body-tracking npz: the root inside `joint_pos` (T, 7 + J), names stored.

Keys: `fps` (1,), `joint_pos` (T, 7 + J) root xyz, quaternion wxyz, joints; `joint_vel` (T, 6 + J)
root linear and angular velocity in world axes, joints; `body_pos_w`, `body_quat_w` wxyz,
`body_lin_vel_w`, `body_ang_vel_w` for all bodies including `world`; `joint_names`, `body_names`;
optionally one object: `object_pos_w` (T, 3), `object_quat_w` wxyz, `object_lin_vel_w`,
`object_ang_vel_w`, which is then among the bodies too and has its name there. The ground's mesh is
a file beside it that nothing names, so it has to be declared. Velocities in published files are
wrong (the converter mixed up axes and points), so only the coordinates are used.
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
    derived_arrays,
    motion_file,
    stored_arrays,
    whole_fps,
)
from mimiclab.motions.formats.names import match_joints
from mimiclab.motions.formats.npz import write_npz
from mimiclab.motions.kinematics import angular_velocity, body_motion, central_difference
from mimiclab.motions.scene import ObjectTrack

_BODY_ARRAYS = {"body_pos_w", "body_quat_w", "body_lin_vel_w", "body_ang_vel_w"}
_OBJECT = {"object_pos_w", "object_quat_w", "object_lin_vel_w", "object_ang_vel_w"}
_KEYS = {"fps", "joint_pos", "joint_vel", "joint_names", "body_names", *_BODY_ARRAYS, *_OBJECT}
_UNNAMED = "object"
"""What an object is called that is not among the bodies."""


def _recognise(content: Content, robot: str | None) -> bool:
    return {"joint_pos", "joint_names"} <= content.keys and "root_quat_wxyz" not in content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root, joints and the object; derived arrays are kept aside.

    Raises:
        MotionFileError: unknown keys, wrong shapes, joints of no known robot.
        RobotError: joints of another robot than declared.
    """
    content.refuse_unknown(_KEYS, options.ignore_keys)
    names = content.names("joint_names")
    joints = match_joints(content.path, names, options.robot)
    table = content.array("joint_pos", 7 + len(names))
    speeds = content.optional("joint_vel", 6 + len(names))
    bodies = content.names("body_names") if content.keys & _BODY_ARRAYS else ()
    return motion_file(
        content,
        FORMAT.name,
        joints,
        root_pos=table[:, :3],
        root_quat_wxyz=table[:, 3:7],
        joint_pos=table[:, 7:],
        fps=content.fps(options.fps),
        stored=stored_arrays(
            content, bodies, joint_vel=None if speeds is None else joints.take(speeds[:, 6:])
        ),
        objects=_objects(content, bodies, options.ignore_keys),
        terrain=options.terrain,
    )


def _objects(
    content: Content, bodies: tuple[str, ...], ignored: tuple[str, ...]
) -> tuple[ObjectTrack, ...]:
    if not (content.keys & _OBJECT) - set(ignored):
        return ()
    pos, quat = content.array("object_pos_w", 3), content.array("object_quat_w", 4)
    places = content.optional("body_pos_w", len(bodies), 3)
    same: list[str] = []
    if places is not None and len(places) == len(pos):
        apart = np.abs(places - pos[:, None]).max(axis=(0, 2), initial=0.0)
        # The world, or a body, may be where the object is: only one that nothing else shares.
        same = [name for name, off in zip(bodies, apart, strict=True) if off < 1e-6]
    name = same[0] if len(same) == 1 and same[0] != "world" else _UNNAMED
    return (ObjectTrack(name=name, pos_w=pos, quat_wxyz_w=quat),)


def _write(clip: MotionClip, path: Path) -> None:
    """Bodies of the robot below `world`, then the object if there is one.

    Raises:
        MotionFileError: more than one object, which the format cannot hold.
    """
    if len(clip.objects) > 1:
        raise MotionFileError(
            f"motion {clip.name!r} has {len(clip.objects)} objects, but Holosoma's files hold one; "
            "keep the one that matters with replace(clip, objects=...)"
        )
    motion = body_motion(clip)
    frames = motion.num_frames
    root_vel = [motion.body_lin_vel_w[:, 0], motion.body_ang_vel_w[:, 0], motion.joint_vel]
    moving = {
        "joint_pos": np.concatenate([clip.root_pos, clip.root_quat_wxyz, motion.joint_pos], axis=1),
        "joint_vel": np.concatenate(root_vel, axis=1),
    }
    names = ("world", *motion.body_names, *(item.name for item in clip.objects))
    things = [_object_arrays(item, clip.fps) for item in clip.objects]
    for key, value in derived_arrays(motion).items():
        still = np.zeros((frames, 1, value.shape[2]))
        still[..., 0] = "quat" in key
        beside = [thing[key.replace("body_", "object_")][:, None] for thing in things]
        moving[key] = np.concatenate([still, value, *beside], axis=1)
    for thing in things:
        moving |= thing
    write_npz(
        path,
        {
            "fps": whole_fps(clip.fps),
            "joint_names": np.array(motion.joint_names),
            "body_names": np.array(names),
            **{key: value.astype(np.float32) for key, value in moving.items()},
        },
    )


def _object_arrays(item: ObjectTrack, fps: float) -> dict[str, np.ndarray]:
    return {
        "object_pos_w": item.pos_w,
        "object_quat_w": item.quat_wxyz_w,
        "object_lin_vel_w": central_difference(item.pos_w, fps),
        "object_ang_vel_w": angular_velocity(item.quat_wxyz_w, fps),
    }


FORMAT = MotionFormat(
    name="holosoma_npz",
    suffix=".npz",
    summary="Holosoma npz: joint_pos (T, 7 + J) with the root inside, names stored, one object",
    recognise=_recognise,
    read=_read,
    write=_write,
    carries=frozenset({"objects"}),
)
