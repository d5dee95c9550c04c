"""The few colours and lights that pictures, pages and plots share."""

import numpy as np
from numpy.typing import ArrayLike

ROBOT_RGB = (0.83, 0.84, 0.86)
"""Light shell of a robot in the browser, sRGB."""
GHOST_RGB = (0.16, 0.62, 0.74)
"""The reference motion, sRGB."""

_GAMMA_STEPS = 4096
_GAMMA = np.round(255 * np.linspace(0, 1, _GAMMA_STEPS) ** (1 / 2.2)).astype(np.uint8)


def linear(srgb: ArrayLike) -> np.ndarray:
    """Screen colour in 0..1 to an amount of light in 0..1."""
    return np.asarray(srgb, np.float32) ** 2.2


def to_bytes(light: np.ndarray) -> np.ndarray:
    """Amount of light to screen colour, clipped at white. Any shape, uint8."""
    steps = np.clip(light * (_GAMMA_STEPS - 1), 0, _GAMMA_STEPS - 1)
    return _GAMMA[steps.astype(np.uint16)]
