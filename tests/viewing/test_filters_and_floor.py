import numpy as np
import pytest

from mimiclab.viewing.camera import View
from mimiclab.viewing.filters import average_pairs, blur
from mimiclab.viewing.floor import Floor, _square_wave
from mimiclab.viewing.style import linear, to_bytes


def test_blur_is_the_mean_of_the_neighbourhood():
    image = np.random.default_rng(1).random((9, 12)).astype(np.float32)
    padded = np.pad(image, 2, mode="edge")
    expected = [[padded[r : r + 5, c : c + 5].mean() for c in range(12)] for r in range(9)]
    assert np.allclose(blur(image, 2), expected, atol=1e-5)


def test_average_of_pairs():
    samples = np.arange(16, dtype=float).reshape(4, 4, 1)
    assert np.array_equal(average_pairs(samples)[..., 0], [[2.5, 4.5], [10.5, 12.5]])


@pytest.mark.parametrize("pixel", [0.05, 0.7, 1.3, 5.0])
def test_the_checker_is_averaged_over_each_pixel(pixel):
    x = np.linspace(-3, 3, 41)
    fine = x[:, None] + pixel * (np.arange(4000) + 0.5) / 4000 - pixel / 2
    expected = np.where(np.floor(fine) % 2 == 0, 1, -1).mean(axis=1)
    assert np.allclose(_square_wave(x, np.full_like(x, pixel)), expected, atol=2e-3)


def test_screen_colours_survive_the_way_to_light_and_back():
    colours = np.arange(256) / 255
    assert np.abs(to_bytes(linear(colours)).astype(int) - np.arange(256))[30:].max() <= 1


def test_the_floor_repeats_with_its_tiles_and_shadows_darken_it():
    floor = Floor((96, 64), View())
    here = floor.render(np.array([0.0, 0.0]), [])
    assert np.allclose(here, floor.render(np.array([3.0, -2.0]), []), atol=1e-3)
    post = np.random.default_rng(0).uniform((-0.1, -0.1, 0), (0.1, 0.1, 1), (5000, 3))
    shaded = floor.render(np.array([0.0, 0.0]), [(post.astype(np.float32), 1.0)])
    assert (shaded <= here + 1e-6).all() and (shaded < 0.8 * here).any()
