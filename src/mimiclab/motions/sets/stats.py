"""What is in a data set: durations, speeds, contact, coverage of the joints, tags, duplicates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimiclab.errors import RobotError
from mimiclab.motions.check.feet import foot_contact, stretches, support
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import BodyMotion, angular_velocity, body_motion
from mimiclab.motions.sets.near_duplicates import (
    NEAR_RAD,
    NearDuplicates,
    descriptor,
    find_near_duplicates,
    mirrored_descriptor,
)
from mimiclab.motions.tags import name_tags
from mimiclab.robots import Robot, get_robot

SCHEMA = 1
BINS = 20
"""Equal parts of a joint's range, of which coverage counts those that were visited."""
_UNBOUNDED = np.pi
"""A joint without a limit is counted over one turn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipStats:
    """One clip in numbers."""

    name: str
    label: str
    """File or built-in motion it came from."""
    tags: tuple[str, ...]
    """Stored with it, given by sets, and found in its name."""
    weight: float
    numbers: dict[str, float]
    """By name, with the unit at its end; see `clip_stats`."""
    visited: np.ndarray
    """Which parts of each joint's range the clip comes to. Shape (J, 20), bool."""
    joint_range: np.ndarray
    """Smallest and largest angle of each joint, rad. Shape (J, 2)."""
    point: np.ndarray
    """Descriptor for finding near-duplicates. Shape (D,)."""
    mirrored_point: np.ndarray
    """That of the mirror image; infinite for a robot without one. Shape (D,)."""


def clip_stats(clip: MotionClip, label: str = "", robot: Robot | None = None) -> ClipStats:
    """Measure a clip; the ground is flat at z = 0.

    `numbers`: fps, frames, duration_s; path_m along the ground; speed_mean_m_s and speed_p95_m_s of
    the root over the ground; yaw_mean_rad_s and yaw_p95_rad_s, its turning speed, signless;
    height_min_m, height_max_m of the root; contact_left, contact_right, contact_both and
    contact_none, shares of the frames in which that foot, both or none stands; airborne, the share
    in which no body is near the ground, and airborne_longest_s; joint_speed_mean_rad_s.

    Raises:
        RobotError: the clip's joints are not the robot's, or its feet have no geoms.
    """
    robot = robot or get_robot(clip.robot)
    motion = body_motion(clip, robot)
    point = descriptor(clip)
    try:
        mirrored = mirrored_descriptor(clip)
    except RobotError:
        mirrored = np.full_like(point, np.inf)  # a robot that is not symmetric: far from all
    low, high = _ranges(robot)
    share = (motion.joint_pos - low) / (high - low)
    bins = np.clip((share * BINS).astype(int), 0, BINS - 1)
    visited = np.zeros((robot.num_joints, BINS), bool)
    visited[np.arange(robot.num_joints), bins] = True
    return ClipStats(
        name=clip.name,
        label=label or clip.name,
        tags=tuple(dict.fromkeys((*clip.tags, *name_tags(clip.name)))),
        weight=clip.weight,
        numbers={
            "fps": clip.fps,
            "frames": clip.num_frames,
            "duration_s": clip.duration_s,
            **_root_numbers(clip),
            **_contact_numbers(motion, robot),
            "joint_speed_mean_rad_s": float(np.abs(motion.joint_vel).mean()),
        },
        visited=visited,
        joint_range=np.stack([motion.joint_pos.min(axis=0), motion.joint_pos.max(axis=0)], axis=1),
        point=point,
        mirrored_point=mirrored,
    )


def _root_numbers(clip: MotionClip) -> dict[str, float]:
    steps = np.linalg.norm(np.diff(clip.root_pos[:, :2], axis=0), axis=1)
    speed = steps * clip.fps if len(steps) else np.zeros(1)
    yaw = np.abs(angular_velocity(clip.root_quat_wxyz, clip.fps)[:, 2])
    return {
        "path_m": float(steps.sum()),
        "speed_mean_m_s": float(speed.mean()),
        "speed_p95_m_s": float(np.percentile(speed, 95)),
        "yaw_mean_rad_s": float(yaw.mean()),
        "yaw_p95_rad_s": float(np.percentile(yaw, 95)),
        "height_min_m": float(clip.root_pos[:, 2].min()),
        "height_max_m": float(clip.root_pos[:, 2].max()),
    }


def _contact_numbers(motion: BodyMotion, robot: Robot) -> dict[str, float]:
    standing = foot_contact(motion, robot).standing
    high = support(motion, robot).height > CheckLimits().float_m
    longest = max((stop - start for start, stop in stretches(high)), default=0)
    return {
        "contact_left": float(standing[:, 0].mean()),
        "contact_right": float(standing[:, 1].mean()),
        "contact_both": float(standing.all(axis=1).mean()),
        "contact_none": float((~standing.any(axis=1)).mean()),
        "airborne": float(high.mean()),
        "airborne_longest_s": float(longest / motion.fps),
    }


