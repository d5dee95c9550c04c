"""Height of the centre of mass in a hop: pushed by the ground, then a free fall, then caught."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from mimiclab.motions.synthesis.balance import GRAVITY


def hop_height(
    rest_height: float, flight_s: float, crouch: float
) -> tuple[Callable[[np.ndarray], np.ndarray], float, float, float]:
    """Height over time, takeoff time, landing time and duration of one hop.

    Position, speed and acceleration are continuous: the push has faded to nothing at takeoff.
    """
    speed = 0.5 * GRAVITY * flight_s
    leave = rest_height - 0.015
    low = rest_height - crouch
    push_s = 2.2 * (leave - low) / speed
    knots = [(0.6, rest_height, 0.0, 0.0)]

    def add(after: float, height: float, velocity: float, acceleration: float) -> float:
        knots.append((knots[-1][0] + after, height, velocity, acceleration))
        return knots[-1][0]

    add(1.0, low, 0.0, 0.0)
    add(0.2, low, 0.0, 0.0)
    takeoff = add(push_s, leave, speed, -GRAVITY)
    landing = add(flight_s, leave, -speed, -GRAVITY)
    add(push_s, low, 0.0, 0.0)
    add(0.2, low, 0.0, 0.0)
    end = add(1.0, rest_height, 0.0, 0.0)
    return lambda times: _quintics(times, knots), takeoff, landing, end + 0.6


def _quintics(times: np.ndarray, knots: list[tuple[float, float, float, float]]) -> np.ndarray:
    """Fifth-order curve through (time, value, first, second derivative) knots; flat outside."""
    out = np.where(times < knots[0][0], knots[0][1], knots[-1][1])
    for (t0, x0, v0, a0), (t1, x1, v1, a1) in pairwise(knots):
        h = t1 - t0
        rest = np.array(
            [x1 - x0 - v0 * h - 0.5 * a0 * h**2, v1 * h - v0 * h - a0 * h**2, (a1 - a0) * h**2]
        )
        c3, c4, c5 = np.linalg.solve([[1, 1, 1], [3, 4, 5], [6, 12, 20]], rest)
        inside = (times >= t0) & (times < t1)
        s = (times[inside] - t0) / h
        out[inside] = x0 + v0 * h * s + 0.5 * a0 * h**2 * s**2 + c3 * s**3 + c4 * s**4 + c5 * s**5
    return out
