"""LAPACK by its pointers against SciPy's own call, and against the interpreter's lock."""

import threading
import time

import numpy as np
import pytest
from scipy.linalg import solveh_banded

from mimiclab.motions.retarget.lapack import solve_banded


def _band(count: int, width: int, dtype: type) -> np.ndarray:
    band = np.random.default_rng(0).normal(size=(count, width + 1)).astype(dtype)
    band[:, 0] = 4.0 * width
    return band


@pytest.mark.parametrize("dtype,tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_solution_is_scipys(dtype, tolerance):
    band = _band(200, 7, dtype)
    right = np.random.default_rng(1).normal(size=200).astype(dtype)
    expected = solveh_banded(band.T.astype(float), right.astype(float), lower=True)
    assert solve_banded(band, right) == 0
    np.testing.assert_allclose(right, expected, atol=tolerance)


def test_a_matrix_that_is_not_positive_definite_is_told():
    band = _band(20, 3, np.float64)
    band[11, 0] = -1.0
    assert solve_banded(band, np.ones(20)) == 12


def test_other_threads_run_meanwhile():
    band, right = _band(60_000, 140, np.float64), np.ones(60_000)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    solve_banded(band, right)
    stop = time.perf_counter()
    done.set()
    thread.join()
    # With the lock held there is at most one tick between start and stop.
    assert sum(start < t < stop for t in ticks) > 3
