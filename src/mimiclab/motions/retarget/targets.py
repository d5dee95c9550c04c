"""What a robot shall do at every frame, from landmarks of a person or of another robot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mimiclab.errors import MotionError
from mimiclab.motions.human.landmarks import LandmarkMotion
from mimiclab.motions.kinematics import central_difference
from mimiclab.motions.retarget.contacts import ContactCfg, detect_contacts, standing_height
from mimiclab.motions.retarget.ground import FlatGround, Ground
from mimiclab.motions.retarget.landmark_frames import complete, resample_landmarks
from mimiclab.motions.retarget.proportions import (
    LEGS,
    foot_lateral,
    leg_length,
    limb_scales,
    pitch_feet,
    stance_pitch,
    stature,
    with_lengths,
)
from mimiclab.robots import Robot
from mimiclab.robots.robot import LANDMARKS

LANDMARK_WEIGHTS = {
    "pelvis": 0.7, "chest": 1.0, "neck": 0.3, "head": 0.3, "hip": 1.0, "knee": 0.7, "ankle": 1.5,
    "toe": 1.5, "shoulder": 1.0, "elbow": 0.8, "wrist": 1.0, "hand": 0.7,
}  # fmt: skip
"""How much 1 m of a landmark's error counts, sides alike."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RetargetProblem:
    """Targets of a whole clip, in the robot's proportions, over the robot's ground."""

    name: str
    robot: Robot
    fps: float
    landmark_names: tuple[str, ...]
    """Landmarks that both the source and the robot have."""
    target_pos: np.ndarray
    """Where the robot's landmarks shall be, world (T, L, 3), m."""
    weights: np.ndarray
    """Of the landmarks (L,)."""
    sole_contacts: np.ndarray
    """Left and right foot; front and rear of the sole on the ground. Shape (T, 2, 2), bool."""
    ground: Ground
    """Under the robot."""
    travel_scale: float
    """Horizontal distances of the robot over those of the source."""
    centre: np.ndarray
    """Place that scaling leaves where it is (2,), m."""
    limb_scales: dict[str, float] = field(default_factory=dict)
    """Robot's over source's segment length, by the landmark at the segment's far end."""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.target_pos)

    @property
    def contacts(self) -> np.ndarray:
        """Whether the left and right foot stand (T, 2)."""
        return np.asarray(self.sole_contacts.any(axis=2))


def make_problem(
    motion: LandmarkMotion,
    robot: Robot,
    *,
    fps: float | None = None,
    ground: Ground | None = None,
    travel_scale: float | None = None,
    align_ground: bool = True,
    weights: Mapping[str, float] | None = None,
    contact_cfg: ContactCfg | None = None,
) -> RetargetProblem:
    """Targets for the robot: same heading and segment directions, its own lengths, on its ground.

    The pelvis keeps its path, scaled about where it starts; its height above the ankles' standing
    height scales by leg length, so that straight legs stay straight.

    Args:
        motion: landmarks of the source.
        robot: who shall move.
        fps: frame rate of the result; the source's if left out.
        ground: under the source, m; flat at z = 0 if left out. It is scaled with the travel.
        travel_scale: factor of horizontal distances; the ratio of the legs if left out. 1 keeps
            places, for example of a terrain that shall not be scaled.
        align_ground: take the height at which feet stand for the ground. Without it, z = 0 of
            the source is trusted, and its ankles must stand as high as a leg's length suggests.
        weights: of landmarks, by name with or without side; the rest keep `LANDMARK_WEIGHTS`.
        contact_cfg: thresholds of contacts.

    Raises:
        MotionError: landmarks of pelvis or legs are missing, a weight names no landmark, or fps
            or scale is not positive.
        RobotError: the robot has no landmarks or no foot geoms.
    """
    if travel_scale is not None and not travel_scale > 0:
        raise MotionError(f"travel_scale is {travel_scale}; give a positive number")
    body = stature(robot)
    motion = complete(resample_landmarks(motion, fps or motion.fps))
    names = tuple(n for n in LANDMARKS if n in motion.names and n in body.names)
    pos = motion.pos_w[:, [motion.names.index(n) for n in names]]
    given = ground or FlatGround()
    leg = leg_length(pos, names)
    leg_scale = body.leg / leg
    travel = leg_scale if travel_scale is None else travel_scale

    feet = _Feet.of(pos, names, motion.fps, given)
    slow = 0.4 * leg / 0.85
    stand = [standing_height(feet.height[:, :, k], feet.speed[:, :, k], slow) for k in range(2)]
    if not align_ground:
        stand = [s + _natural_ankle(leg) - stand[1] for s in stand]
    contacts = detect_contacts(
        feet.height - stand, feet.speed, feet.upright, motion.fps, leg, contact_cfg
    )
    flat = np.asarray(contacts.all(axis=2))
    pitch = body.foot_pitch - stance_pitch(pos, names, flat, body.foot_pitch)
    pos = pitch_feet(pos, names, pitch)

    pelvis = pos[:, names.index("pelvis")]
    centre = pelvis[0, :2].copy()
    target = np.empty_like(pelvis)
    target[:, :2] = centre + travel * (pelvis[:, :2] - centre)
    support = _support(feet.ground, contacts, motion.fps)
    above = pelvis[:, 2] - support - stand[1]
    target[:, 2] = travel * support + body.ankle_height + leg_scale * above
    return RetargetProblem(
        name=motion.name,
        robot=robot,
        fps=motion.fps,
        landmark_names=names,
        target_pos=with_lengths(pos, names, target, body),
        weights=_weights(names, weights or {}),
        sole_contacts=contacts,
        ground=given.scaled(travel, centre),
        travel_scale=travel,
        centre=centre,
        limb_scales=limb_scales(pos, names, body),
        source=motion.source,
        licence=motion.licence,
        tags=motion.tags,
    )


