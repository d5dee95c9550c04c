"""LocoMuJoCo's trajectory npz: generalised coordinates of a MuJoCo model whose joints are named.

Keys: `qpos` (T, nq) and `qvel` (T, nv) with the free joint first (xyz, quaternion wxyz; angular
velocity in the root's axes), `joint_names` (njnt) beginning with the free joint's, `jnt_type`,
`frequency`, `split_points` where several trajectories follow each other (first frames and the
end); and what it copies of MuJoCo's data and model, which is not needed. It stores None for what is
missing, as Python objects. Joints must be those of a robot that we know, `_joint` or not.

Layout: github.com/robfiras/loco-mujoco (trajectory/dataclasses).
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_rotate_inverse
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    motion_file,
)
from mimiclab.motions.formats.names import WRISTS, match_joints
from mimiclab.motions.formats.npz import write_npz
from mimiclab.motions.kinematics import body_motion

_FREE, _HINGE = 0, 3
"""MuJoCo's numbers of joint types."""
_NEEDED = {"qpos", "qvel", "joint_names", "jnt_type", "frequency", "split_points", "njnt"}
_COPIED = {
    "xpos", "xquat", "cvel", "subtree_com", "site_xpos", "site_xmat", "body_names", "site_names",
    "metadata", "nbody", "body_rootid", "body_weldid", "body_mocapid", "body_pos", "body_quat",
    "body_ipos", "body_iquat", "nsite", "site_bodyid", "site_pos", "site_quat",
    "obs_container", "observations", "next_observations", "actions", "rewards", "absorbings",
    "dones",
}  # fmt: skip


def _recognise(content: Content, robot: str | None) -> bool:
    return {"qpos", "joint_names", "frequency"} <= content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root and joints of a file with one trajectory; the joints' speeds are kept aside.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, joints other than one free and then
            hinges, several trajectories, joints of no known robot.
        RobotError: joints of another robot than declared.
    """
    content.refuse_unknown(_NEEDED | _COPIED, options.ignore_keys)
    path = content.path
    names = content.names("joint_names")
    types = content.array("jnt_type")
    if len(types) != len(names) or types[:1] != _FREE or (types[1:] != _HINGE).any():
        raise MotionFileError(
            f"{path}: {len(names)} joint_names with jnt_type {types[:4].tolist()}..., expected one "
            "free joint and then hinges"
        )
    joints = match_joints(path, names[1:], options.robot, may_lack=WRISTS)
    qpos = content.array("qpos", 6 + len(names))
    _require_one(content, len(qpos))
    qvel = content.optional("qvel", 5 + len(names))
    rate = Content(path=path, arrays={"fps": (content.arrays or {})["frequency"]})
    return motion_file(
        content,
        FORMAT.name,
        joints,
        root_pos=qpos[:, :3],
        root_quat_wxyz=qpos[:, 3:7],
        joint_pos=qpos[:, 7:],
        fps=rate.fps(options.fps),
        stored=None if qvel is None else StoredArrays(joint_vel=joints.take(qvel[:, 6:])),
        terrain=options.terrain,
    )


def _require_one(content: Content, frames: int) -> None:
    points = content.optional("split_points")
    if points is None or not len(points):
        return
    if points.tolist() != [0, frames]:
        raise MotionFileError(
            f"{content.path}: split_points are {points[:5].tolist()}, so it holds "
            f"{len(points) - 1} trajectories of {frames} frames in all, expected one; save them "
            "one by one"
        )


def _write(clip: MotionClip, path: Path) -> None:
    """Coordinates and speeds, float32; LocoMuJoCo computes the rest from its own model."""
    motion = body_motion(clip)
    turn = quat_rotate_inverse(clip.root_quat_wxyz, motion.body_ang_vel_w[:, 0])
    qpos = [clip.root_pos, clip.root_quat_wxyz, motion.joint_pos]
    qvel = [motion.body_lin_vel_w[:, 0], turn, motion.joint_vel]
    count = 1 + len(motion.joint_names)
    write_npz(
        path,
        {
            "qpos": np.concatenate(qpos, axis=1).astype(np.float32),
            "qvel": np.concatenate(qvel, axis=1).astype(np.float32),
            "split_points": np.array([0, motion.num_frames]),
            "joint_names": np.array(("root", *motion.joint_names)),
            "njnt": np.array(count),
            "jnt_type": np.array([_FREE] + [_HINGE] * (count - 1)),
            "frequency": np.array(float(clip.fps)),
        },
    )


FORMAT = MotionFormat(
    name="locomujoco_npz",
    suffix=".npz",
    summary="LocoMuJoCo npz: qpos with the free joint first, joint_names, frequency",
    recognise=_recognise,
    read=_read,
    write=_write,
)
