"""The ground under a retargeted motion: flat, or a height for every place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mimiclab.errors import MotionError


class Ground(Protocol):
    """Anything with a height above every place of the world's xy plane."""

    @property
    def highest(self) -> float:
        """No place is higher, m."""
        ...

    def sample(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Height (...) in m and its slope (..., 2) along x and y at places (..., 2)."""
        ...

    def scaled(self, factor: float, centre: np.ndarray) -> "Ground":
        """This ground after `x -> centre + factor (x - centre)`; heights grow from z = 0."""
        ...


@dataclass(frozen=True)
class FlatGround:
    """A floor at one height."""

    height: float = 0.0

    @property
    def highest(self) -> float:
        """The floor's height, m."""
        return self.height

    def sample(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same height everywhere, m, and no slope."""
        return np.full(xy.shape[:-1], self.height), np.zeros_like(xy)

    def scaled(self, factor: float, centre: np.ndarray) -> "FlatGround":
        """The floor at `factor` times its height."""
        return FlatGround(factor * self.height)


@dataclass(frozen=True, eq=False)
class HeightGrid:
    """Heights on a square grid, bilinear between its points and constant beyond its edges.

    Raises:
        MotionError: not a grid of at least 2 by 2 finite heights.
    """

    heights: np.ndarray
    """Shape (X, Y), m; the first axis runs along x."""
    corner: tuple[float, float]
    """Place of `heights[0, 0]`, m."""
    spacing: float
    """Between neighbours, m."""

    def __post_init__(self) -> None:
        if self.heights.ndim != 2 or min(self.heights.shape) < 2 or self.spacing <= 0:
            raise MotionError(
                f"a ground of shape {self.heights.shape} and spacing {self.spacing}; expected at "
                "least 2 by 2 heights and a positive spacing"
            )
        if not np.isfinite(self.heights).all():
            raise MotionError("a height of the ground is not finite; fill the holes first")

    @property
    def highest(self) -> float:
        """The greatest height, m."""
        return float(self.heights.max())

    def sample(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bilinear height and its slope."""
        last = np.array(self.heights.shape) - 1
        place = (xy - np.array(self.corner)) / self.spacing
        inside = np.clip(place, 0.0, last)
        cell = np.minimum(inside.astype(int), last - 1)
        u, v = np.moveaxis(inside - cell, -1, 0)
        i, j = np.moveaxis(cell, -1, 0)
        a, b = self.heights[i, j], self.heights[i + 1, j]
        c, d = self.heights[i, j + 1], self.heights[i + 1, j + 1]
        height = (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * c + u * d)
        slope = np.stack([(1 - v) * (b - a) + v * (d - c), (1 - u) * (c - a) + u * (d - b)], -1)
        return height, np.where(place == inside, slope, 0.0) / self.spacing

    def scaled(self, factor: float, centre: np.ndarray) -> "HeightGrid":
        """This ground after `x -> centre + factor (x - centre)`; heights grow from z = 0."""
        corner = centre + factor * (np.array(self.corner) - centre)
        return HeightGrid(
            factor * self.heights, (float(corner[0]), float(corner[1])), factor * self.spacing
        )


def ground_from_mesh(path: Path | str, *, spacing: float = 0.02, floor: float = 0.0) -> HeightGrid:
    """Upper side of a triangle mesh as a grid of heights; `floor` where there is no mesh.

    Args:
        path: any file that trimesh reads, in m, z up.
        spacing: of the grid, m; edges are softened over this distance.
        floor: height around the mesh, m.

    Raises:
        MotionError: the file is no mesh, or the grid would have more than 25 million points.
    """
    import trimesh

    try:
        mesh = trimesh.load_mesh(path)
        corners = np.asarray(mesh.triangles, float)
    except Exception as error:  # trimesh raises whatever its many readers do
        raise MotionError(f"{path}: no readable triangle mesh ({error})") from error
    if not len(corners):
        raise MotionError(f"{path}: the mesh has no triangles")
    low = corners[..., :2].min(axis=(0, 1)) - 2 * spacing
    shape = np.ceil((corners[..., :2].max(axis=(0, 1)) + 2 * spacing - low) / spacing).astype(int)
    if shape.prod() > 25_000_000:
        raise MotionError(f"{path}: {shape[0]} x {shape[1]} grid points; raise `spacing`")
    heights = np.full(shape + 1, -np.inf)
    for triangle in corners:
        _raise_to(heights, triangle, low, spacing)
    return HeightGrid(
        np.where(np.isfinite(heights), heights, floor), (float(low[0]), float(low[1])), spacing
    )


def _raise_to(heights: np.ndarray, triangle: np.ndarray, low: np.ndarray, spacing: float) -> None:
    """Lift the grid points under one triangle (3, 3) to it."""
    flat = (triangle[:, :2] - low) / spacing
    first, last = np.ceil(flat.min(axis=0)).astype(int), np.floor(flat.max(axis=0)).astype(int)
    if (last < first).any():
        return
    ab, ac = flat[1] - flat[0], flat[2] - flat[0]
    area = ab[0] * ac[1] - ab[1] * ac[0]
    if abs(area) < 1e-12:
        return  # seen edge on: its neighbours cover it
    x, y = np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)))
    px, py = x - flat[0, 0], y - flat[0, 1]
    u, v = (px * ac[1] - py * ac[0]) / area, (ab[0] * py - ab[1] * px) / area
    inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
    z = (
        triangle[0, 2]
        + u * (triangle[1, 2] - triangle[0, 2])
        + v * (triangle[2, 2] - triangle[0, 2])
    )
    np.maximum.at(heights, (x[inside], y[inside]), z[inside])
