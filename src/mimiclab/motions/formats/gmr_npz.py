"""The npz layout of GMR and TWIST2: named joints, quaternion xyzw, bodies in the root's frame.

Keys: `fps` (need not be whole), `root_pos` (T, 3), `root_rot` (T, 4) xyzw, `dof_pos` (T, J),
`joint_names` (J); optional `local_body_pos` (T, B, 3) in the root's frame, `link_body_list` (B).
"""

from pathlib import Path

import numpy as np

from mimiclab.maths.rotations import quat_normalize, quat_rotate, quat_rotate_inverse
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

_REQUIRED = {"fps", "root_pos", "root_rot", "dof_pos", "joint_names"}
_OPTIONAL = {"local_body_pos", "link_body_list"}


def _recognise(content: Content, robot: str | None) -> bool:
    return {"root_pos", "root_rot", "dof_pos"} <= content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root and joints; body positions are kept aside.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, joints of no known robot.
        RobotError: joints of another robot than declared.
    """
    content.refuse_unknown(_REQUIRED | _OPTIONAL, options.ignore_keys)
    names = content.names("joint_names")
    robot = robot_with_joints(content.path, names, options.robot)
    columns = [names.index(name) for name in robot.joint_names]
    root_pos, xyzw = content.array("root_pos", 3), content.array("root_rot", 4)
    clip = MotionClip(
        name=content.path.stem,
        robot=robot.name,
        fps=content.fps(options.fps),
        joint_names=robot.joint_names,
        root_pos=root_pos,
        root_quat_wxyz=xyzw[:, [3, 0, 1, 2]],
        joint_pos=content.array("dof_pos", len(names))[:, columns],
        source=content.path.name,
    )
    stored = None
    if "local_body_pos" in content.keys:
        bodies = content.names("link_body_list")
        local = content.array("local_body_pos", len(bodies), 3)
        # A wrong number of frames is left as it is for the caller to name.
        fits = len(local) == clip.num_frames
        turned = quat_rotate(clip.root_quat_wxyz[:, None], local) if fits else local
        world = turned + clip.root_pos[:, None] if fits else local
        stored = StoredArrays(body_names=bodies, body_pos_w=world)
    return MotionFile(
        path=content.path,
        format=FORMAT.name,
        clip=clip,
        stored=stored,
        quat_norm_deviation=unit_deviation(xyzw),
    )


def _write(clip: MotionClip, path: Path) -> None:
    motion = body_motion(clip)
    root_quat = quat_normalize(clip.root_quat_wxyz)
    local = quat_rotate_inverse(root_quat[:, None], motion.body_pos_w - motion.body_pos_w[:, :1])
    np.savez(
        path,
        allow_pickle=False,
        fps=np.array(clip.fps),
        root_pos=clip.root_pos,
        root_rot=root_quat[:, [1, 2, 3, 0]],
        dof_pos=motion.joint_pos,
        joint_names=np.array(motion.joint_names),
        local_body_pos=local.astype(np.float32),
        link_body_list=np.array(motion.body_names),
    )


FORMAT = MotionFormat(
    name="gmr_npz",
    suffix=".npz",
    summary="GMR/TWIST2 npz: root_pos, root_rot xyzw, dof_pos, named joints",
    recognise=_recognise,
    read=_read,
    write=_write,
)
