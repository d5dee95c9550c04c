"""A motion: root pose and joint angles of a named robot at a frame rate."""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.errors import MotionError


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionClip:
    """Generalised coordinates are the truth; everything else is recomputed from them.

    Arrays are float64 and read-only. Quaternions are unit length, (w, x, y, z), root to world.

    Raises:
        MotionError: wrong shape, non-finite value, zero or unnormalised quaternion, bad fps.
    """

    name: str
    robot: str
    """Registry name of the robot that the joints belong to."""
    fps: float
    """Frames per second; need not be whole."""
    joint_names: tuple[str, ...]
    """Column names of `joint_pos`, in the robot's model order."""
    root_pos: np.ndarray
    """World position of the root link origin, m. Shape (T, 3)."""
    root_quat_wxyz: np.ndarray
    """World orientation of the root link. Shape (T, 4)."""
    joint_pos: np.ndarray
    """Joint angles, rad. Shape (T, J)."""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"motion {self.name!r}"
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"{where}: fps is {self.fps}, expected a positive number; state it")
        frames = np.shape(self.joint_pos)[0] if np.ndim(self.joint_pos) == 2 else -1
        shapes = {
            "root_pos": (frames, 3),
            "root_quat_wxyz": (frames, 4),
            "joint_pos": (frames, len(self.joint_names)),
        }
        for key, shape in shapes.items():
            given = np.shape(getattr(self, key))
            if given != shape or frames < 1:
                expected = f"(T, {shape[1]}) with T >= 1 alike in all arrays"
                raise MotionError(f"{where}: {key} has shape {given}, expected {expected}")
            array = np.array(getattr(self, key), np.float64)
            bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
            if bad.size:
                raise MotionError(
                    f"{where}: {key} has NaN or infinite values in {bad.size} of {frames} frames, "
                    f"first in frame {bad[0]}; repair or cut the file"
                )
            if key == "root_quat_wxyz":
                array = _unit(array, where)
            array.flags.writeable = False
            object.__setattr__(self, key, array)

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.joint_pos)

    @property
    def duration_s(self) -> float:
        """Time from first to last frame: (T - 1) / fps seconds."""
        return (self.num_frames - 1) / self.fps

    def cut(self, start: int, stop: int) -> "MotionClip":
        """Frames start (inclusive) to stop (exclusive), counted from 0.

        Raises:
            MotionError: the range is empty or outside the clip.
        """
        if not 0 <= start < stop <= self.num_frames:
            raise MotionError(
                f"motion {self.name!r}: cannot cut frames {start}:{stop}, "
                f"it has {self.num_frames}; choose 0 <= start < stop <= {self.num_frames}"
            )
        part = slice(start, stop)
        return replace(
            self,
            root_pos=self.root_pos[part],
            root_quat_wxyz=self.root_quat_wxyz[part],
            joint_pos=self.joint_pos[part],
        )


def _unit(quat: np.ndarray, where: str) -> np.ndarray:
    norm = np.linalg.norm(quat, axis=1)
    bad = np.flatnonzero(np.abs(norm - 1.0) > 1e-2)
    if bad.size:
        raise MotionError(
            f"{where}: root quaternion of frame {bad[0]} has length {norm[bad[0]]:.4g} "
            f"({bad.size} frames are off by more than 1 %), expected 1; is the column order right?"
        )
    return quat / norm[:, None]
