import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.evaluation.statistics import mean_interval, t_quantile, wilson_interval


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (19, 2.093), (120, 1.980)],
)
def test_t_quantiles_of_the_printed_table(freedom, table):
    assert t_quantile(0.975, freedom) == pytest.approx(table, abs=6e-4)


@pytest.mark.parametrize(
    # Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_intervals_of_newcombe(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=6e-5)


def test_twenty_of_twenty():
    low, high = wilson_interval(20, 20)
    assert high == 1.0 and low == pytest.approx(0.8389, abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.data())
def test_wilson_is_symmetric_and_holds_the_rate(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    mirrored = wilson_interval(trials - successes, trials)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


def test_mean_interval_by_hand():
    # Mean 2, standard deviation 1, t(2) = 4.3027: half width 4.3027 / sqrt(3) = 2.4841.
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((-0.4841, 4.4841), abs=1e-4)
    assert mean_interval([1.0]) is None
    assert mean_interval([]) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        low, high = mean_interval(rng.normal(5.0, 2.0, 6).tolist())
        covered += low <= 5.0 <= high
    assert covered / 1000 == pytest.approx(0.95, abs=0.02)
