"""How good a robot motion is, and whether to accept it, repair it or throw it away."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.check.feet import foot_contact, support
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.check.quality_metrics import (
    breaks,
    first_frames,
    floating,
    jerk,
    landmark_errors,
    limit_hits,
    penetration,
    skate,
)
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import body_motion
from mimiclab.robots import Robot, get_robot

if TYPE_CHECKING:
    from mimiclab.motions.human.landmarks import LandmarkMotion

QUALITY_SCHEMA = 1
Verdict = Literal["accept", "repair", "reject"]
_ORDER: tuple[Verdict, ...] = ("accept", "repair", "reject")


@dataclass(frozen=True)
class Threshold:
    """A number up to `accept` is good, above `reject` it is hopeless, between it needs work."""

    accept: float
    reject: float

    def grade(self, value: float) -> Verdict:
        """The verdict on one number."""
        return "accept" if value <= self.accept else "repair" if value <= self.reject else "reject"


QUALITY_LIMITS: Mapping[str, Threshold] = MappingProxyType(
    {
        "landmark_error_mean_mm": Threshold(80.0, 200.0),
        "skate_m_s": Threshold(0.35, 1.0),
        "penetration_mean_mm": Threshold(15.0, 100.0),
        "penetration_share": Threshold(0.15, 1.0),
        "float_share": Threshold(0.05, 1.0),
        "joint_limit_max_rad": Threshold(1e-3, 1.0),
        "flips_per_min": Threshold(0, 600),
        "root_jumps": Threshold(0, 10),
        "first_step_ratio": Threshold(4.0, float("inf")),
        "speed_limit_share": Threshold(0.05, 0.5),
    }
)
"""What is judged. Jerk and the first pose depend too much on the motion to be judged alone."""


@dataclass(frozen=True)
class Reason:
    """A number that keeps a clip from being accepted."""

    metric: str
    value: float
    threshold: Threshold

    @property
    def verdict(self) -> Verdict:
        """What this number alone asks for."""
        return self.threshold.grade(self.value)

    def __str__(self) -> str:
        limit = self.threshold
        bound = limit.accept if self.verdict == "repair" else limit.reject
        return f"{self.metric} {self.value:.3g} > {bound:g}"


@dataclass(kw_only=True)
class QualityReport:
    """All numbers about one clip."""

    name: str
    robot: str
    fps: float
    frames: int
    metrics: dict[str, float]
    landmark_error_mm: dict[str, float] = field(default_factory=dict)
    """Mean error of each landmark; empty without targets."""
    limits: dict[str, Threshold] = field(default_factory=lambda: dict(QUALITY_LIMITS))

    @property
    def reasons(self) -> list[Reason]:
        """The numbers beyond their threshold, the worst first."""
        found = [
            Reason(key, self.metrics[key], threshold)
            for key, threshold in self.limits.items()
            if key in self.metrics and threshold.grade(self.metrics[key]) != "accept"
        ]
        return sorted(found, key=lambda reason: -_ORDER.index(reason.verdict))

    @property
    def verdict(self) -> Verdict:
        """The strictest of the verdicts on the single numbers."""
        return self.reasons[0].verdict if self.reasons else "accept"

    def to_json(self) -> dict:
        """One clip in the `--json` output of `mimiclab motion retarget` and `repair`."""
        return {
            "name": self.name,
            "robot": self.robot,
            "fps": self.fps,
            "frames": self.frames,
            "verdict": self.verdict,
            "reasons": [str(reason) for reason in self.reasons],
            "metrics": self.metrics,
            "landmark_error_mm": self.landmark_error_mm,
        }


def motion_quality(
    clip: MotionClip,
    targets: "LandmarkMotion | None" = None,
    *,
    contacts: np.ndarray | None = None,
    robot: Robot | None = None,
    limits: CheckLimits | None = None,
    thresholds: Mapping[str, Threshold] = QUALITY_LIMITS,
) -> QualityReport:
    """Judge a clip on flat ground at z = 0.

    Args:
        clip: the robot motion; what it has to do with the ground is left out where it brings
            terrain or objects of its own.
        targets: where its landmarks should be, frame for frame, in the robot's own size.
        contacts: when the feet should stand, left and right, shape (T, 2); left out, a foot stands
            where it is low and neither rises nor sinks.
        robot: the robot, if it is not the registered one of the clip's name.
        limits: what counts as contact, float, skating and a jump.
        thresholds: metric to threshold; metrics without one are reported only.

    Raises:
        RobotError: the clip's joints are not the robot's, or it lacks a target's landmark.
        MotionError: targets or contacts have another number of frames than the clip.
    """
    robot = robot or get_robot(clip.robot)
    limits = limits or CheckLimits()
    motion = body_motion(clip, robot)
    for name, given in (("targets", targets and targets.pos_w), ("contacts", contacts)):
        if given is not None and len(given) != clip.num_frames:
            raise MotionError(
                f"motion {clip.name!r} has {clip.num_frames} frames but {name} {len(given)}; "
                "bring both to the same rate and length first"
            )
    metrics: dict[str, float] = {}
    each: dict[str, float] = {}
    if targets is not None:
        from mimiclab.motions.human.landmarks import robot_landmarks

        placed = robot_landmarks(clip)
        missing = sorted(set(targets.names) - set(placed.names))
        if missing:
            raise RobotError(f"robot {robot.name!r} has no landmarks {', '.join(missing)}")
        columns = [placed.names.index(name) for name in targets.names]
        numbers, by_landmark = landmark_errors(targets.pos_w, placed.pos_w[:, columns])
        metrics |= numbers
        each = dict(zip(targets.names, by_landmark.tolist(), strict=True))
    if not (clip.terrain or clip.objects):
        lowest = support(motion, robot)
        metrics |= skate(foot_contact(motion, robot, limits), limits, contacts)
        metrics |= penetration(lowest, limits.penetration_m)
        metrics |= floating(lowest, motion, robot, limits)
    metrics |= limit_hits(motion, robot, limits)
    metrics |= jerk(motion, robot)
    metrics |= breaks(clip, motion, robot, limits)
    metrics |= first_frames(motion, robot)
    return QualityReport(
        name=clip.name,
        robot=robot.name,
        fps=clip.fps,
        frames=clip.num_frames,
        metrics=metrics,
        landmark_error_mm=each,
        limits=dict(thresholds),
    )
