"""Confidence intervals, all 95 %: Wilson's of rates, Student's over strata, the bootstrap's."""

import math
from collections.abc import Sequence
from statistics import NormalDist, variance

import numpy as np

_LEVEL = 0.95


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a success rate; honest at 0 and at 1, unlike the normal one.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927). No trials give (0, 1).
    """
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + _LEVEL / 2)
    rate = successes / trials
    scale = 1.0 + z * z / trials
    middle = (rate + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # The ends are 0 and 1 exactly where all trials agree; rounding must not spoil that.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return low, high


def mean_interval(groups: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """95 % interval of the mean of all values, groups being fixed strata with spreads of their own.

    The answer to "what if these clips were run with other seeds": differences between groups do not
    widen it. Groups of one value take the pooled spread of the others. Degrees of freedom by Welch
    and Satterthwaite, rounded down. One group gives Student's interval.

    Returns:
        The interval, or None where no group has two values.
    """
    groups = [group for group in groups if len(group)]
    spread = [(len(group) - 1, variance(group)) for group in groups if len(group) > 1]
    if not spread:
        return None
    pooled = sum(freedom * s2 for freedom, s2 in spread) / sum(freedom for freedom, _ in spread)
    total = sum(len(group) for group in groups)
    mean = sum(sum(group) for group in groups) / total
    parts = [
        (len(group) * (variance(group) if len(group) > 1 else pooled) / total**2, len(group) - 1)
        for group in groups
    ]
    error2 = sum(part for part, _ in parts)
    if error2 == 0.0:
        return mean, mean
    weight = sum(part * part / freedom for part, freedom in parts if freedom)
    freedom = int(error2 * error2 / weight + 1e-9) if weight else sum(f for f, _ in spread)
    half = t_quantile(0.5 + _LEVEL / 2, max(1, freedom)) * math.sqrt(error2)
    return mean - half, mean + half


def bootstrap_interval(
    values: Sequence[float], *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """95 % interval of a mean by resampling the values; None for fewer than two.

    Percentiles of the means of resamples; the same values always give the same interval. Source:
    B. Efron, Bootstrap methods, Annals of Statistics 7 (1979).
    """
    given = np.asarray(values, np.float64)
    if len(given) < 2:
        return None
    rng = np.random.default_rng(seed)
    at_once = max(1, 1_000_000 // len(given))
    means = np.concatenate(
        [
            given[rng.integers(len(given), size=(min(at_once, resamples - done), len(given)))].mean(
                1
            )
            for done in range(0, resamples, at_once)
        ]
    )
    low, high = np.quantile(means, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return float(low), float(high)


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution, for probabilities of at least one half.

    By bisection of the integral of its density, which keeps scipy out of the requirements.
    """
    low, high = 0.0, 1e3
    for _ in range(80):
        middle = 0.5 * (low + high)
        if _t_cdf(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _t_cdf(t: float, freedom: int) -> float:
    """P(T <= t) for t >= 0 and whole degrees of freedom. Source: Abramowitz & Stegun 26.7.3-4."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    term, total = (cosine, 0.0) if freedom % 2 else (1.0, 0.0)
    for k in range(freedom % 2, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (k + 1) / (k + 2)
    both_sides = 2 / math.pi * (angle + sine * total) if freedom % 2 else sine * total
    return 0.5 + 0.5 * both_sides
