"""What a motion file format is, and what reading one gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.names import JointColumns
from mimiclab.motions.kinematics import BodyMotion


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredArrays:
    """Derived arrays as found in a file: kept aside to be checked, never used as the motion.

    An array that the file does not have is None. World frame, z up.
    """

    body_names: tuple[str, ...] = ()
    joint_vel: np.ndarray | None = None
    """Joint speeds in the clip's joint order, rad/s. Shape (T, J)."""
    body_pos_w: np.ndarray | None = None
    """Link origins, m. Shape (T, B, 3)."""
    body_quat_wxyz_w: np.ndarray | None = None
    """Link orientations. Shape (T, B, 4)."""
    body_lin_vel_w: np.ndarray | None = None
    """Linear velocities, m/s; which point they belong to is for the check to find out."""
    body_ang_vel_w: np.ndarray | None = None
    """Angular velocities, rad/s, said to be in world axes. Shape (T, B, 3)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionFile:
    """A motion file as read: the clip, and what the file claimed beside it."""

    path: Path
    format: str
    clip: MotionClip
    stored: StoredArrays | None = None
    quat_norm_deviation: float = 0.0
    """Largest difference of a root quaternion's length from 1 before it was normalised."""
    remarks: tuple[str, ...] = ()
    """What the reader had to add or decide, for `check_file` to tell."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the caller declares about a file; None leaves it to the file or the format."""

    robot: str | None = None
    """Registry name of the robot. Files that name no joints cannot be read without it."""
    fps: float | None = None
    """Frame rate; must agree with the file if that states one."""
    root_quat_order: str | None = None
    """`wxyz` or `xyzw`, for formats that leave it open (Unitree CSV)."""
    ignore_keys: tuple[str, ...] = ()
    """npz keys to pass over although the format does not know them."""
    terrain: str = ""
    """Path or name of the ground's mesh, for files that do not name theirs."""


