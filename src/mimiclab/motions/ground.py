"""Heights above flat ground: the lowest points of bodies' collision geoms over a whole clip."""

import re
from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import cross, quat_rotate
from mimiclab.motions.kinematics import BodyMotion
from mimiclab.robots import Robot

_BOX = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_GEOM = mujoco.mjtGeom


@dataclass(frozen=True, eq=False)
class GroundPoints:
    """Spheres that wrap the geoms of one body: exact for spheres, capsules, boxes and meshes."""

    body: int
    """Column of the body in `BodyMotion`."""
    centres: np.ndarray
    """In the body's frame, m. Shape (P, 3)."""
    radii: np.ndarray
    """Shape (P,), m."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LowestPoint:
    """The lowest point of one body at every frame."""

    height: np.ndarray
    """Above z = 0, m. Shape (T,)."""
    slide_speed: np.ndarray
    """Horizontal speed of the body's material at that point, m/s. Shape (T,)."""
    rise_speed: np.ndarray
    """Its vertical speed, m/s. Shape (T,)."""


_CACHE: dict[tuple[str, str | None], tuple[mujoco.MjModel, tuple[GroundPoints, ...]]] = {}


def _points(robot: Robot, pattern: str | None) -> tuple[GroundPoints, ...]:
    model, known = _CACHE.get((robot.name, pattern), (None, ()))
    if model is not robot.model:
        known = _make_points(robot.model, pattern)
        _CACHE[robot.name, pattern] = (robot.model, known)
    return known


def _make_points(model: mujoco.MjModel, pattern: str | None) -> tuple[GroundPoints, ...]:
    by_body: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for g in range(model.ngeom):
        collides = model.geom_contype[g] or model.geom_conaffinity[g]
        chosen = collides if pattern is None else re.fullmatch(pattern, model.geom(g).name)
        if chosen and model.geom_bodyid[g] > 0:
            by_body.setdefault(int(model.geom_bodyid[g]), []).append(_wrap(model, g))
    return tuple(
        GroundPoints(
            body - 1,
            np.concatenate([centres for centres, _ in parts]),
            np.concatenate([radii for _, radii in parts]),
        )
        for body, parts in by_body.items()
    )


def foot_points(robot: Robot) -> tuple[GroundPoints, GroundPoints]:
    """Points under the left and the right foot.

    Raises:
        RobotError: a foot has no geom that matches `robot.foot_geoms`.
    """
    found = {robot.body_names[p.body]: p for p in _points(robot, robot.foot_geoms)}
    for foot in robot.feet:
        if foot not in found:
            raise RobotError(
                f"robot {robot.name}: no geom of foot {foot!r} matches foot_geoms "
                f"{robot.foot_geoms!r}; correct `foot_geoms` or `feet`"
            )
    return found[robot.feet[0]], found[robot.feet[1]]


def body_points(robot: Robot) -> tuple[GroundPoints, ...]:
    """Points of every body that has collision geoms."""
    return _points(robot, None)


def lowest_height(motion: BodyMotion, points: GroundPoints) -> np.ndarray:
    """Height of the lowest point at every frame, m. Shape (T,)."""
    return _heights(motion, points).min(axis=1)


def lowest_point(motion: BodyMotion, points: GroundPoints) -> LowestPoint:
    """Height and velocity of the lowest point at every frame."""
    heights = _heights(motion, points)
    lowest = heights.argmin(axis=1)
    arm = quat_rotate(motion.body_quat_wxyz_w[:, points.body], points.centres[lowest])
    arm[:, 2] -= points.radii[lowest]
    velocity = motion.body_lin_vel_w[:, points.body] + cross(
        motion.body_ang_vel_w[:, points.body], arm
    )
    return LowestPoint(
        height=heights[np.arange(len(lowest)), lowest],
        slide_speed=np.linalg.norm(velocity[:, :2], axis=1),
        rise_speed=velocity[:, 2],
    )


def _heights(motion: BodyMotion, points: GroundPoints) -> np.ndarray:
    """Lower side of every sphere. Shape (T, P)."""
    w, x, y, z = motion.body_quat_wxyz_w[:, points.body].T
    # Third row of the rotation matrix: what each body axis adds to the height.
    up = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1)
    return motion.body_pos_w[:, points.body, 2:] + up @ points.centres.T - points.radii


def _wrap(model: mujoco.MjModel, g: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres in the body frame and radii of the spheres around one geom."""
    kind, size = model.geom_type[g], model.geom_size[g]
    if kind == _GEOM.mjGEOM_SPHERE:
        local, radius = np.zeros((1, 3)), size[0]
    elif kind == _GEOM.mjGEOM_CAPSULE:
        local, radius = np.array([[0, 0, -size[1]], [0, 0, size[1]]]), size[0]
    elif kind == _GEOM.mjGEOM_BOX:
        local, radius = _BOX * size, 0.0
    elif kind == _GEOM.mjGEOM_MESH:
        mesh = model.geom_dataid[g]
        first = model.mesh_vertadr[mesh]
        local = model.mesh_vert[first : first + model.mesh_vertnum[mesh]]
        radius = 0.0
    else:
        # Cylinders and ellipsoids: corners of the bounding box, at worst a little too low.
        local, radius = model.geom_aabb[g, :3] + _BOX * model.geom_aabb[g, 3:], 0.0
    centres = model.geom_pos[g] + quat_rotate(model.geom_quat[g], np.asarray(local, float))
    return centres, np.full(len(centres), float(radius))
