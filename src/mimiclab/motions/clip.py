"""A motion: root pose and joint angles of a named robot at a frame rate."""

from dataclasses import dataclass, replace

import numpy as np

from mimiclab.errors import MotionError
from mimiclab.motions.scene import ObjectTrack, checked_array, unit_quats

DEFAULT_GROUP = "default"
"""Motion group of clips that were given none."""


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
    foot_contacts: np.ndarray | None = None
    """Whether the left and the right foot bear on something, if known. Shape (T, 2), bool."""
    objects: tuple[ObjectTrack, ...] = ()
    """Things that move or stand beside the robot, in the same world frame."""
    terrain: str = ""
    """Path or name of the ground's mesh, in the same world frame; empty for flat ground at z = 0,
    or ground that the file does not tell."""
    weight: float = 1.0
    """How many times as often as a clip of weight 1 training draws it; motion sets give it."""
    group: str = DEFAULT_GROUP
    """Motion group: training can give each group a share of the starts, or a teacher."""

    def __post_init__(self) -> None:
        where = f"motion {self.name!r}"
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"{where}: fps is {self.fps}, expected a positive number; state it")
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise MotionError(f"{where}: weight is {self.weight}, expected a positive number")
        if not self.group:
            raise MotionError(f"{where}: its group has no name; {DEFAULT_GROUP!r} is the usual one")
        frames = np.shape(self.joint_pos)[0] if np.ndim(self.joint_pos) == 2 else -1
        for key, width in (
            ("root_pos", 3),
            ("root_quat_wxyz", 4),
            ("joint_pos", len(self.joint_names)),
        ):
            array = checked_array(where, key, getattr(self, key), (frames, width))
            if key == "root_quat_wxyz":
                array = unit_quats(array, f"{where}: root quaternion")
            array.flags.writeable = False
            object.__setattr__(self, key, array)
        self._check_scene(where)

    def _check_scene(self, where: str) -> None:
        if self.foot_contacts is not None:
            contacts = np.array(self.foot_contacts)
            if contacts.shape != (self.num_frames, 2) or contacts.dtype != np.bool_:
                raise MotionError(
                    f"{where}: foot_contacts is {contacts.dtype} of shape {contacts.shape}, "
                    f"expected bool of shape ({self.num_frames}, 2): left and right"
                )
            contacts.flags.writeable = False
            object.__setattr__(self, "foot_contacts", contacts)
        object.__setattr__(self, "objects", tuple(self.objects))
        names = [item.name for item in self.objects]
        for item in self.objects:
            if item.num_frames != self.num_frames or names.count(item.name) > 1:
                raise MotionError(
                    f"{where}: object {item.name!r} has {item.num_frames} frames and its name "
                    f"occurs {names.count(item.name)} times; expected {self.num_frames} frames "
                    "and names that differ"
                )

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
            foot_contacts=None if self.foot_contacts is None else self.foot_contacts[part],
            objects=tuple(item.cut(start, stop) for item in self.objects),
        )
