"""What can be played: a motion as it is, or a policy in closed loop."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mimiclab.errors import MimiclabError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import Robot, get_robot


class Show(Protocol):
    """Frames of clips, one for each control step."""

    title: str
    robot: Robot
    step_s: float
    """Control step, s."""
    clip_names: tuple[str, ...]
    closed_loop: bool
    """Whether physics and a policy run, so that the robot can be pushed and can fall."""

    @property
    def clip(self) -> int:
        """Number of the chosen clip."""
        ...

    @property
    def frame(self) -> int:
        """Frame of the clip that is shown."""
        ...

    @property
    def num_frames(self) -> int:
        """Frames of the chosen clip."""
        ...

    @property
    def qpos(self) -> np.ndarray:
        """The robot now. Shape (7 + J,)."""
        ...

    @property
    def reference_qpos(self) -> np.ndarray | None:
        """Where the robot should be, if that is another thing. Shape (7 + J,)."""
        ...

    @property
    def errors(self) -> dict[str, float]:
        """Tracking errors now, by name; empty where nothing is tracked."""
        ...

    @property
    def at_end(self) -> bool:
        """Whether no frame is left to advance to."""
        ...

    @property
    def crossed(self) -> str:
        """The limit that would have ended an episode of an evaluation, or an empty string."""
        ...

    def choose(self, clip: int) -> None:
        """Switch to a clip, at its first frame."""
        ...

    def seek(self, frame: int) -> None:
        """Go to a frame; a policy starts there anew, in the reference's own state."""
        ...

    def advance(self) -> bool:
        """One control step; False if there is none left."""
        ...

    def push(self, velocity_w: np.ndarray) -> None:
        """Shove the robot's root by a change of velocity (3,), m/s."""
        ...


class MotionShow:
    """Clips played as they are: no physics."""

    closed_loop = False
    crossed = ""
    errors: dict[str, float] = {}  # noqa: RUF012  # a constant

    def __init__(self, clips: Sequence[MotionClip], title: str = "") -> None:
        """Play `clips`, all of one robot and played at their own frame rates.

        Raises:
            MimiclabError: no clips, or clips of several robots.
        """
        robots = {clip.robot for clip in clips}
        if len(robots) != 1:
            raise MimiclabError(
                f"can play motions of one robot at a time, got {len(clips)} clips of "
                f"{', '.join(sorted(robots)) or 'no robot'}; play them one after the other"
            )
        self.clips = tuple(clips)
        self.robot = get_robot(clips[0].robot)
        self.clip_names = tuple(clip.name for clip in clips)
        self.title = title or (self.clip_names[0] if len(clips) == 1 else f"{len(clips)} motions")
        self.choose(0)

    @property
    def clip(self) -> int:
        """Number of the chosen clip."""
        return self._clip

    @property
    def frame(self) -> int:
        """Frame that is shown."""
        return self._frame

    @property
    def num_frames(self) -> int:
        """Frames of the chosen clip."""
        return len(self._qpos)

    @property
    def qpos(self) -> np.ndarray:
        """The robot now. Shape (7 + J,)."""
        return self._qpos[self._frame]

    @property
    def reference_qpos(self) -> None:
        """The motion is its own reference."""
        return None

    @property
    def at_end(self) -> bool:
        """At the last frame."""
        return self._frame == self.num_frames - 1

    def choose(self, clip: int) -> None:
        """Switch to a clip."""
        self._clip, self._frame = clip, 0
        chosen = self.clips[clip]
        self.step_s = 1.0 / chosen.fps
        self._qpos = clip_qpos(chosen)

    def seek(self, frame: int) -> None:
        """Go to a frame; numbers outside of the clip mean its ends."""
        self._frame = int(np.clip(frame, 0, self.num_frames - 1))

    def advance(self) -> bool:
        """The next frame; False at the last."""
        self.seek(self._frame + 1)
        return not self.at_end

    def push(self, velocity_w: np.ndarray) -> None:
        """A motion cannot be pushed.

        Raises:
            MimiclabError: always.
        """
        raise MimiclabError("a motion without a policy cannot be pushed; play a policy instead")
