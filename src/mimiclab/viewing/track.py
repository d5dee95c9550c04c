"""A motion ready to be drawn: a model and its coordinates, whether robot or person."""

from dataclasses import dataclass

import numpy as np

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import Robot, get_robot
from mimiclab.viewing.doll import make_doll
from mimiclab.viewing.video import interpolate


@dataclass(frozen=True, eq=False)
class Track:
    """Poses of one figure over time."""

    name: str
    robot: Robot
    """The robot, or the doll that stands in for a person."""
    qpos: np.ndarray
    """Shape (T, robot.model.nq)."""
    fps: float

    def at_rate(self, fps: float) -> np.ndarray:
        """Poses at another rate, the ends held. Shape (T', nq)."""
        count = int((len(self.qpos) - 1) / self.fps * fps + 1e-6) + 1
        return interpolate(self.qpos, self.fps, np.arange(count) / fps)

    @classmethod
    def of(cls, clip: MotionClip | HumanClip) -> "Track":
        """The track of a clip."""
        if isinstance(clip, HumanClip):
            doll = make_doll(clip)
            return cls(clip.name, doll.robot, doll.qpos, clip.fps)
        return cls(clip.name, get_robot(clip.robot), clip_qpos(clip), clip.fps)
