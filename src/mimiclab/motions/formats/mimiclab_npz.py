"""mimiclab's own npz: generalised coordinates with names, optionally the derived body arrays.

Keys: `schema` (1), `robot`, `fps`, `joint_names` (J), `root_pos` (T, 3), `root_quat_wxyz` (T, 4),
`joint_pos` (T, J); optional `joint_vel` (T, J), `body_names` (B), `body_pos_w` (T, B, 3),
`body_quat_wxyz_w` (T, B, 4), `body_lin_vel_w` and `body_ang_vel_w` (T, B, 3); the strings `source`,
`licence`, `tags` (1-D), `terrain`; `foot_contacts` (T, 2), bool; and for O objects `object_names`
(O), `object_pos_w` (T, O, 3), `object_quat_wxyz_w` (T, O, 4), `object_meshes` (O), empty where
unknown, and `object_sizes` (O, 3), NaN where there is none. No arrays of Python objects.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    EVERYTHING,
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    derived_arrays,
    motion_file,
    stored_arrays,
)
from mimiclab.motions.formats.names import JointColumns, match_joints
from mimiclab.motions.formats.npz import write_npz
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import ObjectTrack
from mimiclab.robots import get_robot

SCHEMA = 1
_REQUIRED = {"schema", "robot", "fps", "joint_names", "root_pos", "root_quat_wxyz", "joint_pos"}
_BODY_ARRAYS = ("body_pos_w", "body_quat_wxyz_w", "body_lin_vel_w", "body_ang_vel_w")
_OBJECTS = {
    "object_names", "object_pos_w", "object_quat_wxyz_w", "object_meshes", "object_sizes",
}  # fmt: skip
_OPTIONAL = {
    "joint_vel", "body_names", *_BODY_ARRAYS, "source", "licence", "tags", "foot_contacts",
    "terrain", *_OBJECTS,
}  # fmt: skip


def _recognise(content: Content, robot: str | None) -> bool:
    return {"root_quat_wxyz", "joint_pos"} <= content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read a clip whose robot, joints and rate are stored with it.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, a newer schema, wrong joints.
        RobotError: the file is for another robot than declared.
    """
    path = content.path
    content.refuse_unknown(_REQUIRED | _OPTIONAL, options.ignore_keys)
    missing = sorted(_REQUIRED - content.keys - {"fps"})
    if missing:
        raise MotionFileError(f"{path}: mimiclab npz without {', '.join(missing)}; convert it anew")
    schema = (content.arrays or {})["schema"]
    if schema.size != 1 or schema.dtype.kind not in "iu" or int(schema.reshape(())) != SCHEMA:
        raise MotionFileError(
            f"{path}: schema is {schema.tolist()}, this version reads {SCHEMA}; "
            "update mimiclab or convert the file anew"
        )
    robot = get_robot(content.string("robot"))
    if options.robot not in (None, robot.name):
        raise RobotError(
            f"{path}: made for robot {robot.name!r}, but {options.robot!r} was asked for; "
            "choose that robot or retarget the motion"
        )
    names = content.names("joint_names")
    if set(names) != set(robot.joint_names):
        wrong = sorted(set(names) ^ set(robot.joint_names))
        raise MotionFileError(
            f"{path}: joint_names disagree with robot {robot.name!r} in {', '.join(wrong)}"
        )
    joints = match_joints(path, names, robot.name)
    return motion_file(
        content,
        FORMAT.name,
        joints,
        root_pos=content.array("root_pos", 3),
        root_quat_wxyz=content.array("root_quat_wxyz", 4),
        joint_pos=content.array("joint_pos", len(names)),
        fps=content.fps(options.fps),
        stored=_stored(content, joints),
        source=content.string("source"),
        licence=content.string("licence"),
        tags=content.names("tags") if "tags" in content.keys else (),
        foot_contacts=content.flags("foot_contacts", 2),
        objects=_objects(content),
        terrain=content.string("terrain") or options.terrain,
    )


