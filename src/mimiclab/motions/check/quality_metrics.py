"""The quality of a robot motion in numbers: one pure function for each kind of flaw.

Every function answers with a dictionary whose keys end in their unit; `QUALITY_METRICS` says what
each means. Ground is flat at z = 0.
"""

from types import MappingProxyType

import numpy as np

from mimiclab.maths.metrics import MILLIMETRES, Metric, body_position_error_mm
from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.check.feet import FootContact, Support, centre_of_mass, falling
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.check.jumps import joint_jumps, joint_spikes, root_jumps
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import BodyMotion
from mimiclab.robots import Robot

QUALITY_METRICS = MappingProxyType(
    {
        "landmark_error_mean_mm": Metric(unit="mm", meaning="mean distance of the landmarks"),
        "landmark_error_p95_mm": Metric(unit="mm", meaning="95th percentile of the same"),
        "skate_m_s": Metric(unit="m/s", meaning="metres a standing foot slides in a second"),
        "skate_share": Metric(unit="", meaning="share of standing frames that slide too fast"),
        "contact_share": Metric(unit="", meaning="share of frames with a standing foot", better=""),
        "penetration_mean_mm": Metric(unit="mm", meaning="depth of the lowest point, mean"),
        "penetration_max_mm": Metric(unit="mm", meaning="depth of the lowest point, largest"),
        "penetration_share": Metric(unit="", meaning="share of frames that are too deep"),
        "float_share": Metric(unit="", meaning="share of frames in the air, jumps left out"),
        "flight_share": Metric(unit="", meaning="share of frames in jumps", better=""),
        "joint_limit_hits": Metric(unit="", meaning="joint angles beyond their limits"),
        "joint_limit_max_rad": Metric(unit="rad", meaning="largest excess over a joint limit"),
        "joint_jerk_mean": Metric(unit="rad/s^3", meaning="mean absolute joint jerk"),
        "joint_jerk_p95": Metric(unit="rad/s^3", meaning="95th percentile of the same"),
        "end_effector_jerk_mean": Metric(unit="m/s^3", meaning="mean jerk of hands and feet"),
        "end_effector_jerk_p95": Metric(unit="m/s^3", meaning="95th percentile of the same"),
        "flips": Metric(unit="", meaning="joint spikes and one-frame steps"),
        "flips_per_min": Metric(unit="1/min", meaning="the same in a minute of motion"),
        "root_jumps": Metric(unit="", meaning="teleports of the root"),
        "speed_limit_share": Metric(unit="", meaning="share of frames faster than the motors"),
        "first_joint_speed_rad_s": Metric(unit="rad/s", meaning="fastest joint at the start"),
        "first_root_speed_m_s": Metric(unit="m/s", meaning="speed of the root at the start"),
        "first_pose_distance_rad": Metric(
            unit="rad", meaning="largest joint distance of the first frame from the default pose"
        ),
        "first_step_ratio": Metric(
            unit="", meaning="largest first step, of joints or root, over those right after it"
        ),
    }
)
"""What the numbers mean; where `better` is empty, more is neither good nor bad."""


