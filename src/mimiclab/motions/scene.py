"""Things beside the robot that a motion touches: objects, and what the ground is."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimiclab.errors import MotionError


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectTrack:
    """A rigid object moving beside a robot, frame for frame with its clip.

    Arrays are float64 and read-only. An object that stands still has equal rows.

    Raises:
        MotionError: no name, wrong shape, non-finite value, unnormalised quaternion, bad size.
    """

    name: str
    pos_w: np.ndarray
    """World position of the object's origin, m. Shape (T, 3)."""
    quat_wxyz_w: np.ndarray
    """World orientation of the object. Shape (T, 4)."""
    mesh: str = ""
    """Path or name of its mesh, in the object's frame; empty if none is known."""
    size: tuple[float, float, float] | None = None
    """Full edge lengths of a box centred at the object's origin, m; None if it is no box."""

    def __post_init__(self) -> None:
        where = f"object {self.name!r}"
        if not self.name:
            raise MotionError("an object has an empty name; give each object a name of its own")
        pos = checked_array(where, "pos_w", self.pos_w, (np.shape(self.pos_w)[:1] or (0,)) + (3,))
        quat = checked_array(where, "quat_wxyz_w", self.quat_wxyz_w, (len(pos), 4))
        object.__setattr__(self, "pos_w", _frozen(pos))
        object.__setattr__(self, "quat_wxyz_w", _frozen(unit_quats(quat, f"{where}: quaternion")))
        if self.size is not None:
            size = tuple(float(edge) for edge in self.size)
            if len(size) != 3 or not (np.isfinite(size).all() and min(size) > 0):
                raise MotionError(
                    f"{where}: size is {self.size}, expected three edges in m, all > 0"
                )
            object.__setattr__(self, "size", size)

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.pos_w)

    def cut(self, start: int, stop: int) -> "ObjectTrack":
        """Frames start (inclusive) to stop (exclusive)."""
        part = slice(start, stop)
        return replace(self, pos_w=self.pos_w[part], quat_wxyz_w=self.quat_wxyz_w[part])


def still_object(
    name: str,
    pos_w: Any,
    quat_wxyz_w: Any = (1.0, 0.0, 0.0, 0.0),
    *,
    frames: int,
    mesh: str = "",
    size: tuple[float, float, float] | None = None,
) -> ObjectTrack:
    """An object that does not move during `frames` frames."""
    return ObjectTrack(
        name=name,
        pos_w=np.tile(np.asarray(pos_w, np.float64), (frames, 1)),
        quat_wxyz_w=np.tile(np.asarray(quat_wxyz_w, np.float64), (frames, 1)),
        mesh=mesh,
        size=size,
    )


def checked_array(where: str, key: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A float64 copy of finite numbers with this shape (T, ...) and at least one frame.

    Raises:
        MotionError: names `where` and `key`, and the first bad frame.
    """
    if np.shape(value) != shape or shape[0] < 1:
        wanted = ", ".join(("T", *map(str, shape[1:])))
        raise MotionError(
            f"{where}: {key} has shape {np.shape(value)}, expected ({wanted}) with T >= 1 alike "
            "in all arrays"
        )
    array = np.array(value, np.float64)
    bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if bad.size:
        raise MotionError(
            f"{where}: {key} has NaN or infinite values in {bad.size} of {len(array)} frames, "
            f"first in frame {bad[0]}; repair or cut the file"
        )
    return array


def unit_quats(quat: np.ndarray, where: str) -> np.ndarray:
    """Quaternions (T, 4) brought to unit length.

    Raises:
        MotionError: one is off by more than 1 %, which rounding cannot explain.
    """
    norm = np.linalg.norm(quat, axis=1)
    bad = np.flatnonzero(np.abs(norm - 1.0) > 1e-2)
    if bad.size:
        raise MotionError(
            f"{where} of frame {bad[0]} has length {norm[bad[0]]:.4g} ({bad.size} frames are off "
            "by more than 1 %), expected 1; is the column order right?"
        )
    # Those that are as good as rounding allows stay as they are, so that files round trip exactly.
    return quat / np.where(np.abs(norm - 1.0) < 1e-15, 1.0, norm)[:, None]


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
