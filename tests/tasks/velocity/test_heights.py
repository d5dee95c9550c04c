"""Tiles of mixed ground against their published sizes; where robots begin on them."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from mimiclab.tasks.velocity import GroundCfg, TileSharesCfg
from mimiclab.tasks.velocity.heights import TILES, mixed_heights

NONE = TileSharesCfg(**dict.fromkeys(asdict(TileSharesCfg()), 0.0))


def only(kind: str, difficulty: float = 0.9, **more) -> GroundCfg:
    values = {"rows": 2, "columns": 2, "difficulties": (difficulty,)} | more
    return GroundCfg(shares=replace(NONE, **{kind: 1.0}), **values)


def test_shares_name_all_kinds_of_tiles():
    assert [f.name for f in fields(TileSharesCfg)] == list(TILES)


def test_published_size_and_shares():
    grid = mixed_heights(GroundCfg())
    assert grid.heights.shape == (20 * 80 + 1, 10 * 80 + 1)
    assert grid.spacing == (0.1, 0.1) and grid.corner == (-40.0, -80.0)
    assert grid.origins.shape == (10, 20, 3)
    assert np.allclose(grid.origins[0, 0, :2], [-36.0, -76.0])
    assert np.allclose(grid.heights / 0.005, np.round(grid.heights / 0.005), atol=1e-6)
    tiles = grid.heights[:-1, :-1].reshape(20, 80, 10, 80).transpose(2, 0, 1, 3).reshape(200, -1)
    flat = (tiles == 0).all(axis=1)
    pits = ~flat & (tiles.max(axis=1) == 0)
    rough = tiles.max(axis=1) < 0
    assert flat.sum() + pits.sum() + rough.sum() == 200
    for found, share in ((flat, 0.2), (rough, 0.6), (pits, 0.2)):
        assert found.mean() == pytest.approx(share, abs=0.1)


def test_the_scale_factor_multiplies_lengths_and_numbers():
    cfg = GroundCfg(rows=2, columns=3, scale_factor=2.0)
    grid = mixed_heights(cfg)
    assert grid.origins.shape == (4, 6, 3) and grid.heights.shape == (6 * 160 + 1, 4 * 160 + 1)
    assert grid.corner == (-32.0, -48.0)
    assert np.allclose(grid.heights / 0.01, np.round(grid.heights / 0.01), atol=1e-6)


@pytest.mark.parametrize("difficulty", [0.5, 0.9])
def test_rough_tiles(difficulty):
    heights = mixed_heights(only("rough", difficulty)).heights[:-1, :-1]
    lowest = -(2 * 0.025 * difficulty / 0.9 + 0.025)
    assert heights.min() == pytest.approx(lowest, abs=0.0026)
    assert heights.max() == pytest.approx(-0.025, abs=0.0026)
    middle = (lowest - 0.025) / 2
    assert heights.mean() == pytest.approx(middle, abs=1e-3)
    assert np.abs(np.corrcoef(heights[:, :-1].ravel(), heights[:, 1:].ravel())[0, 1]) < 0.05


def test_low_obstacles_are_pits():
    grid = mixed_heights(only("low_obstacles", 0.9, rows=1, columns=1))
    tile = grid.heights[:-1, :-1]
    assert np.unique(tile).tolist() == pytest.approx([-0.03, 0.0])
    share = (tile < 0).mean()
    assert 0.15 < share < 0.3  # 30 squares of 1 %, overlapping
    mild = mixed_heights(only("low_obstacles", 0.5)).heights
    assert mild.min() == pytest.approx(-0.03 * 0.5 / 0.9, abs=0.0026)


def test_slopes_take_their_row():
    grid = mixed_heights(only("smooth_slope", rows=4, columns=1))
    tops = grid.origins[:, 0, 2]
    assert tops == pytest.approx([0.4 * i / 4 * 3.0 for i in range(4)], abs=0.0026)
    row = grid.heights[40, 3 * 80 : 4 * 80]  # through the middle of the last one
    assert np.allclose(np.diff(row)[5:25], 0.03, atol=0.0051)


def test_stairs_rise_by_the_published_step():
    grid = mixed_heights(only("stairs", 0.5, rows=1, columns=1))
    steps = np.unique(grid.heights[:-1, :-1])
    assert np.allclose(np.diff(steps), 0.05 + 0.18 * 0.5, atol=1e-6) and len(steps) == 10
    assert grid.origins[0, 0, 2] == pytest.approx(steps[-1])


@pytest.mark.parametrize("kind", ["discrete_obstacles", "gap", "stepping_stones"])
def test_robots_begin_on_level_ground_among_obstacles(kind):
    grid = mixed_heights(only(kind))
    assert grid.heights.min() < -0.05
    for x, y, z in grid.origins.reshape(-1, 3):
        column, row = round((x - grid.corner[0]) / 0.1), round((y - grid.corner[1]) / 0.1)
        assert (grid.heights[row - 8 : row + 9, column - 8 : column + 9] == 0).all() and z == 0


def test_origins_are_on_the_highest_point_nearby():
    grid = mixed_heights(only("rough"))
    x, y, z = grid.origins[1, 0]
    column, row = round((x - grid.corner[0]) / 0.1), round((y - grid.corner[1]) / 0.1)
    assert z == grid.heights[row - 10 : row + 11, column - 10 : column + 11].max()


def test_the_ground_is_the_same_for_the_same_seed():
    a, b, c = (mixed_heights(only("rough", seed=s)).heights for s in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