def landmark_errors(
    target_pos: np.ndarray, landmark_pos: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Distances of a robot's landmarks from where they should be, both (T, L, 3), m.

    Returns:
        The metrics, and the mean of each landmark in mm, shape (L,).
    """
    errors = body_position_error_mm(target_pos, landmark_pos)
    numbers = {
        "landmark_error_mean_mm": float(errors.mean()),
        "landmark_error_p95_mm": float(np.percentile(errors, 95)),
    }
    return numbers, errors.mean(axis=0)


def skate(contact: FootContact, limits: CheckLimits, standing: np.ndarray | None = None) -> dict:
    """How far standing feet slide: metres per second of standing, and how often too fast.

    `standing` (T, 2) says when the feet should stand, for example from the human motion; left out,
    the robot's own contacts count.
    """
    standing = contact.standing if standing is None else standing
    slide = contact.slide_speed[standing]
    return {
        "skate_m_s": float(slide.mean()) if slide.size else 0.0,
        "skate_share": float((slide > limits.skate_speed).mean()) if slide.size else 0.0,
        "contact_share": float(standing.any(axis=1).mean()),
    }


def penetration(support: Support, too_deep_m: float) -> dict:
    """How deep the lowest point of the robot is in the ground, over all frames."""
    depth = np.maximum(-support.height, 0.0)
    return {
        "penetration_mean_mm": float(depth.mean() * MILLIMETRES),
        "penetration_max_mm": float(depth.max() * MILLIMETRES),
        "penetration_share": float((depth > too_deep_m).mean()),
    }


def floating(support: Support, motion: BodyMotion, robot: Robot, limits: CheckLimits) -> dict:
    """Frames with nothing near the ground: in jumps, and without that excuse."""
    airborne = support.height > limits.float_m
    flying = falling(centre_of_mass(motion, robot)[:, 2], motion.fps, airborne)
    return {
        "float_share": float((airborne & ~flying).mean()),
        "flight_share": float(flying.mean()),
    }


def limit_hits(motion: BodyMotion, robot: Robot, limits: CheckLimits) -> dict:
    """Joint angles beyond their limits: how many of the frames times joints, and the worst."""
    low, high = robot.joint_limits.T
    excess = np.maximum(np.maximum(low - motion.joint_pos, motion.joint_pos - high), 0.0)
    return {
        "joint_limit_hits": int((excess > limits.joint_limit_rad).sum()),
        "joint_limit_max_rad": float(excess.max()),
    }


def jerk(motion: BodyMotion, robot: Robot) -> dict:
    """Third time derivatives of joints and of end effectors, by third differences of positions.

    They grow with the frame rate where the motion is rough: compare equal rates only. Clips of
    fewer than four frames have none.
    """
    ends = motion.select(robot.end_effectors).body_pos_w
    joints = np.abs(np.diff(motion.joint_pos, 3, axis=0)) * motion.fps**3
    points = np.linalg.norm(np.diff(ends, 3, axis=0), axis=-1) * motion.fps**3
    numbers = {}
    for name, values in (("joint_jerk", joints), ("end_effector_jerk", points)):
        numbers[f"{name}_mean"] = float(values.mean()) if values.size else 0.0
        numbers[f"{name}_p95"] = float(np.percentile(values, 95)) if values.size else 0.0
    return numbers


def breaks(clip: MotionClip, motion: BodyMotion, robot: Robot, limits: CheckLimits) -> dict:
    """Where the motion is not continuous, and where it is faster than the motors."""
    jumps, spikes = joint_jumps(motion.joint_pos, limits), joint_spikes(motion.joint_pos, limits)
    fast = (np.abs(motion.joint_vel) > robot.velocity_limit).any(axis=1)
    return {
        "flips": len(jumps) + len(spikes),
        "flips_per_min": 60.0 * (len(jumps) + len(spikes)) * motion.fps / motion.num_frames,
        "root_jumps": len(root_jumps(clip, limits)),
        "speed_limit_share": float(fast.mean()),
    }


_FIRST_S = 0.1
_SMALL_STEP = 0.04
"""Smaller steps after the first count as this, so that standing still is no reproach, rad."""


def first_frames(motion: BodyMotion, robot: Robot) -> dict:
    """How a clip begins: a robot that starts there needs these speeds and this pose at once."""
    head = max(1, round(_FIRST_S * motion.fps))
    steps = np.abs(np.diff(motion.joint_pos, axis=0)).max(axis=1, initial=0.0)
    steps = np.maximum(steps, quat_angle(*_pairs(motion.body_quat_wxyz_w[:, 0])))
    after = steps[1:3].max(initial=_SMALL_STEP)
    return {
        "first_joint_speed_rad_s": float(np.abs(motion.joint_vel[:head]).max()),
        "first_root_speed_m_s": float(
            np.linalg.norm(motion.body_lin_vel_w[:head, 0], axis=-1).max()
        ),
        "first_pose_distance_rad": float(np.abs(motion.joint_pos[0] - robot.default_pose).max()),
        "first_step_ratio": float(steps[0] / after) if steps.size else 0.0,
    }


def _pairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values[:-1], values[1:]
