"""A motion of a person: world positions, and where known orientations, of named joints."""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.errors import MotionError


@dataclass(frozen=True, kw_only=True, eq=False)
class HumanClip:
    """Joints of a skeleton in metres, world z up. Arrays are float64 and read-only.

    Raises:
        MotionError: wrong shape, non-finite value, unnormalised quaternion, bad fps, parents that
            are no tree.
    """

    name: str
    fps: float
    """Frames per second; need not be whole."""
    skeleton: str
    """Name of the landmark map that fits the joints (see `human/landmarks.py`); empty if none."""
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of each joint's parent, -1 for a root; a parent comes before its children."""
    joint_pos_w: np.ndarray
    """Shape (T, B, 3), m."""
    joint_quat_wxyz_w: np.ndarray | None = None
    """Shape (T, B, 4); None where the file has positions only."""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"human motion {self.name!r}"
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"{where}: fps is {self.fps}, expected a positive number; state it")
        count = len(self.joint_names)
        orphans = [i for i, p in enumerate(self.parents) if not -1 <= p < i]
        if len(self.parents) != count or orphans or count == 0:
            raise MotionError(
                f"{where}: {count} joints with parents {self.parents}; expected one parent for "
                "each joint, -1 or an earlier joint"
            )
        for key, width in (("joint_pos_w", 3), ("joint_quat_wxyz_w", 4)):
            value = getattr(self, key)
            if value is None and key == "joint_quat_wxyz_w":
                continue
            array = np.asarray(value, np.float64)
            if array is value and array.flags.writeable:
                array = array.copy()  # a read-only array is kept: copies of long motions cost
            frames = len(self.joint_pos_w)
            if array.shape != (frames, count, width) or frames < 1:
                raise MotionError(
                    f"{where}: {key} has shape {array.shape}, expected (T, {count}, {width}) with "
                    "T >= 1 alike in all arrays"
                )
            bad = np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))
            if bad.size:
                raise MotionError(
                    f"{where}: {key} has NaN or infinite values in {bad.size} of {frames} frames, "
                    f"first in frame {bad[0]}; repair or cut the file"
                )
            if width == 4 and _largest_deviation(array) > 2e-3:
                raise MotionError(f"{where}: {key} holds quaternions that are not of length 1")
            array.flags.writeable = False
            object.__setattr__(self, key, array)

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.joint_pos_w)

    @property
    def duration_s(self) -> float:
        """Time from first to last frame: (T - 1) / fps seconds."""
        return (self.num_frames - 1) / self.fps

    def cut(self, start: int, stop: int) -> "HumanClip":
        """Frames start (inclusive) to stop (exclusive), counted from 0.

        Raises:
            MotionError: the range is empty or outside the clip.
        """
        if not 0 <= start < stop <= self.num_frames:
            raise MotionError(
                f"human motion {self.name!r}: cannot cut frames {start}:{stop}, it has "
                f"{self.num_frames}; choose 0 <= start < stop <= {self.num_frames}"
            )
        quat = self.joint_quat_wxyz_w
        return replace(
            self,
            joint_pos_w=self.joint_pos_w[start:stop],
            joint_quat_wxyz_w=None if quat is None else quat[start:stop],
        )


def _largest_deviation(quat: np.ndarray) -> float:
    """Largest difference of a quaternion's squared length from 1. Shape (T, B, 4)."""
    return float(np.abs(np.einsum("tbi,tbi->tb", quat, quat) - 1.0).max())
