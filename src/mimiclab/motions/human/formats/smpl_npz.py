"""SMPL parameters as in AMASS: axis-angle poses of SMPL (24), SMPL-H (52) or SMPL-X (55) joints.

Joint positions come from the kinematic tree alone. Bone offsets are those of SMPL's neutral mean
body, as published with `smpl_humanoid.xml` of PHC and ProtoMotions (BSD-3, Apache-2.0), unless the
licensed body model is given; then `betas` count. Fingers, jaw and eyes are not read: landmarks end
at the knuckles. AMASS worlds are z up; others are recognised by how the body stands.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_from_rotvec
from mimiclab.motions.formats.npz import npz_keys, read_arrays
from mimiclab.motions.human.formats.base import (
    HumanFormat,
    HumanReadOptions,
    RawMotion,
    agreed_fps,
)
from mimiclab.motions.human.tree import JointPose, world_poses

# Axes of SMPL's body: x to its left, y up, z forward. Offsets from the parent's joint, m.
_TREE: tuple[tuple[str, int, tuple[float, float, float]], ...] = (
    ("Pelvis", -1, (-0.0018, -0.2233, 0.0282)),
    ("L_Hip", 0, (0.0695, -0.0914, -0.0068)),
    ("R_Hip", 0, (-0.0677, -0.0905, -0.0043)),
    ("Spine1", 0, (-0.0025, 0.1090, -0.0267)),
    ("L_Knee", 1, (0.0343, -0.3752, -0.0045)),
    ("R_Knee", 2, (-0.0383, -0.3826, -0.0089)),
    ("Spine2", 3, (0.0055, 0.1352, 0.0011)),
    ("L_Ankle", 4, (-0.0136, -0.3980, -0.0437)),
    ("R_Ankle", 5, (0.0158, -0.3984, -0.0423)),
    ("Spine3", 6, (0.0015, 0.0529, 0.0254)),
    ("L_Foot", 7, (0.0264, -0.0558, 0.1193)),
    ("R_Foot", 8, (-0.0254, -0.0481, 0.1233)),
    ("Neck", 9, (-0.0028, 0.2139, -0.0429)),
    ("L_Collar", 9, (0.0788, 0.1217, -0.0341)),
    ("R_Collar", 9, (-0.0818, 0.1188, -0.0386)),
    ("Head", 12, (0.0052, 0.0650, 0.0513)),
    ("L_Shoulder", 13, (0.0910, 0.0305, -0.0089)),
    ("R_Shoulder", 14, (-0.0960, 0.0326, -0.0091)),
    ("L_Elbow", 16, (0.2596, -0.0128, -0.0275)),
    ("R_Elbow", 17, (-0.2537, -0.0133, -0.0214)),
    ("L_Wrist", 18, (0.2492, 0.0090, -0.0012)),
    ("R_Wrist", 19, (-0.2553, 0.0078, -0.0056)),
    ("L_Hand", 20, (0.0840, -0.0082, -0.0149)),
    ("R_Hand", 21, (-0.0846, -0.0061, -0.0103)),
)
_BODY = 22
"""Joints before the hands, which all three models share."""
_MODELS = {72: ("SMPL", 24, (22, 23)), 156: ("SMPL-H", 52, (25, 40)), 165: ("SMPL-X", 55, (28, 43))}
"""Numbers of a pose -> name, joints, and the joints at the knuckles (hand, or middle finger)."""
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")


def _read(path: Path, options: HumanReadOptions) -> RawMotion:
    """Read poses and chain the joints.

    Raises:
        MotionFileError: missing arrays, wrong shapes, no frame rate, a body model that does not
            fit.
    """
    arrays = read_arrays(path, ("poses", "trans", "betas", *_RATES))
    absent = [key for key in ("poses", "trans") if key not in arrays]
    if absent:
        raise MotionFileError(
            f"{path}: no {' and no '.join(absent)} among {', '.join(sorted(npz_keys(path)))}; an "
            "SMPL motion has poses, trans, betas and mocap_framerate. If it is a robot's motion, "
            "read it as one (read_motion, `mimiclab motion check`)"
        )
    poses = _numbers(path, "poses", arrays["poses"], tuple(_MODELS))
    trans = _numbers(path, "trans", arrays["trans"], (3,))
    if len(poses) != len(trans):
        raise MotionFileError(
            f"{path}: poses has {len(poses)} frames and trans {len(trans)}; the file is damaged"
        )
    fps = agreed_fps(path, _stated_rate(path, arrays), options.fps)
    offsets = _offsets(path, poses.shape[1], arrays.get("betas"), options.body_model)
    # Only SMPL itself has joints at the knuckles that turn; they move nothing that is read here.
    parents = tuple(parent for _, parent, _ in _TREE)

    def local(joint: int, part: slice) -> JointPose:
        place = offsets[joint] + (trans[part] if joint == 0 else 0.0)
        if joint >= _BODY:
            return place, None
        return place, quat_from_rotvec(poses[part, 3 * joint : 3 * joint + 3])

    pos, quat = world_poses(parents, len(poses), local)
    return RawMotion(
        path=path,
        joint_names=tuple(name for name, *_ in _TREE),
        parents=parents,
        pos=pos,
        quat_wxyz=quat,
        fps=fps,
        units="m",
        skeleton="smpl",
    )


def _numbers(path: Path, key: str, value: np.ndarray, widths: tuple[int, ...]) -> np.ndarray:
    wanted = " or ".join(f"(T, {width})" for width in widths)
    if value.ndim != 2 or value.shape[1] not in widths or not len(value):
        raise MotionFileError(f"{path}: {key} has shape {value.shape}, expected {wanted}")
    if value.dtype.kind not in "fiu":
        raise MotionFileError(f"{path}: {key} holds {value.dtype} values, expected numbers")
    array = value.astype(np.float64)
    # Angles of thousands of turns are damage, and squares of huge numbers would overflow.
    if not (np.abs(array) < 1e6).all():
        raise MotionFileError(f"{path}: {key} has NaN, infinite or absurdly large numbers")
    return array


def _stated_rate(path: Path, arrays: dict[str, np.ndarray]) -> float | None:
    for key in _RATES:
        if key in arrays:
            value = arrays[key]
            if value.size != 1 or value.dtype.kind not in "fiu":
                raise MotionFileError(
                    f"{path}: {key} is {value.dtype} of shape {value.shape}, expected one number"
                )
            return float(value.reshape(()))
    return None


def _offsets(
    path: Path, width: int, betas: np.ndarray | None, body_model: Path | None
) -> np.ndarray:
    """Offset of each joint of `_TREE` from its parent in the rest pose, m. Shape (24, 3)."""
    if body_model is None:
        return np.array([offset for _, _, offset in _TREE])
    name, count, knuckles = _MODELS[width]
    model = read_arrays(body_model, ("J_regressor", "v_template", "shapedirs"))
    regressor, vertices = model.get("J_regressor"), model.get("v_template")
    fits = (
        regressor is not None
        and vertices is not None
        and vertices.ndim == regressor.ndim == 2
        and vertices.shape[1] == 3
        and regressor.shape == (count, len(vertices))
    )
    if not fits or regressor is None or vertices is None:
        shapes = {key: array.shape for key, array in model.items()}
        raise MotionFileError(
            f"{body_model}: not the {name} body model that {path.name} needs; expected J_regressor "
            f"({count}, V) and v_template (V, 3), got {shapes or 'neither'}"
        )
    shape = vertices.astype(np.float64)
    directions = model.get("shapedirs")
    if betas is not None and directions is not None:
        weights = betas.reshape(-1).astype(np.float64)
        if directions.ndim != 3 or directions.shape[:2] != vertices.shape:
            raise MotionFileError(f"{body_model}: shapedirs has shape {directions.shape}")
        used = min(len(weights), directions.shape[2])
        shape = shape + directions[:, :, :used].astype(np.float64) @ weights[:used]
    joints = (regressor.astype(np.float64) @ shape)[[*range(_BODY), *knuckles]]
    if not np.isfinite(joints).all():
        raise MotionFileError(f"{body_model}: the body model has NaN or infinite numbers")
    parents = np.array([parent for _, parent, _ in _TREE])
    return joints - np.where(parents[:, None] >= 0, joints[parents], 0.0)


def _recognise(path: Path, head: bytes) -> bool:
    return head.startswith(b"PK") and {"poses", "trans"} <= npz_keys(path)


FORMAT = HumanFormat(
    name="smpl_npz",
    suffixes=(".npz",),
    summary="SMPL, SMPL-H or SMPL-X npz of AMASS: poses, trans, betas, mocap_framerate",
    recognise=_recognise,
    read=_read,
)