@dataclass(kw_only=True)
class Content:
    """A file opened once, for detection and reading: arrays (npz, HDF5, pickle, torch) or text."""

    path: Path
    arrays: dict[str, np.ndarray] | None = None
    text: str | None = None
    attrs: dict[str, Any] | None = None
    """Attributes of an HDF5 file as `group/name`; None for any other file."""
    tree: Any = None
    """Nested data of a pickle or torch file, whose `arrays` are keyed `outer/inner`."""
    object_keys: frozenset[str] = frozenset()
    """Keys of an npz whose arrays hold Python objects; none of them is a motion."""
    notes: dict = field(default_factory=dict)
    """Results of detection worth keeping for the reader."""

    @property
    def keys(self) -> set[str]:
        """Keys of arrays, also of those that hold Python objects; empty for text."""
        return set(self.arrays or ()) | self.object_keys

    def array(self, key: str, *tail: int | str) -> np.ndarray:
        """The npz array of this key as float64, of shape (T, *tail); a string matches any size.

        Raises:
            MotionFileError: missing, not numeric, or of another shape.
        """
        arrays = self.arrays or {}
        if key in self.object_keys:
            raise MotionFileError(f"{self.path}: {key!r} holds Python objects, expected numbers")
        if key not in arrays:
            raise MotionFileError(
                f"{self.path}: the key {key!r} is missing; found {', '.join(sorted(arrays))}"
            )
        value = arrays[key]
        shape = "(T, " + ", ".join(map(str, tail)) + ")"
        fits = value.ndim == 1 + len(tail) and all(
            isinstance(want, str) or have == want
            for have, want in zip(value.shape[1:], tail, strict=True)
        )
        if not fits:
            raise MotionFileError(f"{self.path}: {key!r} has shape {value.shape}, expected {shape}")
        if value.dtype.kind not in "fiu":
            raise MotionFileError(
                f"{self.path}: {key!r} holds {value.dtype} values, expected numbers"
            )
        return value.astype(np.float64, copy=False)

    def optional(self, key: str, *tail: int | str) -> np.ndarray | None:
        """As `array`, or None where the file lacks the key."""
        return self.array(key, *tail) if key in self.keys else None

    def names(self, key: str, count: int | None = None) -> tuple[str, ...]:
        """A one-dimensional string array, of `count` strings if that is given.

        Raises:
            MotionFileError: missing, not strings, or with a name twice.
        """
        names = self.strings(key, count)
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise MotionFileError(f"{self.path}: {key!r} has names twice: {', '.join(twice)}")
        return names

    def strings(self, key: str, count: int | None = None) -> tuple[str, ...]:
        """A one-dimensional string array, of `count` strings if that is given.

        Raises:
            MotionFileError: missing, not strings, or another number of them.
        """
        value = (self.arrays or {}).get(key)
        if value is None or value.dtype.kind != "U" or value.ndim != 1:
            found = "missing" if value is None else f"{value.dtype} of shape {value.shape}"
            raise MotionFileError(
                f"{self.path}: {key!r} is {found}, expected a list of names (strings, 1-D)"
            )
        if count is not None and len(value) != count:
            raise MotionFileError(f"{self.path}: {key!r} has {len(value)} entries, not {count}")
        return tuple(value.tolist())

    def flags(self, key: str, *tail: int | str) -> np.ndarray | None:
        """The bool array of this key, or None where the file lacks it; numbers must be 0 or 1.

        Raises:
            MotionFileError: another shape or other values.
        """
        value = (self.arrays or {}).get(key)
        if value is None:
            return None
        if value.dtype.kind == "b":
            value = value.astype(np.float64)
        numbers = Content(path=self.path, arrays={key: value}).array(key, *tail)
        if not np.isin(numbers, (0.0, 1.0)).all():
            raise MotionFileError(f"{self.path}: {key!r} has values other than 0 and 1")
        return numbers > 0.5

    def string(self, key: str) -> str:
        """A string stored as a 0-d array; empty where the file lacks the key."""
        value = (self.arrays or {}).get(key)
        if value is None:
            return ""
        if value.dtype.kind != "U" or value.size != 1:
            raise MotionFileError(
                f"{self.path}: {key!r} is {value.dtype} of shape {value.shape}, expected one string"
            )
        return str(value.reshape(()))

    def fps(self, declared: float | None, default: float | None = None) -> float:
        """The frame rate: the file's, which must agree with the declared one, or the declared one.

        Raises:
            MotionFileError: missing without a declaration, zero, not a number, or disagreeing.
        """
        value = (self.arrays or {}).get("fps")
        if value is None:
            found = declared if declared is not None else default
            if found is None:
                raise MotionFileError(
                    f"{self.path}: the frame rate 'fps' is missing; state it with fps=... "
                    "(on the command line --fps)"
                )
        elif value.dtype.kind not in "fiu" or value.size != 1:
            raise MotionFileError(
                f"{self.path}: 'fps' is {value.dtype} of shape {value.shape}, expected one number"
            )
        else:
            found = float(value.reshape(()))
            # A thousandth covers rates that were rounded for printing, like 29.97.
            if declared is not None and abs(declared - found) > 1e-3 * abs(found):
                raise MotionFileError(
                    f"{self.path}: the file says {found:g} fps but {declared:g} was declared; "
                    "leave fps out to trust the file, or correct the file (resampling is a "
                    "separate step, --output-fps)"
                )
        if not (np.isfinite(found) and found > 0):
            raise MotionFileError(
                f"{self.path}: fps is {found:g}, expected a positive number of frames per second"
            )
        return float(found)

    def refuse_unknown(self, known: set[str], ignored: tuple[str, ...]) -> None:
        """Raise if the npz has keys that the format does not define and nobody asked to ignore.

        Raises:
            MotionFileError: names the keys.
        """
        unknown = sorted(self.keys - known - set(ignored))
        if unknown:
            raise MotionFileError(
                f"{self.path}: unknown keys {', '.join(unknown)}; this format has "
                f"{', '.join(sorted(known))}. Remove them, or read the file without them: "
                f"ignore_keys={tuple(unknown)} (on the command line --ignore-keys)"
            )