def _ranges(robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.nan_to_num(robot.joint_limits, neginf=-_UNBOUNDED, posinf=_UNBOUNDED).T
    return low, high


@dataclass(frozen=True, kw_only=True, eq=False)
class SetStats:
    """All clips of a data set of one robot."""

    robot: str
    clips: tuple[ClipStats, ...]
    duplicates: NearDuplicates
    near_rad: float
    """Distance below which clips are called nearly the same, rad."""

    @property
    def coverage(self) -> dict[str, float]:
        """Share of each joint's range that some clip comes to, in twentieths."""
        visited = np.logical_or.reduce([clip.visited for clip in self.clips])
        names = get_robot(self.robot).joint_names
        return {name: float(row.mean()) for name, row in zip(names, visited, strict=True)}

    @property
    def tag_table(self) -> list[dict[str, Any]]:
        """For each tag: clips, minutes and share of the time; the longest first, then untagged."""
        total = sum(clip.numbers["duration_s"] for clip in self.clips)
        rows: dict[str, list[float]] = {}
        for clip in self.clips:
            for tag in clip.tags or ("(none)",):
                rows.setdefault(tag, []).append(clip.numbers["duration_s"])
        order = sorted(rows, key=lambda tag: (tag == "(none)", -sum(rows[tag]), tag))
        return [
            {
                "tag": tag,
                "clips": len(rows[tag]),
                "minutes": sum(rows[tag]) / 60.0,
                "share": sum(rows[tag]) / total if total else 0.0,
            }
            for tag in order
        ]

    def mean(self, name: str) -> float:
        """Mean of a number over all time: long clips count for more."""
        weights = [clip.numbers["frames"] / clip.numbers["fps"] for clip in self.clips]
        return float(np.average([clip.numbers[name] for clip in self.clips], weights=weights))

    def to_json(self) -> dict[str, Any]:
        """The document of `mimiclab motion stats --json`."""
        durations = np.array([clip.numbers["duration_s"] for clip in self.clips])
        means = ("speed_mean_m_s", "yaw_mean_rad_s", "contact_left", "contact_right",
                 "contact_both", "contact_none", "airborne")  # fmt: skip
        limits = get_robot(self.robot).joint_limits
        ranges = np.stack([clip.joint_range for clip in self.clips])
        count = Counter(clip.name for clip in self.clips)
        names = [clip.name if count[clip.name] == 1 else clip.label for clip in self.clips]
        return {
            "schema": SCHEMA,
            "robot": self.robot,
            "totals": {
                "clips": len(self.clips),
                "frames": int(sum(clip.numbers["frames"] for clip in self.clips)),
                "minutes": float(durations.sum() / 60.0),
                "duration_mean_s": float(durations.mean()),
                "duration_median_s": float(np.median(durations)),
                "duration_deviation_s": float(durations.std()),
                "duration_min_s": float(durations.min()),
                "duration_max_s": float(durations.max()),
                **{name: self.mean(name) for name in means},
            },
            "tags": self.tag_table,
            "joints": {
                name: {
                    "min_rad": float(ranges[:, j, 0].min()),
                    "max_rad": float(ranges[:, j, 1].max()),
                    "limits_rad": [float(x) if np.isfinite(x) else None for x in limits[j]],
                    "coverage": share,
                }
                for j, (name, share) in enumerate(self.coverage.items())
            },
            "near_duplicates": {
                "threshold_rad": self.near_rad,
                "groups": [[names[i] for i in group] for group in self.duplicates.groups],
                "mirrored": [
                    {"clips": [names[i], names[j]], "distance_rad": far}
                    for i, j, far in self.duplicates.mirrored
                ],
            },
            "clips": [
                {
                    "name": clip.name,
                    "path": clip.label,
                    "tags": list(clip.tags),
                    "weight": clip.weight,
                    **clip.numbers,
                }
                for clip in self.clips
            ],
        }


def set_stats(clips: Sequence[ClipStats], robot: str, near_rad: float = NEAR_RAD) -> SetStats:
    """Gather measured clips of one robot and look for near-duplicates among them."""
    points = [clip.point for clip in clips]
    mirrored = [clip.mirrored_point for clip in clips]
    duplicates = find_near_duplicates(points, mirrored, near_rad)
    return SetStats(robot=robot, clips=tuple(clips), duplicates=duplicates, near_rad=near_rad)