def _objects(content: Content) -> tuple[ObjectTrack, ...]:
    if not content.keys & _OBJECTS:
        return ()
    names = content.names("object_names")
    pos = content.array("object_pos_w", len(names), 3)
    quat = content.array("object_quat_wxyz_w", len(names), 4)
    meshes = content.strings("object_meshes", len(names))
    sizes = content.array("object_sizes", 3)
    if len(sizes) != len(names):
        raise MotionFileError(
            f"{content.path}: {len(sizes)} object_sizes for {len(names)} object_names"
        )
    return tuple(
        ObjectTrack(
            name=name,
            pos_w=pos[:, i],
            quat_wxyz_w=quat[:, i],
            mesh=meshes[i],
            size=None if np.isnan(sizes[i]).all() else tuple(sizes[i]),
        )
        for i, name in enumerate(names)
    )


def _stored(content: Content, joints: JointColumns) -> StoredArrays | None:
    if not content.keys & {"joint_vel", *_BODY_ARRAYS}:
        return None
    bodies = content.names("body_names") if content.keys & set(_BODY_ARRAYS) else ()
    joint_vel = content.optional("joint_vel", len(joints.columns))
    return stored_arrays(
        content,
        bodies,
        quat_key="body_quat_wxyz_w",
        joint_vel=None if joint_vel is None else joints.take(joint_vel),
    )


def clip_arrays(clip: MotionClip, *, bodies: bool = False) -> dict[str, np.ndarray]:
    """The arrays of a file in this format; `bodies` adds the derived ones, as float32."""
    arrays: dict[str, np.ndarray] = {
        "schema": np.array(SCHEMA),
        "robot": np.array(clip.robot),
        "fps": np.array(clip.fps),
        "joint_names": np.array(clip.joint_names),
        "root_pos": clip.root_pos,
        "root_quat_wxyz": clip.root_quat_wxyz,
        "joint_pos": clip.joint_pos,
        "source": np.array(clip.source),
        "licence": np.array(clip.licence),
        "tags": np.array(clip.tags, dtype=np.str_),
    }
    if clip.terrain:
        arrays["terrain"] = np.array(clip.terrain)
    if clip.foot_contacts is not None:
        arrays["foot_contacts"] = clip.foot_contacts
    if clip.objects:
        items = clip.objects
        arrays["object_names"] = np.array([item.name for item in items])
        arrays["object_pos_w"] = np.stack([item.pos_w for item in items], axis=1)
        arrays["object_quat_wxyz_w"] = np.stack([item.quat_wxyz_w for item in items], axis=1)
        arrays["object_meshes"] = np.array([item.mesh for item in items], dtype=np.str_)
        arrays["object_sizes"] = np.array([item.size or [np.nan] * 3 for item in items])
    if bodies:
        motion = body_motion(clip)
        order = [motion.joint_names.index(name) for name in clip.joint_names]
        arrays["joint_vel"] = motion.joint_vel[:, order].astype(np.float32)
        arrays["body_names"] = np.array(motion.body_names)
        arrays |= derived_arrays(motion, quat_key="body_quat_wxyz_w")
    return arrays


def _write(clip: MotionClip, path: Path) -> None:
    write_npz(path, clip_arrays(clip))


def _write_with_bodies(clip: MotionClip, path: Path) -> None:
    write_npz(path, clip_arrays(clip, bodies=True))


FORMAT = MotionFormat(
    name="mimiclab_npz",
    suffix=".npz",
    summary="mimiclab npz: root, joints, names and rate; nothing derived",
    recognise=_recognise,
    read=_read,
    write=_write,
    carries=EVERYTHING,
)

FORMAT_WITH_BODIES = MotionFormat(
    name="mimiclab_npz_bodies",
    suffix=".npz",
    summary="mimiclab npz with the derived body arrays beside it, for other tools",
    recognise=lambda content, robot: False,
    read=_read,
    write=_write_with_bodies,
    carries=EVERYTHING,
)