EVERYTHING = frozenset({"foot_contacts", "objects", "terrain"})
"""What a clip may have beside the robot's motion."""


@dataclass(frozen=True, kw_only=True)
class MotionFormat:
    """One file format: how to recognise, read and write it."""

    name: str
    suffix: str
    summary: str
    """One line for help texts and error messages."""
    recognise: Callable[[Content, str | None], bool]
    """Whether content, for the declared robot if any, looks like this format."""
    read: Callable[[Content, ReadOptions], MotionFile]
    write: Callable[[MotionClip, Path], None] | None = None
    """Write the clip to a path that is already safe to write to; None where nobody needs that."""
    suffixes: tuple[str, ...] = ()
    """Further suffixes of files of this format."""
    carries: frozenset[str] = frozenset()
    """Which of `EVERYTHING` a file of this format can hold; the rest of a clip is left out."""


def motion_file(
    content: Content,
    format_name: str,
    joints: JointColumns,
    *,
    root_pos: np.ndarray,
    root_quat_wxyz: np.ndarray,
    joint_pos: np.ndarray,
    fps: float,
    stored: StoredArrays | None = None,
    remarks: tuple[str, ...] = (),
    name: str = "",
    **about: Any,
) -> MotionFile:
    """What a reader returns: the clip with its joints in model order, and what it did.

    `joint_pos` is in the file's order; `about` are further fields of the clip.

    Raises:
        MotionError: the content is invalid.
    """
    clip = MotionClip(
        name=name or content.path.stem,
        robot=joints.robot.name,
        fps=fps,
        joint_names=joints.robot.joint_names,
        root_pos=root_pos,
        root_quat_wxyz=root_quat_wxyz,
        joint_pos=joints.take(joint_pos),
        **{"source": content.path.name, **about},
    )
    return MotionFile(
        path=content.path,
        format=format_name,
        clip=clip,
        stored=stored,
        quat_norm_deviation=unit_deviation(root_quat_wxyz),
        remarks=(*joints.remarks, *remarks),
    )


def stored_arrays(
    content: Content,
    bodies: tuple[str, ...],
    *,
    quat_key: str = "body_quat_w",
    joint_vel: np.ndarray | None = None,
) -> StoredArrays:
    """The derived arrays under the keys that most npz formats share."""
    count = len(bodies)
    return StoredArrays(
        body_names=bodies,
        joint_vel=joint_vel,
        body_pos_w=content.optional("body_pos_w", count, 3),
        body_quat_wxyz_w=content.optional(quat_key, count, 4),
        body_lin_vel_w=content.optional("body_lin_vel_w", count, 3),
        body_ang_vel_w=content.optional("body_ang_vel_w", count, 3),
    )


def derived_arrays(motion: BodyMotion, *, quat_key: str = "body_quat_w") -> dict[str, np.ndarray]:
    """The bodies' arrays under the keys that most npz formats share, float32."""
    arrays = {
        "body_pos_w": motion.body_pos_w,
        quat_key: motion.body_quat_wxyz_w,
        "body_lin_vel_w": motion.body_lin_vel_w,
        "body_ang_vel_w": motion.body_ang_vel_w,
    }
    return {key: value.astype(np.float32) for key, value in arrays.items()}


def whole_fps(fps: float) -> np.ndarray:
    """A frame rate of shape (1,), an integer where it is whole, as upstream loaders expect."""
    return np.array([int(fps) if fps == int(fps) else fps])


def unit_deviation(quat: np.ndarray) -> float:
    """Largest difference of a quaternion's length from 1. Shape (T, 4)."""
    return float(np.abs(np.linalg.norm(quat, axis=-1) - 1.0).max())
