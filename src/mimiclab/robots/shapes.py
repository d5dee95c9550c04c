"""Capsules and boxes that fit a cloud of points: what stands in for a mesh in a compact model."""

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_to_matrix

_SAMPLES = 400
_GRID = 0.006
"""Points closer than this count once, m."""
_THINNEST = 0.004
_SPLIT_GAIN = 0.84
"""Two parts whose hulls have less than this share of the whole's volume are fitted apart."""
_CAPSULE_BONUS = 2.5
"""The squared misfit of a box must be this much smaller than a capsule's, which collides faster."""


@dataclass(frozen=True)
class Shape:
    """A capsule along, or a box in, its own frame. A sphere is a capsule of no length."""

    kind: str
    """`capsule` or `box`."""
    pos: np.ndarray
    """Centre (3,), m."""
    rotation: np.ndarray
    """Columns are the shape's axes (3, 3); a capsule lies along the third."""
    size: np.ndarray
    """Radius and half length of the middle line (2,), or half extents (3,), m."""

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of points (N, 3) from the surface, negative inside. (N,), m."""
        local = (np.asarray(points) - self.pos) @ self.rotation
        return _to_box(local, self.size) if self.kind == "box" else _to_capsule(local, self.size)

    def reflected(self, reflection: np.ndarray) -> "Shape":
        """The image under a reflection (3, 3) of points about the origin."""
        turned = reflection @ self.rotation
        turned[:, 0] = -turned[:, 0]  # both kinds are symmetric, so the frame may stay right-handed
        return Shape(self.kind, reflection @ self.pos, turned, self.size)


def fit_shapes(
    points: np.ndarray, most: int = 2, *, mirror: np.ndarray | None = None
) -> list[Shape]:
    """One shape, or a few where one would be a bad fit, around points (N, 3) of a surface.

    Each shape is the least-squares fit of its signed distance over the convex hull of its points,
    so it is about as large as the hull. Clouds are cut across an axis where that saves volume: a
    trunk with a head becomes two shapes.

    Args:
        points: on the surface of one link, m.
        most: number of shapes.
        mirror: a reflection (3, 3) that maps the link onto itself, and so each shape.

    Raises:
        RobotError: the points lie in a plane.
    """
    points = np.asarray(points, float)
    _, first = np.unique(np.round(points / _GRID), axis=0, return_index=True)
    parts = [points[np.sort(first)]]
    while len(parts) < most:
        halves = [(_halves(part), i) for i, part in enumerate(parts)]
        best = min(halves, key=lambda item: item[0][0])
        if best[0][0] > _SPLIT_GAIN:
            break
        parts[best[1] : best[1] + 1] = best[0][1]
    return [fit_shape(part, mirror) for part in parts]


def fit_shape(points: np.ndarray, mirror: np.ndarray | None = None) -> Shape:
    """The capsule or box nearest to the convex hull of points (N, 3); see `fit_shapes`.

    Raises:
        RobotError: the points lie in a plane.
    """
    surface = _hull_samples(points)
    if mirror is not None:
        surface = np.concatenate([surface, surface @ mirror])
    main = _principal_axes(surface)
    capsules = [_fit_capsule(surface, axis) for axis in main.T]
    boxes = [_fit_box(surface, axes) for axes in (np.eye(3), main)]
    capsule, box = (min(each, key=lambda pair: pair[0]) for each in (capsules, boxes))
    return capsule[1] if capsule[0] < _CAPSULE_BONUS * box[0] else box[1]


def geom_points(model: mujoco.MjModel, geom: int, spacing: float = 0.015) -> np.ndarray:
    """Points on the surface of a geom in its body's frame (N, 3), at most about `spacing` m apart.

    Raises:
        RobotError: the geom is a plane, a height field or a distance field.
    """
    kind, size = model.geom_type[geom], model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        vertices = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
        faces = model.mesh_face[model.mesh_faceadr[mesh] :][: model.mesh_facenum[mesh]]
        local = _densified(vertices.astype(float), faces, spacing)
    else:
        corners = _primitive_points(mujoco.mjtGeom(kind), size)
        local = _densified(corners, _hull(corners).simplices, spacing)
    return local @ quat_to_matrix(model.geom_quat[geom]).T + model.geom_pos[geom]


def _primitive_points(kind: mujoco.mjtGeom, size: np.ndarray) -> np.ndarray:
    """Points furthest out in many directions: of a convex body they span its hull."""
    d = _directions(_SAMPLES)
    around = np.linalg.norm(d[:, :2], axis=1, keepdims=True)
    cap = np.sign(d[:, 2:]) * size[1] * [0, 0, 1]
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return size[0] * d
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return size[0] * d + cap
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        return size[0] * d / around * [1, 1, 0] + cap
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return size**2 * d / np.linalg.norm(size * d, axis=1, keepdims=True)
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return np.sign(d) * size
    raise RobotError(f"a geom of type {kind.name} is no part of a robot; remove it from the model")


def _directions(count: int) -> np.ndarray:
    """Unit vectors, evenly spread (Fibonacci lattice). (count, 3)."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    turn = np.pi * (1 + 5**0.5) * i
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def _densified(vertices: np.ndarray, faces: np.ndarray, spacing: float) -> np.ndarray:
    """Vertices and, on large triangles, points between them."""
    corners = vertices[faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    parts = [vertices]
    for count in range(2, int(np.ceil(edges.max(initial=0.0) / spacing)) + 1):
        large = corners[np.ceil(edges / spacing) == count]
        if len(large):
            i, j = np.mgrid[: count + 1, : count + 1]
            inside = i + j <= count
            share = np.stack([i, j, count - i - j], axis=-1)[inside] / count
            parts.append(np.einsum("sk,fkx->fsx", share, large).reshape(-1, 3))
    return np.concatenate(parts)


def _hull_samples(points: np.ndarray) -> np.ndarray:
    """Points spread evenly over the convex hull's surface (N, 3), the same each time."""
    hull = _hull(points)
    corners = hull.points[hull.simplices]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    random = np.random.default_rng(0)
    chosen = corners[random.choice(len(area), size=_SAMPLES, p=area / area.sum())]
    u, v = np.sort(random.random((2, _SAMPLES, 1)), axis=0)
    return u * chosen[:, 0] + (v - u) * chosen[:, 1] + (1 - v) * chosen[:, 2]


def _hull(points: np.ndarray):
    from scipy.spatial import ConvexHull, QhullError

    try:
        return ConvexHull(points)
    except (QhullError, ValueError) as problem:
        raise RobotError(
            f"{len(points)} points of a link lie in a plane, so no capsule or box fits them; "
            "give the link a solid geom"
        ) from problem


def _halves(points: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """The cut that saves most: the halves' share of the hull's volume, and the halves."""
    whole = _hull(points).volume
    best = (1.0, [points])
    axes = np.concatenate([np.eye(3), _principal_axes(points).T])
    for axis in axes:
        along = points @ axis
        low, high = along.min(), along.max()
        for share in np.linspace(0.2, 0.8, 13):
            upper = along > low + share * (high - low)
            try:
                parts = [points[upper], points[~upper]]
                volume = sum(_hull(part).volume for part in parts)
            except RobotError:
                continue
            if volume / whole < best[0]:
                best = (volume / whole, parts)
    return best


def _principal_axes(points: np.ndarray) -> np.ndarray:
    """Right-handed axes of the cloud as columns (3, 3), the longest last."""
    _, axes = np.linalg.eigh(np.cov(points.T))
    axes[:, 0] *= np.sign(np.linalg.det(axes))
    return axes


def _to_box(local: np.ndarray, half: np.ndarray) -> np.ndarray:
    out = np.abs(local) - half
    return np.linalg.norm(np.maximum(out, 0), axis=1) + np.minimum(out.max(axis=1), 0)


def _to_capsule(local: np.ndarray, size: np.ndarray) -> np.ndarray:
    beyond = local - np.clip(local[:, 2:], -size[1], size[1]) * [0, 0, 1]
    return np.linalg.norm(beyond, axis=1) - size[0]


def _fit_capsule(points: np.ndarray, axis: np.ndarray) -> tuple[float, Shape]:
    along = points @ axis
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    centre += axis * (0.5 * (along.min() + along.max()) - centre @ axis)
    across = points - centre - np.outer(along - centre @ axis, axis)
    radius = float(np.linalg.norm(across, axis=1).mean())
    half = max(0.5 * float(np.ptp(along)) - radius, 1e-3)

    def shape(x: np.ndarray) -> Shape:
        length = float(np.linalg.norm(x[3:6]))
        return Shape(
            "capsule", x[:3], _frame(x[3:6] / length), np.array([max(abs(x[6]), _THINNEST), length])
        )

    return _least_squares(shape, points, np.concatenate([centre, axis * half, [radius]]))


def _fit_box(points: np.ndarray, axes: np.ndarray) -> tuple[float, Shape]:
    local = points @ axes
    low, high = local.min(axis=0), local.max(axis=0)

    def shape(x: np.ndarray) -> Shape:
        return Shape("box", axes @ x[:3], axes, np.maximum(np.abs(x[3:]), _THINNEST))

    return _least_squares(shape, points, np.concatenate([low + high, high - low]) / 2)


def _least_squares(
    shape: Callable[[np.ndarray], Shape], points: np.ndarray, start: np.ndarray
) -> tuple[float, Shape]:
    from scipy.optimize import least_squares

    found = least_squares(lambda x: shape(x).distance(points), start, max_nfev=60)
    return float(found.cost), shape(found.x)


def _frame(axis: np.ndarray) -> np.ndarray:
    """A right-handed frame whose third axis is `axis`, a unit vector."""
    side = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(side, axis)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)