@dataclass(frozen=True, eq=False)
class _Feet:
    """Toes and ankles (in this order) of the source's left and right foot."""

    height: np.ndarray
    """Above the ground (T, 2, 2), m."""
    speed: np.ndarray
    """(T, 2, 2), m/s."""
    upright: np.ndarray
    """Cosine between the sole's normal and vertical (T, 2)."""
    ground: np.ndarray
    """Height of the ground under each foot (T, 2), m."""

    @staticmethod
    def of(pos: np.ndarray, names: tuple[str, ...], fps: float, ground: Ground) -> "_Feet":
        points = np.stack(
            [
                np.stack([pos[:, names.index(leg[3])], pos[:, names.index(leg[2])]], axis=1)
                for leg in LEGS
            ],
            axis=1,
        )
        under, _ = ground.sample(points[..., :2])
        upright = []
        for foot, (_, knee, _, _) in enumerate(LEGS):
            toe, ankle = points[:, foot, 0], points[:, foot, 1]
            lateral = foot_lateral(pos[:, names.index(knee)] - ankle, toe - ankle)
            normal = np.cross(toe - ankle, lateral)
            upright.append(normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-9))
        speed = np.linalg.norm(central_difference(points, fps), axis=-1)
        return _Feet(points[..., 2] - under, speed, np.stack(upright, axis=1), under.mean(axis=2))


def _support(under: np.ndarray, contacts: np.ndarray, fps: float) -> np.ndarray:
    """Ground height that carries the body, smooth over steps (T,), m."""
    weight = contacts.any(axis=2) + 1e-3
    raw = (under * weight).sum(axis=1) / weight.sum(axis=1)
    if np.ptp(raw) < 1e-9:
        return raw
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(raw, 0.15 * fps, mode="nearest")


def _natural_ankle(leg: float) -> float:
    """Height of the ankle joint of a standing person with this leg, m (0.039 / 0.49 of it)."""
    return 0.08 * leg


def _weights(names: tuple[str, ...], changed: Mapping[str, float]) -> np.ndarray:
    kinds = {name: name.removeprefix("left_").removeprefix("right_") for name in LANDMARKS}
    unknown = sorted(set(changed) - set(kinds) - set(kinds.values()))
    if unknown:
        raise MotionError(
            f"weights name no landmark: {', '.join(unknown)}; there are {', '.join(LANDMARKS)}"
        )
    every = LANDMARK_WEIGHTS | dict(changed)
    return np.array([every.get(name, every[kinds[name]]) for name in names])
