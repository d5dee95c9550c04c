"""Smooth functions of time from few numbers: twice continuously differentiable."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def smoothstep(s: np.ndarray) -> np.ndarray:
    """Minimum-jerk rise from 0 at s <= 0 to 1 at s >= 1, first two derivatives zero at both."""
    s = np.clip(s, 0.0, 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s**2)


def bump(s: np.ndarray) -> np.ndarray:
    """Rise to 1 at s = 1/2 and back to 0 at s = 1, first two derivatives zero at the ends."""
    s = np.clip(s, 0.0, 1.0)
    return (4.0 * s * (1.0 - s)) ** 3


def through(times: np.ndarray, keys: Sequence[tuple[float, float]]) -> np.ndarray:
    """Curve (T,) that rests at each (time, value) key and moves smoothly between; flat outside."""
    out = np.full(len(times), float(keys[0][1]))
    for (t0, a), (t1, b) in pairwise(keys):
        out += (b - a) * smoothstep((times - t0) / (t1 - t0))
    return out


def window(times: np.ndarray, start: float, stop: float, ramp: float) -> np.ndarray:
    """1 between start + ramp and stop - ramp, 0 outside start and stop, smooth between. (T,)."""
    return smoothstep((times - start) / ramp) * smoothstep((stop - times) / ramp)


def wave(times: np.ndarray, start: float, stop: float, hertz: float, ramp: float) -> np.ndarray:
    """Sine that fades in from `start` and out to `stop`. (T,)."""
    phase = 2.0 * np.pi * hertz * (times - start)
    return np.sin(phase) * window(times, start, stop, ramp)
