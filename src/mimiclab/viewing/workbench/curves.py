"""What the workbench plots of a motion: contacts, foot slide, speeds, distance to another."""

from dataclasses import dataclass

import numpy as np

from mimiclab.motions.check.feet import foot_contact
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.landmarks import LandmarkMotion, landmarks, robot_landmarks
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.retarget.contacts import detect_contacts, standing_height
from mimiclab.motions.retarget.proportions import leg_length
from mimiclab.robots import get_robot

_SIDES = ("left", "right")
_SLOW = 0.2
"""Below this a foot may be standing, m/s."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Values over the frames of a motion."""

    title: str
    unit: str
    lines: dict[str, np.ndarray]
    """Name to values. Each of shape (T,)."""
    span: float
    """The axis covers at least this much, so that noise does not look like motion."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Everything plotted of one motion."""

    times_s: np.ndarray
    """Shape (T,)."""
    contacts: dict[str, np.ndarray]
    """Name of a foot to where it stands. Each of shape (T,), bool."""
    plots: tuple[Curve, ...]


def measure(clip: MotionClip | HumanClip, other: MotionClip | HumanClip | None = None) -> Curves:
    """Curves of `clip`, with its distance to `other` if both have landmarks."""
    own = _landmarks(clip)
    if isinstance(clip, HumanClip):
        contacts, plots = ({}, ()) if own is None else _of_person(own)
    else:
        contacts, plots = _of_robot(clip)
    theirs = None if other is None else _landmarks(other)
    if own is not None and theirs is not None:
        plots = (*plots, _distance(own, theirs))
    return Curves(np.arange(clip.num_frames) / clip.fps, contacts, plots)


def _landmarks(clip: MotionClip | HumanClip) -> LandmarkMotion | None:
    if isinstance(clip, HumanClip):
        return landmarks(clip) if clip.skeleton else None
    return robot_landmarks(clip) if get_robot(clip.robot).landmarks else None


def _of_robot(clip: MotionClip) -> tuple[dict[str, np.ndarray], tuple[Curve, ...]]:
    robot, motion = get_robot(clip.robot), body_motion(clip)
    feet = foot_contact(motion, robot)
    standing = feet.standing if clip.foot_contacts is None else clip.foot_contacts
    low, high = robot.joint_limits.T
    margin = np.minimum(motion.joint_pos - low, high - motion.joint_pos).min(axis=1)
    effort = (np.abs(motion.joint_vel) / robot.velocity_limit).max(axis=1)
    root = np.linalg.norm(motion.body_lin_vel_w[:, 0], axis=1)
    slide = np.where(standing, feet.slide_speed, np.nan)
    return _sides(standing), (
        Curve("Sole height", "mm", _sides(1e3 * feet.height), 50),
        Curve("Slide of standing feet", "m/s", _sides(slide), 0.1),
        Curve("Root speed", "m/s", {"root": root}, 0.5),
        Curve("Nearest joint limit", "deg", {"margin": np.degrees(margin)}, 10),
        Curve("Fastest joint / its limit", "", {"share": effort}, 0.5),
    )


def _of_person(own: LandmarkMotion) -> tuple[dict[str, np.ndarray], tuple[Curve, ...]]:
    """Contacts from the balls of the feet and the ankles."""
    feet = np.stack([own.of(f"{side}_{part}") for side in _SIDES for part in ("toe", "ankle")], 1)
    feet = feet.reshape(-1, 2, 2, 3)
    speed = np.linalg.norm(_rate(feet, own.fps), axis=-1)
    height = feet[..., 2].copy()
    for part in range(2):
        height[..., part] -= standing_height(height[..., part], speed[..., part], _SLOW)
    leg = leg_length(own.pos_w, own.names)
    standing = detect_contacts(height, speed, np.ones(height.shape[:2]), own.fps, leg)
    pelvis = np.linalg.norm(_rate(own.of("pelvis"), own.fps), axis=-1)
    return _sides(np.any(standing, axis=2)), (
        Curve("Ball of the foot", "mm", _sides(1e3 * height[..., 0]), 50),
        Curve("Pelvis speed", "m/s", {"pelvis": pelvis}, 0.5),
    )


def _distance(own: LandmarkMotion, theirs: LandmarkMotion) -> Curve:
    """Mean distance of shared landmarks from one another, seen from the pelvis."""
    shared = [name for name in own.names if name in theirs.names]
    times = np.arange(own.num_frames) / own.fps
    at = np.minimum(np.round(times * theirs.fps).astype(int), theirs.num_frames - 1)
    gaps = [
        (own.of(name) - own.of("pelvis")) - (theirs.of(name) - theirs.of("pelvis"))[at]
        for name in shared
    ]
    mean = np.linalg.norm(np.array(gaps), axis=-1).mean(axis=0)
    return Curve("Distance to the other", "mm", {"mean": 1e3 * mean}, 50)


def _sides(values: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(_SIDES, values.T, strict=True))


def _rate(points: np.ndarray, fps: float) -> np.ndarray:
    return np.gradient(points, 1 / fps, axis=0) if len(points) > 1 else np.zeros_like(points)
