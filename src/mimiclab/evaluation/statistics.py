"""Confidence intervals: Wilson's for rates, Student's t for means. 95 % throughout."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

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


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values; None for fewer than two."""
    if len(values) < 2:
        return None
    half = t_quantile(0.5 + _LEVEL / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


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
