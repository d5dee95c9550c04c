"""Banded systems against dense ones."""

import numpy as np
import pytest

from mimiclab.errors import MotionError
from mimiclab.motions.retarget.banded import BandedSystem

FRAMES, SIZE = 5, 8


def _system():
    """A random positive definite system, and the same as a dense matrix."""
    random = np.random.default_rng(0)
    system, dense = BandedSystem(FRAMES, SIZE), np.zeros((FRAMES, SIZE, FRAMES, SIZE))
    blocks = random.normal(size=(FRAMES, SIZE, SIZE))
    blocks = blocks @ np.swapaxes(blocks, 1, 2) + 30 * np.eye(SIZE)
    system.add_blocks(blocks)
    root = random.normal(size=(FRAMES, 3, 3))
    root += np.swapaxes(root, 1, 2)
    system.add_blocks(root, first=3)
    for t in range(FRAMES):
        dense[t, :, t] += blocks[t]
        dense[t, 3:6, t, 3:6] += root[t]
    chain = np.array([0, 1, 2, 5, 7])
    neighbours = random.normal(size=(FRAMES - 1, 5, 5))
    system.add_couplings(1, chain, chain, neighbours)
    far = random.normal(size=(FRAMES - 2, 3, 3))
    system.add_couplings(2, np.arange(3, 6), np.arange(3, 6), far)
    diagonal = random.normal(size=(FRAMES - 2, SIZE))
    system.add_diagonal(2, diagonal)
    for t in range(FRAMES - 1):
        dense[t + 1, chain[:, None], t, chain] += neighbours[t]
        dense[t, chain[:, None], t + 1, chain] += neighbours[t].T
    for t in range(FRAMES - 2):
        for i in range(SIZE):
            dense[t + 2, i, t, i] += diagonal[t, i]
            dense[t, i, t + 2, i] += diagonal[t, i]
        dense[t + 2, 3:6, t, 3:6] += far[t]
        dense[t, 3:6, t + 2, 3:6] += far[t].T
    return system, dense.reshape(FRAMES * SIZE, -1)


def test_solution_is_the_dense_one():
    system, dense = _system()
    right = np.random.default_rng(1).normal(size=(FRAMES, SIZE))
    damping = np.linspace(0.0, 2.0, FRAMES)
    unknown = np.full(right.shape, np.nan)
    expected = np.linalg.solve(dense + np.diag(np.repeat(damping, SIZE)), right.ravel())
    found = system.solve(right, unknown, damping)
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-10)
    np.testing.assert_allclose(system.solve(right, unknown, damping), found)  # A is still there


def test_given_values_are_kept_and_the_rest_is_best_for_them():
    system, dense = _system()
    random = np.random.default_rng(2)
    right, known = random.normal(size=(2, FRAMES, SIZE))
    asked = random.random((FRAMES, SIZE)) < 0.7
    found = system.solve(right, np.where(asked, np.nan, known), np.zeros(FRAMES))
    np.testing.assert_array_equal(found[~asked], known[~asked])
    np.testing.assert_allclose((dense @ found.ravel() - right.ravel())[asked.ravel()], 0, atol=1e-9)


def test_a_system_without_rank_is_named():
    with pytest.raises(MotionError, match="lose rank"):
        BandedSystem(2, 3).solve(np.ones((2, 3)), np.full((2, 3), np.nan), np.zeros(2))
