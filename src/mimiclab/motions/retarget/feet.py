"""The robot's points that may touch the ground: soles, and spheres around the other bodies."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_rotate
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.ground import GroundPoints, body_points, foot_points
from mimiclab.robots import Robot

_SOLE_M = 0.02
"""Points higher than this above the lowest are no sole."""
_ENOUGH = 16
"""Points of a body above which only the outermost are kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sole:
    """Spheres under one foot, in its body's frame, m."""

    body: int
    """Column of the body, the root being 0."""
    ends: np.ndarray
    """Middle of the front and of the rear end. Shape (2, 3)."""
    corners: np.ndarray
    """Outermost to the front left, front right, rear left, rear right. Shape (4, 3)."""
    radii: np.ndarray
    """Of the ends, then of the corners (6,)."""
    points: GroundPoints
    """All that matters for the ground."""


def soles(robot: Robot) -> tuple[Sole, Sole]:
    """Left and right sole; flat, and heading along x, in the default pose.

    Raises:
        RobotError: a foot has no geom that matches `robot.foot_geoms`.
    """
    qpos = np.concatenate([[0, 0, 0, 1, 0, 0, 0], robot.default_pose])[None]
    _, quat = forward_kinematics(robot.model, qpos)
    left, right = (_sole(points, quat[0, points.body]) for points in foot_points(robot))
    return left, right


def _sole(points: GroundPoints, quat: np.ndarray) -> Sole:
    level = quat_rotate(quat, points.centres)
    bottom = level[:, 2] - points.radii
    under = np.flatnonzero(bottom < bottom.min() + _SOLE_M)
    flat = level[under, :2]
    # Extents, not metres, so that long narrow soles have corners and not two ends.
    shape = (flat - flat.mean(axis=0)) / np.maximum(np.ptp(flat, axis=0), 1e-6)
    corners = under[[int((shape @ np.array(way)).argmax()) for way in _WAYS]]
    ends = under[[int((shape @ np.array(way)).argmax()) for way in ((1, 0), (-1, 0))]]
    middle = 0.5 * (flat[:, 1].max() + flat[:, 1].min())
    inverse = quat * np.array([1.0, -1.0, -1.0, -1.0])
    at = level[ends]
    at[:, 1] = middle
    return Sole(
        body=points.body,
        ends=quat_rotate(inverse, at),
        corners=points.centres[corners],
        radii=points.radii[np.concatenate([ends, corners])],
        points=_outermost(points),
    )


_WAYS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def other_points(robot: Robot) -> tuple[GroundPoints, ...]:
    """Spheres around every body but the feet; of meshes only the outermost points."""
    feet = {robot.body_names.index(foot) for foot in robot.feet}
    return tuple(_outermost(p) for p in body_points(robot) if p.body not in feet)


def _outermost(points: GroundPoints) -> GroundPoints:
    if len(points.centres) <= _ENOUGH:
        return points
    grid = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)], float)
    ways = grid[np.abs(grid).sum(axis=1) > 0]
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    reach = points.centres @ ways.T + points.radii[:, None]
    kept = np.unique(reach.argmax(axis=0))
    return GroundPoints(points.body, points.centres[kept], points.radii[kept])
