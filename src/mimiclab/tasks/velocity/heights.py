"""Heights of mixed ground as an array, pure. Source: Holosoma, locomotion mix.

A tile is an array of heights at its grid points, its last row and column those of its neighbour.
Kinds of tiles take the tile's number of cells, the cell's side, a difficulty and a generator.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from mimiclab.tasks.velocity.ground_cfg import GroundCfg

_HARDEST = 0.9
"""Difficulty at which rough tiles and pits have their full depth."""
_MAX_SLOPE = 0.4
"""Rise over run in the last row of slopes."""
_PLATFORM_M = 2.0
"""Side of the level middle of slopes and stairs, m."""


@dataclass(frozen=True)
class HeightGrid:
    """Heights over a regular grid, and where robots may begin on it."""

    heights: np.ndarray
    """Above z = 0, m. Shape (Y, X)."""
    spacing: tuple[float, float]
    """Distance of neighbouring points in x and y, m."""
    corner: tuple[float, float]
    """Place of `heights[0, 0]`, m."""
    origins: np.ndarray
    """Middles of the tiles, on the highest point within 1 m. Shape (rows, columns, 3)."""

    def highest_near(self, x: float, y: float, distance: float) -> float:
        """Largest height at grid points within `distance` of a place in x and in y, m."""
        rows, columns = self.heights.shape
        low_x, high_x = self._span(x, distance, self.corner[0], self.spacing[0], columns)
        low_y, high_y = self._span(y, distance, self.corner[1], self.spacing[1], rows)
        return float(self.heights[low_y:high_y, low_x:high_x].max())

    @staticmethod
    def _span(
        centre: float, distance: float, corner: float, step: float, count: int
    ) -> tuple[int, int]:
        low = int(np.ceil((centre - distance - corner) / step - 1e-6))
        high = int(np.floor((centre + distance - corner) / step + 1e-6))
        low = min(max(low, 0), count - 1)
        return low, max(min(high, count - 1), low) + 1


def mixed_heights(cfg: GroundCfg) -> HeightGrid:
    """The heights of all tiles, middle at x = y = 0."""
    scale = cfg.scale_factor
    rows, columns = max(1, round(cfg.rows * scale)), max(1, round(cfg.columns * scale))
    side = cfg.tile_m * scale
    cells = max(2, round(side / cfg.cell_m))
    cell = side / cells
    random = np.random.default_rng(cfg.seed)
    shares = np.array([asdict(cfg.shares)[name] for name in TILES])
    kinds = random.choice(list(TILES), size=(rows, columns), p=shares / shares.sum())
    heights = np.zeros((columns * cells + 1, rows * cells + 1))
    for row in range(rows):
        for column in range(columns):
            kind = str(kinds[row, column])
            difficulty = float(random.choice(cfg.difficulties))
            if kind.endswith("slope"):
                difficulty = row / rows
            tile = TILES[kind](cells, cell, difficulty, random)
            heights[column * cells : (column + 1) * cells, row * cells : (row + 1) * cells] = tile
    quantum = cfg.quantum_m * scale
    # The outermost points belong to the level ground around the tiles.
    heights = np.round(heights / quantum) * quantum
    size = np.array([rows * side, columns * side])
    corner = (float(-size[0] / 2), float(-size[1] / 2))
    grid = HeightGrid(heights, (cell, cell), corner, np.zeros((rows, columns, 3)))
    for row in range(rows):
        for column in range(columns):
            x = corner[0] + (row + 0.5) * side
            y = corner[1] + (column + 0.5) * side
            grid.origins[row, column] = x, y, grid.highest_near(x, y, 1.0)
    return grid


def _flat(cells: int, cell: float, difficulty: float, random: np.random.Generator) -> np.ndarray:
    del cell, difficulty, random
    return np.zeros((cells, cells))


def _rough(cells: int, cell: float, difficulty: float, random: np.random.Generator) -> np.ndarray:
    del cell
    spread = 2 * 0.025 * difficulty / _HARDEST
    return random.uniform(-spread - 0.025, -0.025, size=(cells, cells))


def _low_obstacles(
    cells: int, cell: float, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    del cell
    heights, side = np.zeros((cells, cells)), max(1, cells // 10)
    for y, x in random.integers(0, cells - side + 1, size=(30, 2)):
        heights[y : y + side, x : x + side] = -0.03 * difficulty / _HARDEST
    return heights


def _ring(cells: int, cell: float) -> np.ndarray:
    """Distance of each point from the nearest edge of the tile, m."""
    edge = np.minimum(np.arange(cells), cells - np.arange(cells)) * cell
    return np.minimum(edge[:, None], edge[None, :])


def _smooth_slope(
    cells: int, cell: float, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    del random
    top = max(0.0, (cells * cell - _PLATFORM_M) / 2)
    return _MAX_SLOPE * difficulty * np.minimum(_ring(cells, cell), top)


def _rough_slope(
    cells: int, cell: float, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    smooth = _smooth_slope(cells, cell, difficulty, random)
    return smooth + random.uniform(-0.05, 0.0, size=(cells, cells))


def _stairs(cells: int, cell: float, difficulty: float, random: np.random.Generator) -> np.ndarray:
    del random
    top = max(0.0, (cells * cell - _PLATFORM_M) / 2)
    steps = np.floor(np.minimum(_ring(cells, cell), top) / 0.31 + 1e-6)
    return (0.05 + 0.18 * difficulty) * steps


def _discrete_obstacles(
    cells: int, cell: float, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    heights, most = np.zeros((cells, cells)), 0.05 + 0.2 * difficulty
    for _ in range(20):
        width, depth = (random.uniform(1.0, 2.0, size=2) / cell).astype(int)
        y, x = random.integers(0, cells, size=2)
        heights[y : y + depth, x : x + width] = most * random.choice([-1.0, -0.5, 0.5, 1.0])
    return _level_middle(heights, cell)


def _gap(cells: int, cell: float, difficulty: float, random: np.random.Generator) -> np.ndarray:
    del random
    away = (cells // 2) * cell - _ring(cells, cell)
    trench = (away >= _PLATFORM_M / 2) & (away < _PLATFORM_M / 2 + difficulty)
    return np.where(trench, -1.0, 0.0)


def _stepping_stones(
    cells: int, cell: float, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    stone = max(2, round((1.5 - difficulty) / cell))
    apart = max(1, round((0.05 + 0.1 * difficulty) / cell))
    shift = random.integers(0, stone + apart, size=2)
    on = [(np.arange(cells) + s) % (stone + apart) < stone for s in shift]
    return _level_middle(np.where(on[0][:, None] & on[1][None, :], 0.0, -1.0), cell)


def _level_middle(heights: np.ndarray, cell: float) -> np.ndarray:
    middle, half = len(heights) // 2, round(_PLATFORM_M / 2 / cell)
    level = slice(middle - half, middle + half + 1)
    heights[level, level] = 0.0
    return heights


TILES: dict[str, Callable[[int, float, float, np.random.Generator], np.ndarray]] = {
    "flat": _flat,
    "rough": _rough,
    "low_obstacles": _low_obstacles,
    "smooth_slope": _smooth_slope,
    "rough_slope": _rough_slope,
    "stairs": _stairs,
    "discrete_obstacles": _discrete_obstacles,
    "gap": _gap,
    "stepping_stones": _stepping_stones,
}
"""Kinds of tiles, by the names in `TileSharesCfg`."""
