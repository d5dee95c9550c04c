"""Named parts of a robot that walking is about: feet, bodies of a fall, bodies of the legs."""

import re
from collections.abc import Sequence

import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.robot import Robot
from mimiclab.robots.soles import sole_points


def sole_centres(robot: Robot) -> np.ndarray:
    """The middle of each sole in its foot's frame, left and right, m. Shape (2, 3).

    Its height is that of the lowest points: 0 when the foot stands flat on the ground.

    Raises:
        RobotError: a foot without known collision geoms, or whose frame is not upright when the
            robot stands in its default pose.
    """
    centres = []
    for foot, points in zip(robot.feet, sole_points(robot), strict=True):
        if np.ptp(points[:, 2]) > 0.015:
            raise RobotError(
                f"robot {robot.name}: the sole of {foot!r} is {1e3 * np.ptp(points[:, 2]):.0f} mm "
                "out of level in the foot's frame; walking needs feet whose z axis points up when "
                "the robot stands"
            )
        middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
        centres.append([middle[0], middle[1], points[:, 2].min()])
    return np.array(centres)


def fall_bodies(robot: Robot) -> tuple[str, ...]:
    """Bodies that can touch the ground, but do so only in a fall.

    Raises:
        RobotError: one of the robot's patterns fits no body, or no body can collide.
    """
    model = robot.model
    solid = {
        model.body(model.geom_bodyid[i]).name
        for i in range(model.ngeom)
        if model.geom_contype[i] or model.geom_conaffinity[i]
    }
    patterns = robot.fall_bodies or (re.escape(robot.root_body), re.escape(robot.anchor_body))
    found = [name for name in matching_bodies(robot, patterns) if name in solid]
    if not found:
        raise RobotError(
            f"robot {robot.name}: none of the bodies that would tell a fall, {', '.join(patterns)},"
            f" has collision geoms; those that do are {', '.join(sorted(solid))}. Correct "
            "`fall_bodies`"
        )
    return tuple(found)


def varied_masses(robot: Robot) -> tuple[str, ...]:
    """Bodies whose masses are randomised.

    Raises:
        RobotError: one of the robot's patterns fits no body.
    """
    if robot.varied_masses:
        return matching_bodies(robot, robot.varied_masses)
    model, legs = robot.model, {robot.root_body}
    for foot in robot.feet:
        index = model.body(foot).id
        while index and model.body(index).name != robot.root_body:
            legs.add(model.body(index).name)
            index = int(model.body_parentid[index])
    return tuple(name for name in robot.body_names if name in legs)


def matching_bodies(robot: Robot, patterns: Sequence[str]) -> tuple[str, ...]:
    """Bodies that fit any of the patterns, in model order.

    Raises:
        RobotError: a pattern fits none.
    """
    for pattern in patterns:
        if not any(re.fullmatch(pattern, name) for name in robot.body_names):
            raise RobotError(
                f"robot {robot.name}: no body fits {pattern!r}; it has "
                f"{', '.join(robot.body_names)}"
            )
    return tuple(name for name in robot.body_names if any(re.fullmatch(p, name) for p in patterns))
