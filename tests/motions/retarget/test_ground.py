"""Heights and slopes of ground by hand, and of a mesh."""

import numpy as np
import pytest

from mimiclab.errors import MotionError
from mimiclab.motions.retarget.ground import FlatGround, HeightGrid, ground_from_mesh


def test_bilinear_heights_and_slopes():
    grid = HeightGrid(np.array([[0.0, 1.0], [2.0, 3.0]]), (10.0, 20.0), 0.5)
    places = np.array([[10.0, 20.0], [10.25, 20.0], [10.25, 20.25], [10.5, 20.5], [99.0, 20.5]])
    height, slope = grid.sample(places)
    np.testing.assert_allclose(height, [0.0, 1.0, 1.5, 3.0, 3.0])
    np.testing.assert_allclose(slope[2], [4.0, 2.0])
    np.testing.assert_allclose(slope[4], [0.0, 2.0])  # constant beyond the edge along x
    assert grid.highest == 3.0
    height, slope = FlatGround(0.3).sample(places)
    assert (height == 0.3).all() and not slope.any()


def test_scaled_ground_is_the_ground_seen_by_a_smaller_robot():
    grid = HeightGrid(np.random.default_rng(0).random((6, 7)), (-1.0, -2.0), 0.5)
    centre = np.array([0.3, -0.4])
    places = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    small = grid.scaled(0.7, centre)
    height, _ = small.sample(centre + 0.7 * (places - centre))
    np.testing.assert_allclose(height, 0.7 * grid.sample(places)[0], atol=1e-12)


def test_a_mesh_becomes_its_upper_side(tmp_path):
    path = tmp_path / "wedge.obj"
    # A floor tile at 0.1 and a ramp from 0.1 to 0.5 over x in 1 to 2.
    path.write_text(
        "v 0 0 .1\nv 1 0 .1\nv 1 1 .1\nv 0 1 .1\nv 2 0 .5\nv 2 1 .5\n"
        "f 1 2 3\nf 1 3 4\nf 2 5 6\nf 2 6 3\n"
    )
    ground = ground_from_mesh(path, spacing=0.05)
    places = np.array([[0.5, 0.5], [1.5, 0.5], [1.75, 0.2], [3.0, 3.0]])
    height, slope = ground.sample(places)
    np.testing.assert_allclose(height, [0.1, 0.3, 0.4, 0.0], atol=1e-9)
    np.testing.assert_allclose(slope[1], [0.4, 0.0], atol=1e-9)


def test_bad_grounds_are_refused(tmp_path):
    with pytest.raises(MotionError, match="at least 2 by 2"):
        HeightGrid(np.zeros((1, 4)), (0, 0), 1.0)
    with pytest.raises(MotionError, match="not finite"):
        HeightGrid(np.full((2, 2), np.nan), (0, 0), 1.0)
    (tmp_path / "no.obj").write_text("hello")
    with pytest.raises(MotionError, match="no triangles"):
        ground_from_mesh(tmp_path / "no.obj")
    (tmp_path / "big.obj").write_text("v 0 0 0\nv 1000 0 0\nv 0 1000 0\nf 1 2 3\n")
    with pytest.raises(MotionError, match="raise `spacing`"):
        ground_from_mesh(tmp_path / "big.obj", spacing=0.01)
