"""The layout of GMR and TWIST: joints named or counted, quaternion xyzw, bodies seen from the root.

Keys: `fps` (need not be whole), `root_pos` (T, 3), `root_rot` (T, 4) xyzw, `dof_pos` (T, J);
optionally `local_body_pos` (T, B, 3) in the root's frame and `link_body_list` (B). As npz with
`joint_names` (J), or as the tools' own pickle without them: joints in model order, checked by the
bodies where these are there, and the quaternion's order by whether the robot stands. MOSAIC keeps
the same in an npy of a dict, where `root_trans` and `root_ori` are the root's.

Layout: github.com/YanjieZe/GMR, YanjieZe/TWIST, amazon-far/TWIST2, BAAI-Humanoid/MOSAIC.
"""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.maths.rotations import quat_normalize, quat_rotate, quat_rotate_inverse
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.agreement import (
    QUAT_ORDERS,
    require_named_bodies,
    root_quat_order,
)
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    motion_file,
)
from mimiclab.motions.formats.names import count_joints, match_joints
from mimiclab.motions.formats.npz import write_npz
from mimiclab.motions.kinematics import body_motion

_KEYS = {
    "fps", "root_pos", "root_rot", "dof_pos", "joint_names", "local_body_pos", "link_body_list",
}  # fmt: skip


_ROOT = {"root_trans": "root_pos", "root_ori": "root_rot"}
"""MOSAIC's keys, and what they are elsewhere."""


def _recognise(content: Content, robot: str | None) -> bool:
    keys = {_ROOT.get(key, key) for key in content.keys}
    return {"root_pos", "root_rot", "dof_pos"} <= keys


def _read(content: Content, options: ReadOptions, format_name: str) -> MotionFile:
    """Read root and joints; body positions are kept aside.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, joints of no known robot, or bodies
            that contradict joints without names.
        RobotError: joints of another robot than declared.
    """
    renamed = {_ROOT.get(key, key): value for key, value in (content.arrays or {}).items()}
    content = replace(content, arrays=renamed)
    content.refuse_unknown(_KEYS, options.ignore_keys)
    path, dof_pos = content.path, content.array("dof_pos", "J")
    named = "joint_names" in content.keys
    if named:
        names = content.names("joint_names", dof_pos.shape[1])
        joints = match_joints(path, names, options.robot)
    else:
        joints = count_joints(path, dof_pos.shape[1], options.robot)
    quat = content.array("root_rot", 4)
    order = root_quat_order(path, quat, options.root_quat_order)
    file = motion_file(
        content,
        format_name,
        joints,
        root_pos=content.array("root_pos", 3),
        root_quat_wxyz=quat[:, QUAT_ORDERS[order]],
        joint_pos=dof_pos,
        fps=content.fps(options.fps),
        terrain=options.terrain,
    )
    if "local_body_pos" not in content.keys:
        return file
    bodies = content.names("link_body_list")
    world = _in_world(file.clip, content.array("local_body_pos", len(bodies), 3))
    if not named:
        require_named_bodies(path, file.clip, bodies, world)
    return replace(file, stored=StoredArrays(body_names=bodies, body_pos_w=world))


def _in_world(clip: MotionClip, local: np.ndarray) -> np.ndarray:
    if len(local) != clip.num_frames:
        return local  # for the caller to name
    return quat_rotate(clip.root_quat_wxyz[:, None], local) + clip.root_pos[:, None]


def _arrays(clip: MotionClip) -> dict[str, np.ndarray]:
    motion = body_motion(clip)
    root_quat = quat_normalize(clip.root_quat_wxyz)
    local = quat_rotate_inverse(root_quat[:, None], motion.body_pos_w - motion.body_pos_w[:, :1])
    return {
        "fps": np.array(clip.fps),
        "root_pos": clip.root_pos,
        "root_rot": root_quat[:, [1, 2, 3, 0]],
        "dof_pos": motion.joint_pos,
        "local_body_pos": local.astype(np.float32),
        "joint_names": np.array(motion.joint_names),
        "link_body_list": np.array(motion.body_names),
    }


def _write_npz(clip: MotionClip, path: Path) -> None:
    write_npz(path, _arrays(clip))


def _write_pickle(clip: MotionClip, path: Path) -> None:
    arrays: dict[str, Any] = _arrays(clip)
    del arrays["joint_names"]  # the tools' own files have none
    arrays["fps"] = clip.fps
    arrays["link_body_list"] = arrays["link_body_list"].tolist()
    data = pickle.dumps(arrays, protocol=2)
    # Numpy 2 writes a name that the numpy 1 of these tools does not know; both know the old one.
    path.write_bytes(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))


NPZ = MotionFormat(
    name="gmr_npz",
    suffix=".npz",
    summary="GMR/TWIST2 npz: root_pos, root_rot xyzw, dof_pos, named joints",
    recognise=lambda content, robot: content.path.suffix == ".npz" and _recognise(content, robot),
    read=lambda content, options: _read(content, options, "gmr_npz"),
    write=_write_npz,
)

PICKLE = MotionFormat(
    name="gmr_pkl",
    suffix=".pkl",
    summary="GMR/TWIST pickle: root_pos, root_rot xyzw, dof_pos in model order",
    recognise=_recognise,
    read=lambda content, options: _read(content, options, "gmr_pkl"),
    write=_write_pickle,
)
