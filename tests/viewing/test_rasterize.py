import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.viewing.rasterize import rasterize


def plain_rasterize(xy, inverse_depth, faces, shape):
    """The textbook algorithm, one pixel and one triangle at a time."""
    number, nearest = -np.ones(shape, int), np.zeros(shape)
    for index, face in enumerate(faces):
        corners = np.vstack([xy[face].T, np.ones(3)])
        # y points down: a triangle that is anticlockwise to the eye has a negative determinant.
        if np.linalg.det(corners) > -1e-9 or (inverse_depth[face] <= 0).any():
            continue
        inverse = np.linalg.inv(corners)
        for row, column in np.ndindex(*shape):
            weights = inverse @ (column + 0.5, row + 0.5, 1)
            z = weights @ inverse_depth[face]
            if weights.min() >= 0 and z > nearest[row, column]:
                number[row, column], nearest[row, column] = index, z
    return number, nearest


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_equals_the_textbook_algorithm_away_from_edges(seed):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-4, 20, (12, 2)).astype(np.float32)
    inverse = rng.uniform(0.1, 1, 12).astype(np.float32)
    inverse[rng.integers(12)] *= rng.choice([-1, 1])
    faces = rng.integers(0, 12, (8, 3))
    number, nearest = rasterize(xy, inverse, faces, (14, 17))
    expected, depth = plain_rasterize(xy.astype(float), inverse.astype(float), faces, (14, 17))
    # Of two triangles at one depth either may win; a centre on an edge may fall either way.
    wrong = np.abs(nearest - depth) > 1e-4
    assert wrong.mean() < 0.01
    tie = (number != expected) & ~wrong
    pairs = zip(faces[number[tie]], faces[expected[tie]], strict=True)
    assert all(same_plane(a, b) for a, b in pairs)


def same_plane(a, b) -> bool:
    """Whether two faces share all corners, or so many that they meet at the pixel."""
    return len(set(a) & set(b)) >= 2


SQUARE = np.array([[2, 2], [2, 12], [12, 12], [12, 2]], np.float32)


def test_a_square_covers_its_pixels_exactly_once():
    number, nearest = rasterize(
        SQUARE, np.full(4, 0.5, np.float32), np.array([[0, 1, 2], [0, 2, 3]]), (16, 16)
    )
    covered = np.zeros((16, 16), bool)
    covered[2:12, 2:12] = True
    assert np.array_equal(number >= 0, covered)
    assert np.allclose(nearest[covered], 0.5) and not nearest[~covered].any()


@pytest.mark.parametrize("faces", [[[0, 2, 1]], [[0, 1, 1]]], ids=["back face", "no area"])
def test_what_cannot_be_seen_is_not_drawn(faces):
    number, _ = rasterize(SQUARE, np.ones(4, np.float32), np.array(faces), (16, 16))
    assert (number == -1).all()


def test_triangles_that_reach_behind_the_camera_are_left_out():
    inverse = np.array([1, 1, -1, 1], np.float32)
    number, _ = rasterize(SQUARE, inverse, np.array([[0, 1, 2]]), (16, 16))
    assert (number == -1).all()


def test_the_nearer_triangle_wins_whatever_the_order():
    xy = np.concatenate([SQUARE[:3], SQUARE[:3]])
    inverse = np.repeat(np.array([0.2, 0.9], np.float32), 3)
    for faces, near in (([[0, 1, 2], [3, 4, 5]], 1), ([[3, 4, 5], [0, 1, 2]], 0)):
        number, _ = rasterize(xy, inverse, np.array(faces), (16, 16))
        assert set(np.unique(number)) == {-1, near}


def test_a_triangle_larger_than_the_image_fills_it():
    xy = np.array([[-500, -500], [-500, 900], [900, -500]], np.float32)
    number, _ = rasterize(xy, np.ones(3, np.float32), np.array([[0, 1, 2]]), (20, 30))
    assert (number == 0).all()
