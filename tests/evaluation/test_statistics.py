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


def test_student_by_hand():
    # Mean 2, standard deviation 1, t(2) = 4.3027: half width 4.3027 / sqrt(3) = 2.4841.
    assert mean_interval([[1.0, 2.0, 3.0]]) == pytest.approx((-0.4841, 4.4841), abs=1e-4)
    assert mean_interval([[1.0], [2.0]]) is None
    assert mean_interval([]) is None
    assert mean_interval([[1.0, 1.0], [3.0, 3.0]]) == (2.0, 2.0)


def test_strata_by_hand():
    # Means 2 and 12, variances 1 and 4, n = 3 each: error^2 = 1/36 * (3 + 12) = 5/12;
    # df = (5/12)^2 / ((1/12)^2 / 2 + (4/12)^2 / 2) = 50/17 = 2.94, down to 2.
    low, high = mean_interval([[1.0, 2.0, 3.0], [10.0, 12.0, 14.0]])
    assert (low + high) / 2 == pytest.approx(7.0)
    assert (high - low) / 2 == pytest.approx(4.3027 * (5 / 12) ** 0.5, rel=1e-4)


def test_lone_values_take_the_pooled_spread():
    lone = mean_interval([[1.0, 2.0, 3.0], [5.0]])
    # error^2 = (3 * 1 + 1 * 1) / 16 = 1/4; the lone value adds no freedom: df = (1/4)^2 / (9/256/2)
    assert lone == pytest.approx((2.75 - 3.1824 * 0.5, 2.75 + 3.1824 * 0.5), abs=1e-3)


@pytest.mark.parametrize("sizes", [(6,), (4, 4), (3, 5, 8)])
def test_the_interval_covers_the_truth_as_often_as_it_says(sizes):
    rng = np.random.default_rng(0)
    truth = sum(n * 10 * i for i, n in enumerate(sizes)) / sum(sizes)
    covered = 0
    for _ in range(1000):
        groups = [rng.normal(10 * i, 1 + i, n).tolist() for i, n in enumerate(sizes)]
        low, high = mean_interval(groups)
        covered += low <= truth <= high
    assert 0.93 <= covered / 1000 <= 0.985
