"""The layout of PHC, HumanoidVerse, ASAP and PBHC: a joblib pickle of named clips, or one as npz.

Each clip has `root_trans_offset` (T, 3), `root_rot` (T, 4) xyzw, `dof` (T, J) in model order
without names, `pose_aa` (T, 1 + J + extra, 3) the same as axis-angle of the root and of each joint,
`fps`; PBHC adds `contact_mask` (T, 2) left and right, ASAP `smpl_joints` of the human. For the G1,
J is 23: the six wrist joints are left out, and the clip holds them at 0. The order of quaternion
and joints is checked by `pose_aa`.

Layout: github.com/ZhengyiLuo/PHC, LeCAR-Lab/ASAP (humanoidverse), TeleHuman/PBHC.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_angle, quat_from_rotvec, quat_to_rotvec
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    motion_file,
)
from mimiclab.motions.formats.names import WRISTS, JointColumns, count_joints, match_joints
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import Robot, get_robot

_KEYS = {
    "root_trans_offset", "root_rot", "dof", "pose_aa", "smpl_joints", "contact_mask", "fps",
    "joint_names", "trans_orig", "dof_pos", "beta", "gender", "motion_len",
}  # fmt: skip
_EXTRA_BODIES = 3
"""Entries of `pose_aa` after the joints, for hands and head, always 0."""
_SAME_RAD = 1e-3


def _recognise(content: Content, robot: str | None) -> bool:
    return {"root_trans_offset", "root_rot", "dof"} <= content.keys


def _read(content: Content, options: ReadOptions, format_name: str) -> MotionFile:
    """Read root, joints and contacts.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, joints of no known or of another
            robot, or `pose_aa` that contradicts them.
        RobotError: joints of another robot than declared.
    """
    content.refuse_unknown(_KEYS, options.ignore_keys)
    path, dof = content.path, (content.arrays or {}).get("dof")
    if dof is not None and dof.ndim == 3 and dof.shape[2] == 1:  # PHC keeps an axis for the angle
        content.arrays = {**(content.arrays or {}), "dof": dof[..., 0]}
    angles = content.array("dof", "J")
    if "joint_names" in content.keys:
        names = content.names("joint_names", angles.shape[1])
        joints = match_joints(path, names, options.robot, may_lack=WRISTS)
    else:
        joints = count_joints(path, angles.shape[1], options.robot, may_lack=WRISTS)
    xyzw = content.array("root_rot", 4)
    wxyz = xyzw[:, [3, 0, 1, 2]]
    if "pose_aa" in content.keys and "pose_aa" not in options.ignore_keys:
        _check_poses(path, content.array("pose_aa", "bodies", 3), wxyz, angles, joints)
    contacts, remarks = _contacts(content)
    return motion_file(
        content,
        format_name,
        joints,
        root_pos=content.array("root_trans_offset", 3),
        root_quat_wxyz=wxyz,
        joint_pos=angles,
        fps=content.fps(options.fps),
        remarks=remarks,
        foot_contacts=contacts,
        terrain=options.terrain,
    )


def _contacts(content: Content) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if "contact_mask" not in content.keys:
        return None, ()
    mask = content.array("contact_mask", 2)
    if not ((mask >= 0) & (mask <= 1)).all():
        raise MotionFileError(f"{content.path}: 'contact_mask' has values outside 0 to 1")
    between = int(((mask > 0) & (mask < 1)).any(axis=1).sum())
    told = f"contact_mask is between 0 and 1 in {between} frames; 0.5 and more count as contact"
    return mask >= 0.5, (told,) if between else ()


def _check_poses(
    path: Path, poses: np.ndarray, root_wxyz: np.ndarray, angles: np.ndarray, joints: JointColumns
) -> None:
    count = angles.shape[1]
    if not len(poses) == len(root_wxyz) == len(angles) or poses.shape[1] < 1 + count:
        raise MotionFileError(
            f"{path}: 'pose_aa' has shape {poses.shape}, expected ({len(angles)}, {1 + count} or "
            "more, 3) for root and joints; read the file without it: ignore_keys=('pose_aa',)"
        )
    norm = np.linalg.norm(root_wxyz, axis=1, keepdims=True)
    turned = quat_from_rotvec(poses[:, 0])
    off = quat_angle(root_wxyz / np.maximum(norm, 1e-9), turned).max()
    if off > _SAME_RAD:
        raise MotionFileError(
            f"{path}: 'root_rot' read as xyzw is up to {off:.2g} rad from the root in 'pose_aa'; "
            "is it wxyz? Write it as xyzw, or read without the check: ignore_keys=('pose_aa',)"
        )
    axes = np.zeros((count, 3))
    for axis, column in zip(_axes(joints.robot), joints.columns, strict=True):
        if column is not None:
            axes[column] = axis
    wrong = np.abs(poses[:, 1 : 1 + count] - axes * angles[..., None]).max(axis=(0, 2))
    if wrong.max() > _SAME_RAD:
        column = int(wrong.argmax())
        name = joints.robot.joint_names[joints.columns.index(column)]
        raise MotionFileError(
            f"{path}: 'pose_aa' and 'dof' disagree in column {column}, {name} in the order of "
            f"robot {joints.robot.name!r}, by {wrong[column]:.2g} rad; its joints are in another "
            "order or of another robot. Or read without the check: ignore_keys=('pose_aa',)"
        )


def _axes(robot: Robot) -> np.ndarray:
    return np.array([robot.model.joint(name).axis for name in robot.joint_names])


def clip_dict(clip: MotionClip, *, wrists: bool) -> dict[str, np.ndarray | int | float]:
    """A clip as these tools keep it, float32; without `wrists`, those six joints are left out."""
    robot = get_robot(clip.robot)
    joints = clip_qpos(clip, robot)[:, 7:]
    kept = [i for i, n in enumerate(robot.joint_names) if wrists or "wrist" not in n]
    bodies = np.zeros((clip.num_frames, 1 + len(kept) + _EXTRA_BODIES, 3))
    bodies[:, 0] = quat_to_rotvec(clip.root_quat_wxyz)
    bodies[:, 1 : 1 + len(kept)] = joints[:, kept, None] * _axes(robot)[kept]
    arrays = {
        "root_trans_offset": clip.root_pos,
        "pose_aa": bodies,
        "dof": joints[:, kept],
        "root_rot": clip.root_quat_wxyz[:, [1, 2, 3, 0]],
    }
    if clip.foot_contacts is not None:
        arrays["contact_mask"] = clip.foot_contacts
    fps = int(clip.fps) if clip.fps == int(clip.fps) else clip.fps
    return {key: value.astype(np.float32) for key, value in arrays.items()} | {"fps": fps}


def _write(clip: MotionClip, path: Path, *, wrists: bool) -> None:
    import joblib

    joblib.dump({clip.name: clip_dict(clip, wrists=wrists)}, path)


NPZ = MotionFormat(
    name="phc_npz",
    suffix=".npz",
    summary="PHC/ASAP/PBHC npz: root_trans_offset, root_rot xyzw, dof; G1 with 23 or 29 joints",
    recognise=lambda content, robot: content.path.suffix == ".npz" and _recognise(content, robot),
    read=lambda content, options: _read(content, options, "phc_npz"),
    carries=frozenset({"foot_contacts"}),
)

PICKLE = MotionFormat(
    name="phc_pkl",
    suffix=".pkl",
    summary="PHC/PBHC joblib pickle: root_trans_offset, root_rot xyzw, dof of all joints",
    recognise=_recognise,
    read=lambda content, options: _read(content, options, "phc_pkl"),
    write=lambda clip, path: _write(clip, path, wrists=True),
    carries=frozenset({"foot_contacts"}),
)

PICKLE_WITHOUT_WRISTS = MotionFormat(
    name="asap_pkl",
    suffix=".pkl",
    summary="ASAP/PBHC joblib pickle of the G1 with 23 joints: the same without the wrists' angles",
    recognise=lambda content, robot: False,
    read=lambda content, options: _read(content, options, "asap_pkl"),
    write=lambda clip, path: _write(clip, path, wrists=False),
    carries=frozenset({"foot_contacts"}),
)
