"""The robot's points that may touch the ground: corners of the soles and spheres around bodies."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_rotate
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.ground import GroundPoints, body_points
from mimiclab.robots import Robot
from mimiclab.robots.soles import sole_points


@dataclass(frozen=True, kw_only=True, eq=False)
class Sole:
    """Corners of one sole in its body's frame, m."""

    body: int
    """Column of the body, the root being 0."""
    corners: np.ndarray
    """Front left, front right, rear left, rear right. Shape (4, 3)."""

    @property
    def centres(self) -> np.ndarray:
        """Middle of the front and of the rear edge. Shape (2, 3)."""
        return np.stack([self.corners[:2].mean(axis=0), self.corners[2:].mean(axis=0)])


def soles(robot: Robot) -> tuple[Sole, Sole]:
    """Left and right sole: the outermost contact points of each in the default pose.

    Raises:
        RobotError: a foot has no geom that matches `robot.foot_geoms`.
    """
    qpos = np.concatenate([[0, 0, 0, 1, 0, 0, 0], robot.default_pose])[None]
    _, quat = forward_kinematics(robot.model, qpos)
    found = []
    for foot, points in zip(robot.feet, sole_points(robot), strict=True):
        body = robot.body_names.index(foot)
        level = quat_rotate(quat[0, body], points)[:, :2]
        # Extents, not metres, so that long narrow soles have corners and not two ends.
        level = (level - level.mean(axis=0)) / np.maximum(np.ptp(level, axis=0), 1e-6)
        pick = [int((level @ np.array(way)).argmax()) for way in _WAYS]
        found.append(Sole(body=body, corners=points[pick]))
    return found[0], found[1]


_WAYS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_ENOUGH = 16
"""Points of a body above which only the outermost are kept."""


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
