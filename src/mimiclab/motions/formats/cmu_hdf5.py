"""dm_control's HDF5 of fitted motion capture: clips of the CMU humanoids, one or many in a file.

Each clip is a group with `dt` and `num_steps`, `walkers/walker_0` and perhaps props. Arrays have
time on their last axis: root `position` and `quaternion` wxyz in dm_control's axes, 56 `joints` in
model order, and derived ones, which are recomputed here (`velocity` and `angular_velocity` in the
root's axes as MuJoCo has them, `appendages` and `end_effectors` in the root's frame).
Velocities are differences of poses, without those that dm_control's own fits may hold.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.maths.rotations import quat_conjugate, quat_multiply, quat_rotate, quat_rotate_inverse
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    unit_deviation,
)
from mimiclab.motions.kinematics import angular_velocity, body_motion, central_difference
from mimiclab.motions.scene import ObjectTrack
from mimiclab.robots import get_robot
from mimiclab.robots.dm_cmu_humanoid import ROOT_FROM_DM_CONTROL

if TYPE_CHECKING:
    import h5py

_MODELS = {"dm_cmu_humanoid_2019": 1, "dm_cmu_humanoid": 4}
"""Robots and their numbers in the files."""
_SPHERE, _BOX = 1, 2
_END_EFFECTORS = ("rradius", "lradius", "rfoot", "lfoot")
_WALKER = "walkers/walker_0"


def _recognise(content: Content, robot: str | None) -> bool:
    return content.attrs is not None and f"{_WALKER}/joints" in content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root, joints and props; the stored bodies and joint speeds are kept aside.

    Raises:
        MotionFileError: missing arrays or attributes, wrong shapes, more than one walker.
        RobotError: fitted to another robot than declared.
    """
    path, attrs = content.path, content.attrs or {}
    if any(key.startswith("walkers/walker_1/") for key in content.keys):
        raise MotionFileError(f"{path}: holds more than one walker, expected one; split it")
    robot = get_robot(_robot(path, attrs.get(f"{_WALKER}/model"), options.robot))
    joints = _series(content, f"{_WALKER}/joints", robot.num_joints)
    quat = _series(content, f"{_WALKER}/quaternion", 4)
    steps = attrs.get("num_steps")
    if steps is None or np.ndim(steps) or int(steps) != len(joints):
        raise MotionFileError(
            f"{path}: num_steps is {steps} but the arrays have {len(joints)} steps; the file is "
            "damaged, copy or convert it again"
        )
    bodies = robot.body_names[1:]
    stored = StoredArrays(
        body_names=bodies,
        joint_vel=_optional(content, f"{_WALKER}/joints_velocity", robot.num_joints),
        body_pos_w=_bodies(content, f"{_WALKER}/body_positions", len(bodies), 3),
        body_quat_wxyz_w=_bodies(content, f"{_WALKER}/body_quaternions", len(bodies), 4),
    )
    clip = MotionClip(
        name=content.notes["clip"] or path.stem,
        robot=robot.name,
        fps=_fps(path, attrs.get("dt"), options.fps),
        joint_names=robot.joint_names,
        root_pos=_series(content, f"{_WALKER}/position", 3),
        root_quat_wxyz=quat_multiply(quat, np.broadcast_to(ROOT_FROM_DM_CONTROL, quat.shape)),
        joint_pos=joints,
        objects=_props(content, attrs),
        source=path.name,
    )
    return MotionFile(
        path=path,
        format=FORMAT.name,
        clip=clip,
        stored=stored,
        quat_norm_deviation=unit_deviation(quat),
    )


def _robot(path: Path, model: Any, declared: str | None) -> str:
    found = [name for name, number in _MODELS.items() if np.ndim(model) == 0 and number == model]
    if not found:
        raise MotionFileError(
            f"{path}: the walker's model is {model}, expected 1 (CMU humanoid of 2019) or 4 (2020)"
        )
    if declared not in (None, found[0]):
        raise RobotError(
            f"{path}: is for robot {found[0]!r}, not {declared!r}; retarget it, or declare "
            f"{found[0]!r}"
        )
    return found[0]


def _fps(path: Path, dt: Any, declared: float | None) -> float:
    if dt is None or np.ndim(dt) or not (isinstance(dt, float | int | np.number) and dt > 0):
        raise MotionFileError(f"{path}: the time step 'dt' is {dt}, expected seconds above 0")
    return Content(path=path, arrays={"fps": np.array(1.0 / float(dt))}).fps(declared)


def _series(content: Content, key: str, size: int) -> np.ndarray:
    """An array with time on its last axis as (T, size)."""
    array = (content.arrays or {}).get(key)
    if array is None or array.dtype.kind not in "fiu" or array.shape[:-1] != (size,):
        found = "missing" if array is None else f"{array.dtype} of shape {array.shape}"
        raise MotionFileError(f"{content.path}: {key!r} is {found}, expected numbers ({size}, T)")
    return array.T.astype(np.float64)


def _optional(content: Content, key: str, size: int) -> np.ndarray | None:
    return _series(content, key, size) if key in content.keys else None


def _bodies(content: Content, key: str, count: int, size: int) -> np.ndarray | None:
    flat = _optional(content, key, count * size)
    return None if flat is None else flat.reshape(len(flat), count, size)


