"""A mesh as a grid of heights, if that is what it is."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from mimiclab.errors import TerrainError
from mimiclab.tasks.velocity.heights import HeightGrid

_TOLERANCE_M = 2e-3
"""Surfaces closer than this above each other are one."""


def mesh_heights(path: str | Path, cell_m: float) -> HeightGrid:
    """Sample a Wavefront .obj, z up, m, along vertical lines at the points of a grid.

    Vertical walls become slopes of one cell. Solids may stand on, in or on top of each other; what
    may not be is empty space under something.

    Raises:
        TerrainError: no such file, no mesh in it, a hole, a surface that faces down, or empty space
            under a part of it; the message says where.
    """
    path = Path(path)
    triangles = _read_obj(path)
    low, high = triangles.reshape(-1, 3).min(axis=0), triangles.reshape(-1, 3).max(axis=0)
    counts = np.maximum(np.round((high - low)[:2] / cell_m).astype(int), 1)
    steps = (high - low)[:2] / counts
    if (steps <= 0).any():
        raise TerrainError(f"{path}: the mesh has no extent in x or y; expected a ground, z up")
    heights = _highest(path, triangles, low[:2], steps, counts + 1)
    inside = (low[:2] < 0).all() and (high[:2] > 0).all()
    x, y = (0.0, 0.0) if inside else map(float, (low + high)[:2] / 2)
    shift = (low + high)[:2] / 2  # mjlab's generator puts the middle at x = y = 0
    grid = HeightGrid(
        heights,
        (float(steps[0]), float(steps[1])),
        (float(low[0] - shift[0]), float(low[1] - shift[1])),
        np.zeros((1, 1, 3)),
    )
    x, y = x - float(shift[0]), y - float(shift[1])
    grid.origins[0, 0] = x, y, grid.highest_near(x, y, 1.0)
    return grid


def _read_obj(path: Path) -> np.ndarray:
    """Corners of all triangles, (T, 3, 3); larger faces are cut into fans."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise TerrainError(f"cannot read the mesh {path}: {error.strerror or error}") from error
    points: list[list[float]] = []
    corners: list[tuple[int, int, int]] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        try:
            if words[:1] == ["v"]:
                points.append([float(w) for w in words[1:4]])
                if len(points[-1]) != 3 or not np.isfinite(points[-1]).all():
                    raise ValueError("a vertex needs three finite numbers")
            elif words[:1] == ["f"]:
                given = [int(w.split("/")[0]) for w in words[1:]]
                ids = [i - 1 if i > 0 else len(points) + i for i in given]
                if len(ids) < 3 or not all(0 <= i < len(points) for i in ids):
                    raise ValueError(f"a face needs three of the {len(points)} vertices before it")
                corners += [(ids[0], a, b) for a, b in pairwise(ids[1:])]
        except ValueError as error:
            raise TerrainError(f"{path}, line {number}: {line[:60]!r}: {error}") from error
    if not corners:
        raise TerrainError(f"{path} has no faces; expected a Wavefront .obj with `v` and `f` lines")
    return np.array(points)[np.array(corners)]


def _highest(
    path: Path, triangles: np.ndarray, low: np.ndarray, steps: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Heights (Y, X), after looking for holes and for empty space under the surface."""
    point, height, up = _hits(triangles, low, steps, counts)
    order = np.lexsort((~up, -height, point))  # down each line, tops before undersides
    point, height, up = point[order], height[order], up[order]
    # Neighbouring triangles both have the points on their common edge.
    again = np.zeros(len(point), dtype=bool)
    again[1:] = (
        (point[1:] == point[:-1]) & (up[1:] == up[:-1]) & (height[:-1] - height[1:] < _TOLERANCE_M)
    )
    point, height, up = point[~again], height[~again], up[~again]
    first = np.ones(len(point), dtype=bool)
    first[1:] = point[1:] != point[:-1]

    def where(index: int) -> str:
        x, y = low + np.array([index % counts[0], index // counts[0]]) * steps
        return f"x = {x:.2f}, y = {y:.2f}"

    holes = np.setdiff1d(np.arange(counts.prod()), point)
    if len(holes):
        raise TerrainError(
            f"{path} is not a height field: there is no ground at {where(holes[0])} m, nor at "
            f"{len(holes) - 1} other of {counts.prod()} points; fill its holes, or make its "
            "outline a rectangle"
        )
    if not up[first].all():
        bad = int(point[first][~up[first]][0])
        raise TerrainError(
            f"{path}: the top of the mesh faces down at {where(bad)} m; turn its faces over"
        )
    starts = np.flatnonzero(first)
    for begin, end in zip(starts, [*starts[1:], len(point)], strict=True):
        if end - begin > 2:
            _require_solid(path, where(int(point[begin])), height[begin:end], up[begin:end])
    return height[first].reshape(counts[1], counts[0])


def _require_solid(path: Path, where: str, heights: np.ndarray, up: np.ndarray) -> None:
    inside, bottom = 0, None
    for height, is_top in zip(heights, up, strict=True):
        if is_top:
            if bottom is not None and inside == 0 and bottom - height > _TOLERANCE_M:
                raise TerrainError(
                    f"{path} is not a height field: at {where} m there is empty space from "
                    f"z = {height:.3f} to {bottom:.3f} m under a surface at {heights[0]:.3f} m; "
                    "remove the overhang, or fill it"
                )
            inside += 1
        else:
            inside -= 1
            bottom = height


def _hits(
    triangles: np.ndarray, low: np.ndarray, steps: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where vertical lines meet triangles: grid point, height, and whether the face looks up."""
    flat = (triangles[..., :2] - low) / steps  # in cells
    a, b, c = flat[:, 0], flat[:, 1], flat[:, 2]
    area = _cross(b - a, c - a)
    found_point, found_height, found_up = [], [], []
    for t in np.flatnonzero(np.abs(area) > 1e-9):
        first = np.maximum(np.ceil(flat[t].min(axis=0) - 1e-6), 0).astype(int)
        last = np.minimum(np.floor(flat[t].max(axis=0) + 1e-6), counts - 1).astype(int)
        if (last < first).any():
            continue
        x, y = np.meshgrid(
            np.arange(first[0], last[0] + 1), np.arange(first[1], last[1] + 1), indexing="ij"
        )
        place = np.stack([x.ravel(), y.ravel()], axis=1)
        share_b = _cross(place - a[t], c[t] - a[t]) / area[t]
        share_c = _cross(b[t] - a[t], place - a[t]) / area[t]
        hit = (share_b >= -1e-6) & (share_c >= -1e-6) & (share_b + share_c <= 1 + 1e-6)
        z = triangles[t, :, 2]
        found_point.append(place[hit, 0] + place[hit, 1] * counts[0])
        found_height.append(z[0] + share_b[hit] * (z[1] - z[0]) + share_c[hit] * (z[2] - z[0]))
        found_up.append(np.full(hit.sum(), area[t] > 0))
    if not found_point:
        return np.zeros(0, int), np.zeros(0), np.zeros(0, bool)
    return np.concatenate(found_point), np.concatenate(found_height), np.concatenate(found_up)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
