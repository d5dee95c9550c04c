"""What a file tells twice must agree: bodies against joints, and one quaternion order or the other.

Files without names leave the order of their joints to faith. Where they also store where the bodies
are, kinematics decides.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_angle, quat_normalize
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import get_robot

QUAT_ORDERS = {"xyzw": [3, 0, 1, 2], "wxyz": [0, 1, 2, 3]}
"""Columns that put a quaternion of each order into w, x, y, z."""
TOLERANCE_M = 0.03
"""Mean disagreement that still counts as the same robot: variants of the G1 differ by 1 cm."""
_PROBE_FRAMES = 64


def probe_frames(count: int) -> np.ndarray:
    """Frames that stand for all, at most 64, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, _PROBE_FRAMES)).astype(int))


def require_named_bodies(
    path: Path, clip: MotionClip, body_names: tuple[str, ...], pos_w: np.ndarray
) -> None:
    """Refuse a clip whose joints do not put the bodies where the file says. pos_w is (T, B, 3).

    Raises:
        MotionFileError: they are off by more than models differ; or no body is known.
    """
    robot = get_robot(clip.robot)
    common = [name for name in robot.body_names if name in body_names]
    if len(pos_w) != clip.num_frames or not common:
        raise MotionFileError(
            f"{path}: {len(pos_w)} frames of {len(body_names)} bodies, expected {clip.num_frames} "
            f"and bodies of robot {robot.name!r} among them"
        )
    frames = probe_frames(clip.num_frames)
    true, _ = forward_kinematics(robot.model, clip_qpos(clip)[frames])
    true = true[:, [robot.body_names.index(name) for name in common]]
    given = pos_w[frames][:, [body_names.index(name) for name in common]]
    _require(path, clip, np.linalg.norm(given - true, axis=-1).mean(axis=0), common)


def match_unnamed_bodies(
    path: Path, clip: MotionClip, pos_w: np.ndarray, quat_wxyz_w: np.ndarray
) -> tuple[int, ...]:
    """For each of the robot's bodies, the one of the file that is there, and turned like it.

    `pos_w` is (T, B, 3), `quat_wxyz_w` (T, B, 4).

    Raises:
        MotionFileError: a body has none within what models differ.
    """
    robot = get_robot(clip.robot)
    same = len(pos_w) == len(quat_wxyz_w) == clip.num_frames
    if not same or not 0 < pos_w.shape[1] <= 1000:
        raise MotionFileError(
            f"{path}: {len(pos_w)} frames of {pos_w.shape[1]} bodies, expected {clip.num_frames}"
        )
    frames = probe_frames(clip.num_frames)
    true, turned = forward_kinematics(robot.model, clip_qpos(clip)[frames])
    apart = np.linalg.norm(pos_w[frames][:, None] - true[:, :, None], axis=-1).mean(axis=0)
    _require(path, clip, apart.min(axis=1), list(robot.body_names))
    # Joints that meet in a point have bodies in the same place.
    given = quat_normalize(quat_wxyz_w[frames])
    apart += quat_angle(given[:, None], turned[:, :, None]).mean(axis=0)
    return tuple(int(i) for i in apart.argmin(axis=1))


def _require(path: Path, clip: MotionClip, errors: np.ndarray, names: list[str]) -> None:
    worst = int(np.argmax(np.nan_to_num(errors, nan=np.inf)))
    if not errors[worst] <= TOLERANCE_M:
        raise MotionFileError(
            f"{path}: the joints do not put the bodies of robot {clip.robot!r} where the file says "
            f"they are: {names[worst]} is off by {errors[worst]:.3g} m on average, expected at "
            f"most {TOLERANCE_M}. Is it another robot, or are its joints in another order?"
        )


def root_quat_order(path: Path, quat: np.ndarray, declared: str | None) -> str:
    """The order of a root quaternion (T, 4) that is xyzw unless declared otherwise.

    A robot that would be upside down or on its side all the time, but upright all the time in the
    other order, is most likely in the other order. That is a reason to ask, not to switch.

    Raises:
        MotionFileError: an unknown order is declared, or none where it looks like wxyz.
    """
    if declared is not None:
        if declared not in QUAT_ORDERS:
            raise MotionFileError(
                f"{path}: root_quat_order is {declared!r}, expected one of {', '.join(QUAT_ORDERS)}"
            )
        return declared
    upright = {name: _up_share(quat[:, columns]) for name, columns in QUAT_ORDERS.items()}
    if upright["xyzw"] < 0.5 and upright["wxyz"] > 0.9:
        raise MotionFileError(
            f"{path}: read as xyzw (the usual order) the root is upright in only "
            f"{upright['xyzw']:.0%} of the frames, read as wxyz in {upright['wxyz']:.0%}; the "
            "file is probably wxyz. Declare root_quat_order='wxyz' (on the command line "
            "--root-quat-order wxyz), or 'xyzw' if the robot really is upside down"
        )
    return "xyzw"


def _up_share(quat_wxyz: np.ndarray) -> float:
    """Share of frames whose root z axis is within 60 degrees of up."""
    norm = np.maximum((quat_wxyz**2).sum(axis=1), 1e-12)
    up = 1.0 - 2.0 * (quat_wxyz[:, 1] ** 2 + quat_wxyz[:, 2] ** 2) / norm
    return float((up > 0.5).mean())
