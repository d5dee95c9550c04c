"""Feet on the ground: when they stand and slide, what carries the robot, and when it flies."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_rotate
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.ground import body_points, foot_points, lowest_point
from mimiclab.motions.kinematics import BodyMotion
from mimiclab.robots import Robot


@dataclass(frozen=True, kw_only=True, eq=False)
class FootContact:
    """The lowest point of each sole, left and right, over flat ground at z = 0."""

    height: np.ndarray
    """Above the ground, m. Shape (T, 2)."""
    rise_speed: np.ndarray
    """Vertical speed of the sole's material there, m/s. Shape (T, 2)."""
    slide_speed: np.ndarray
    """Horizontal speed of the sole's material there, m/s. Shape (T, 2)."""
    standing: np.ndarray
    """Low and neither rising nor sinking. Shape (T, 2), bool."""


def foot_contact(
    motion: BodyMotion, robot: Robot, limits: CheckLimits | None = None
) -> FootContact:
    """When each foot stands; `limits` holds the height and speed that count as standing.

    Raises:
        RobotError: the robot's feet have no geoms.
    """
    limits = limits or CheckLimits()
    feet = [lowest_point(motion, points) for points in foot_points(robot)]
    height = np.stack([foot.height for foot in feet], axis=1)
    rise = np.stack([foot.rise_speed for foot in feet], axis=1)
    slide = np.stack([foot.slide_speed for foot in feet], axis=1)
    standing = (height < limits.contact_m) & (np.abs(rise) < limits.contact_speed)
    return FootContact(height=height, rise_speed=rise, slide_speed=slide, standing=standing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Support:
    """The lowest point of the whole robot at every frame: what would touch the ground."""

    height: np.ndarray
    """Above z = 0, m. Shape (T,)."""
    still: np.ndarray
    """Whether that point hardly moves, as a supporting one does. Shape (T,), bool."""


_STILL_RISE, _STILL_SLIDE = 0.1, 0.5
"""Speeds under which a lowest point counts as supporting, m/s; retargeted feet slide a little."""


def support(motion: BodyMotion, robot: Robot) -> Support:
    """The lowest of all bodies, so that a lying robot is measured as well as a standing one."""
    points = [lowest_point(motion, body) for body in body_points(robot)]
    heights = np.stack([point.height for point in points])
    lowest, frames = heights.argmin(axis=0), np.arange(motion.num_frames)
    rise = np.abs(np.stack([point.rise_speed for point in points])[lowest, frames])
    slide = np.stack([point.slide_speed for point in points])[lowest, frames]
    return Support(
        height=heights[lowest, frames],
        still=(rise < _STILL_RISE) & (slide < _STILL_SLIDE),
    )


_GRAVITY = 9.81
_FALL = 0.25
"""Share of gravity a flying robot must fall with: people made smaller by retargeting, as smoothed
by it, fall with 0.4 to 0.7 of it; crouching stays below."""


def centre_of_mass(motion: BodyMotion, robot: Robot) -> np.ndarray:
    """Centre of mass of the whole robot, m. Shape (T, 3)."""
    model = robot.model
    offset = np.broadcast_to(model.body_ipos[1:], motion.body_pos_w.shape)
    centres = motion.body_pos_w + quat_rotate(motion.body_quat_wxyz_w, offset)
    return np.average(centres, axis=1, weights=model.body_mass[1:])


def falling(com_height: np.ndarray, fps: float, airborne: np.ndarray) -> np.ndarray:
    """Those of the airborne frames (T,) whose stretch is a jump and not a float.

    In a jump the centre of mass follows a parabola: the best fitting one must bend downwards with
    at least a quarter of gravity. Short stretches are fitted with their neighbours. com_height:
    (T,), m.
    """
    flying = np.zeros(len(airborne), bool)
    for start, stop in stretches(airborne):
        more = int(stop - start < 5)
        part = slice(max(start - more, 0), min(stop + more, len(airborne)))
        heights = com_height[part]
        if len(heights) < 3:
            continue
        bend = np.polyfit(np.arange(len(heights)) / fps, heights, 2)[0]
        flying[start:stop] = 2.0 * bend < -_FALL * _GRAVITY
    return flying


def stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    """First frame, and one after the last, of every run of true values in a mask (T,)."""
    edges = np.diff(np.concatenate([[0], np.asarray(mask, int), [0]]))
    starts, stops = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
