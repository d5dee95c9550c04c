"""What a check has to say, and what it looks for."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem or a remark, with the frames it is about."""

    code: str
    """Stable name for programs, for example `joint_limit`."""
    severity: Severity
    message: str
    frames: tuple[int, ...] = ()
    """Frames counted from 0; empty where the finding is about the whole clip."""

    def to_json(self) -> dict:
        """As in the output of `mimiclab motion check --json`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "frames": list(self.frames),
        }


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """What counts as a finding."""

    fps: tuple[float, float] = (20.0, 250.0)
    """Usual frame rates; others are a warning, Hz."""
    min_duration_s: float = 0.5
    """Shorter clips are a warning, s."""
    quat_norm: float = 1e-3
    """Root quaternions further from unit length are a warning."""
    joint_limit_rad: float = 1e-3
    """Excess over a joint limit that is a warning, rad."""
    joint_limit_error_rad: float = 0.2
    """Excess over a joint limit that is an error, rad."""
    jump_rad: float = 0.35
    """A one-frame joint step above this that sticks out of its neighbours is a jump, rad."""
    jump_ratio: float = 4.0
    """How many times its neighbours a step must be to stick out."""
    root_speed: float = 12.0
    """A root faster than this has jumped, m/s (a sprinting human reaches 12)."""
    root_turn: float = 30.0
    """A root turning faster than this has jumped, rad/s."""
    root_step_m: float = 0.1
    """A one-frame step of the root above this that sticks out of its neighbours is a jump, m."""
    root_step_rad: float = 0.5
    """A one-frame turn of the root above this that sticks out of its neighbours is a jump, rad."""
    penetration_m: float = 0.03
    """A foot lower than this below flat ground is a warning, m."""
    body_penetration_m: float = 0.06
    """Any other body lower than this below flat ground is a warning, m."""
    float_m: float = 0.03
    """A clip whose feet never come closer to flat ground than this is a warning, m."""
    flight_s: float = 1.0
    """Nothing touching the ground for longer than this is a warning, s."""
    contact_m: float = 0.015
    """A foot lower than this that is not rising or sinking counts as standing, m."""
    contact_speed: float = 0.2
    """Vertical speed above which a low foot is swinging through, m/s."""
    skate_speed: float = 0.3
    """A standing foot that slides faster than this skates, m/s."""
    skate_share: float = 0.1
    """Share of standing frames with skating that is a warning."""
    first_tilt_rad: float = 0.5
    """A first frame tilted more than this from upright is noted, rad."""


def frames_of(mask: np.ndarray) -> tuple[int, ...]:
    """Indices of the frames where the mask (T,) is true."""
    return tuple(np.flatnonzero(mask).tolist())
