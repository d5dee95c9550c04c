"""VideoMimic's clips, pickle or HDF5: named joints and links, contacts, the ground's mesh beside.

`joint_names` (J), `joints` (T, J), `root_pos` (T, 3), `root_quat` (T, 4) xyzw, `link_names`,
`link_pos`, `link_quat` xyzw in the world frame, `contacts` with `left_foot` and `right_foot` (T,)
bool, perhaps `fps`. In HDF5 the names and the rate are attributes, spelt with a leading slash
(which its gym reads) or without (which its retargeter writes). Joints may end in `_joint`, links in
`.STL`. Files may lack the wrists, and in HDF5 the waist; its rollouts add actions, gains and
observations, which are passed over. The ground is `background_mesh.obj` in the clip's folder, in
the clip's frame; there is no ground at z = 0. Stored links may be those of the zero pose.

Layout: github.com/hongsukchoi/VideoMimic (simulation/videomimic_gym).
"""

from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    motion_file,
)
from mimiclab.motions.formats.names import match_joints
from mimiclab.motions.kinematics import body_motion

_MESH = "background_mesh.obj"
_FEET = ("contacts/left_foot", "contacts/right_foot")
_KEYS = {
    "joint_names", "joints", "root_pos", "root_quat", "link_names", "link_pos", "link_quat", "fps",
    *_FEET,
}  # fmt: skip
_ROLLOUT = ("joint_targets", "actions", "stiffness", "damping", "obs", "trajectory_name")
"""What an exported rollout adds; none of it is the motion."""
_MAY_LACK = r"wrist|waist"


def _recognise(content: Content, robot: str | None) -> bool:
    return {"joints", "root_pos", "root_quat"} <= content.keys and content.path.suffix != ".npz"


def _read(content: Content, options: ReadOptions, format_name: str) -> MotionFile:
    """Read root, joints, contacts and the mesh beside the file; links are kept aside.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, joints of no known robot, no rate.
        RobotError: joints of another robot than declared.
    """
    arrays = dict(content.arrays or {})
    for key, value in (content.attrs or {}).items():
        arrays.setdefault(key, np.asarray(value))
    whole = {key: value for key, value in arrays.items() if key.partition("/")[0] not in _ROLLOUT}
    inner = Content(path=content.path, arrays=whole)
    inner.refuse_unknown(_KEYS, options.ignore_keys)
    names = tuple(name.removesuffix("_joint") for name in inner.names("joint_names"))
    joints = match_joints(content.path, names, options.robot, may_lack=_MAY_LACK)
    return motion_file(
        content,
        format_name,
        joints,
        root_pos=inner.array("root_pos", 3),
        root_quat_wxyz=inner.array("root_quat", 4)[:, [3, 0, 1, 2]],
        joint_pos=inner.array("joints", len(names)),
        fps=inner.fps(options.fps),
        stored=_links(inner),
        foot_contacts=_contacts(inner),
        terrain=options.terrain or _mesh_beside(content.path),
    )


def _links(content: Content) -> StoredArrays | None:
    if not content.keys & {"link_pos", "link_quat"}:
        return None
    names = tuple(name.removesuffix(".STL") for name in content.names("link_names"))
    quat = content.optional("link_quat", len(names), 4)
    return StoredArrays(
        body_names=names,
        body_pos_w=content.optional("link_pos", len(names), 3),
        body_quat_wxyz_w=None if quat is None else quat[..., [3, 0, 1, 2]],
    )


def _contacts(content: Content) -> np.ndarray | None:
    found = [content.flags(key) for key in _FEET]
    left, right = found
    if left is None and right is None:
        return None
    if left is None or right is None or len(left) != len(right):
        raise MotionFileError(
            f"{content.path}: contacts of one foot only, or of unequal lengths; expected "
            f"{' and '.join(_FEET)} with one value for each frame"
        )
    return np.stack([left, right], axis=1)


def _mesh_beside(path: Path) -> str:
    mesh = path.parent / _MESH
    return str(mesh) if mesh.is_file() else ""


def _clip_arrays(clip: MotionClip) -> dict[str, np.ndarray]:
    motion = body_motion(clip)
    arrays = {
        "joints": motion.joint_pos,
        "root_pos": clip.root_pos,
        "root_quat": clip.root_quat_wxyz[:, [1, 2, 3, 0]],
        "link_pos": motion.body_pos_w,
        "link_quat": motion.body_quat_wxyz_w[..., [1, 2, 3, 0]],
    }
    found = {key: value.astype(np.float32) for key, value in arrays.items()}
    for side, key in enumerate(_FEET):
        if clip.foot_contacts is not None:
            found[key] = clip.foot_contacts[:, side].copy()
    return found


def _names(clip: MotionClip) -> dict[str, Any]:
    motion = body_motion(clip.cut(0, 1))
    return {
        "joint_names": list(motion.joint_names),
        "link_names": list(motion.body_names),
        "fps": clip.fps,
    }


def _write_pickle(clip: MotionClip, path: Path) -> None:
    import pickle

    tree: dict[str, Any] = _names(clip)
    for key, value in _clip_arrays(clip).items():
        group, slash, name = key.partition("/")
        if slash:
            tree.setdefault(group, {})[name] = value
        else:
            tree[key] = value
    path.write_bytes(pickle.dumps(tree, protocol=4))


def _write_hdf5(clip: MotionClip, path: Path) -> None:
    """Names and rate in both spellings, so that its gym and its retargeter's tools find them."""
    import h5py

    with h5py.File(path, "w") as file:
        for key, value in _clip_arrays(clip).items():
            file[key] = value
        for key, value in _names(clip).items():
            file.attrs[key] = file.attrs[f"/{key}"] = value


PICKLE = MotionFormat(
    name="videomimic_pkl",
    suffix=".pkl",
    summary="VideoMimic pickle: joints, root_pos, root_quat xyzw, named joints, contacts",
    recognise=lambda content, robot: content.attrs is None and _recognise(content, robot),
    read=lambda content, options: _read(content, options, "videomimic_pkl"),
    write=_write_pickle,
    carries=frozenset({"foot_contacts"}),
)

HDF5 = MotionFormat(
    name="videomimic_h5",
    suffix=".h5",
    summary="VideoMimic HDF5: the same as datasets, names and rate as attributes",
    recognise=lambda content, robot: content.attrs is not None and _recognise(content, robot),
    read=lambda content, options: _read(content, options, "videomimic_h5"),
    write=_write_hdf5,
    carries=frozenset({"foot_contacts"}),
)
