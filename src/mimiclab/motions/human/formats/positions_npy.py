"""Plain joint positions: an npy of shape (T, B, 3) whose joints a landmark map names in order.

The file says nothing else: the frame rate must be told, units and up axis are found or told.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.npz import read_npy
from mimiclab.motions.human.formats.base import (
    HumanFormat,
    HumanReadOptions,
    RawMotion,
    agreed_fps,
)
from mimiclab.motions.human.skeletons import SkeletonMap, load_skeleton, skeleton_names


def _read(path: Path, options: HumanReadOptions) -> RawMotion:
    """Read positions; joints by the declared map, or the only shipped one with that many joints.

    Raises:
        MotionFileError: not numbers of shape (T, B, 3), no map or more than one fits, no rate.
    """
    pos = read_npy(path)
    if pos.ndim != 3 or pos.shape[2] != 3 or not pos.size or pos.dtype.kind not in "fiu":
        raise MotionFileError(
            f"{path}: {pos.dtype} of shape {pos.shape}, expected numbers of shape (T, joints, 3)"
        )
    skeleton = _skeleton(path, pos.shape[1], options.skeleton)
    tree = skeleton.tree[: pos.shape[1]]
    names = [joint for joint, _ in tree]
    with np.errstate(invalid="ignore"):  # NaN of any kind is named later
        pos = pos.astype(np.float64)
    return RawMotion(
        path=path,
        joint_names=tuple(names),
        parents=tuple(names.index(parent) if parent else -1 for _, parent in tree),
        pos=pos,
        quat_wxyz=None,
        fps=agreed_fps(path, None, options.fps),
        skeleton=skeleton.name,
    )


def _skeleton(path: Path, count: int, declared: str | None) -> SkeletonMap:
    names = skeleton_names() if declared is None else (declared,)
    known = [skeleton for skeleton in map(load_skeleton, names) if skeleton.tree]
    fitting = [skeleton for skeleton in known if len(skeleton.tree) == count]
    if declared is not None:
        # Arrays often end before the last joints: SMPL's 22 joints of the body, without hands.
        first = [{joint for joint, _ in skeleton.tree[:count]} for skeleton in known]
        fitting = [
            skeleton
            for skeleton, joints in zip(known, first, strict=True)
            if count <= len(skeleton.tree) and skeleton.required_joints <= joints
        ]
    if len(fitting) == 1:
        return fitting[0]
    listing = ", ".join(f"{skeleton.name} ({len(skeleton.tree)})" for skeleton in known)
    raise MotionFileError(
        f"{path}: {count} joints without names, which fit {len(fitting)} of the landmark maps that "
        f"say an order of joints: {listing or 'none'}. Name one with skeleton=... (on the command "
        "line --skeleton), or write one with a `joints:` section"
    )


def _recognise(path: Path, head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


FORMAT = HumanFormat(
    name="positions_npy",
    suffixes=(".npy",),
    summary="joint positions npy (T, joints, 3), joints by a landmark map; the rate must be told",
    recognise=_recognise,
    read=_read,
)