def _props(content: Content, attrs: dict[str, Any]) -> tuple[ObjectTrack, ...]:
    found = []
    while f"props/prop_{len(found)}/position" in content.keys:
        where = f"props/prop_{len(found)}"
        half = np.ravel(attrs.get(f"{where}/size", ()))
        is_box = attrs.get(f"{where}/shape") == _BOX and half.size == 3
        found.append(
            ObjectTrack(
                name=str(attrs.get(f"{where}/name", "")) or f"prop_{len(found)}",
                pos_w=_series(content, f"{where}/position", 3),
                quat_wxyz_w=_series(content, f"{where}/quaternion", 4),
                size=tuple(2.0 * half.astype(float)) if is_box else None,
            )
        )
    return tuple(found)


def write_clips(clips: Sequence[MotionClip], path: str | Path) -> None:
    """Write clips of one or both CMU humanoids to one file that dm_control's loader reads.

    The path must be safe to write to (see `files.atomic_path`). Masses of props are not known here
    and are written as 1 kg; their half sizes only for boxes.

    Raises:
        RobotError: a clip of another robot.
        MotionFileError: two clips of one name, or a name with a slash.
    """
    import h5py

    names = [clip.name for clip in clips]
    for clip in clips:
        if clip.robot not in _MODELS:
            raise RobotError(
                f"motion {clip.name!r} is of robot {clip.robot!r}; this format holds "
                f"{' and '.join(_MODELS)} only, so retarget it first"
            )
        if "/" in clip.name or clip.name in ("", ".") or names.count(clip.name) > 1:
            raise MotionFileError(
                f"{path}: clips are found by name in this format, and {clip.name!r} is double, "
                "empty or has a slash; rename it"
            )
    with h5py.File(path, "w") as file:
        for clip in clips:
            _write_clip(clip, file.create_group(clip.name))


def _write_clip(clip: MotionClip, group: "h5py.Group") -> None:
    group.attrs.update(dt=1.0 / clip.fps, num_steps=clip.num_frames, year=0, month=0, day=0)
    walker = group.create_group(_WALKER)
    walker.attrs.update(
        name=np.bytes_("walker"),
        model=_MODELS[clip.robot],
        mass=0.0,  # 0: the model's own
        end_effector_names=np.array(_END_EFFECTORS, "S"),
        appendage_names=np.array((*_END_EFFECTORS, "head"), "S"),
    )
    walker.create_group("scaling")
    walker.create_group("markers")
    for key, values in _walker_arrays(clip).items():
        walker[key] = np.ascontiguousarray(values.reshape(clip.num_frames, -1).T)
    props = group.create_group("props")
    for i, thing in enumerate(clip.objects):
        prop = props.create_group(f"prop_{i}")
        half = [] if thing.size is None else [edge / 2 for edge in thing.size]
        shape = 0 if thing.size is None else _BOX
        prop.attrs.update(name=np.bytes_(thing.name.encode()), shape=shape, size=half, mass=1.0)
        prop["position"], prop["quaternion"] = thing.pos_w.T, thing.quat_wxyz_w.T
        prop["velocity"] = central_difference(thing.pos_w, clip.fps).T
        spin_w = angular_velocity(thing.quat_wxyz_w, clip.fps)
        prop["angular_velocity"] = quat_rotate_inverse(thing.quat_wxyz_w, spin_w).T


def _walker_arrays(clip: MotionClip) -> dict[str, np.ndarray]:
    """All that dm_control stores of a walker, each (T, ...)."""
    robot = get_robot(clip.robot)
    motion = body_motion(clip, robot)
    turned = np.broadcast_to(quat_conjugate(ROOT_FROM_DM_CONTROL), clip.root_quat_wxyz.shape)
    quat = quat_multiply(motion.body_quat_wxyz_w[:, 0], turned)
    root = motion.body_pos_w[:, :1]
    limbs = motion.select((*_END_EFFECTORS, "head")).body_pos_w
    appendages = quat_rotate_inverse(quat[:, None], limbs - root)
    mass = robot.model.body_mass[1:]
    centres = motion.body_pos_w + quat_rotate(motion.body_quat_wxyz_w, robot.model.body_ipos[1:])
    return {
        "position": motion.body_pos_w[:, 0],
        "quaternion": quat,
        "joints": motion.joint_pos,
        "center_of_mass": np.einsum("b,tbi->ti", mass / mass.sum(), centres),
        "end_effectors": appendages[:, :-1],
        "velocity": motion.body_lin_vel_w[:, 0],
        "angular_velocity": quat_rotate_inverse(quat, motion.body_ang_vel_w[:, 0]),
        "joints_velocity": motion.joint_vel,
        "appendages": appendages,
        "body_positions": motion.body_pos_w[:, 1:],
        "body_quaternions": motion.body_quat_wxyz_w[:, 1:],
    }


def _write(clip: MotionClip, path: Path) -> None:
    write_clips([clip], path)


FORMAT = MotionFormat(
    name="cmu_hdf5",
    suffix=".h5",
    summary="dm_control HDF5 of the CMU humanoids, one or many clips: walkers, props, named groups",
    recognise=_recognise,
    read=_read,
    write=_write,
    carries=frozenset({"objects"}),
)
