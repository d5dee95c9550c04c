"""When heels and toes stand on the ground, from where landmarks are and how fast they move."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class ContactCfg:
    """What counts as standing, for a leg (hip to ankle) of 0.85 m; longer legs scale it."""

    toe_height_m: tuple[float, float] = (0.025, 0.04)
    """Of the ball of the foot above where it stands: a contact begins below the first and lasts
    below the second."""
    heel_height_m: tuple[float, float] = (0.015, 0.022)
    """The same for the ankle, which rises as soon as the heel does."""
    speed: tuple[float, float] = (0.3, 0.65)
    """Of the landmark, m/s: begins below the first, lasts below the second."""
    upright: tuple[float, float] = (0.2, 0.7)
    """Least cosine between the sole's normal and vertical for toes alone, and with the heel."""
    min_s: float = 0.08
    """Shorter contacts are dropped, s."""


def hysteresis(inner: np.ndarray, outer: np.ndarray, min_frames: int) -> np.ndarray:
    """Stretches of `outer` that hold at least one frame of `inner`, the short ones left out.

    Args:
        inner: frames that start a contact (T,), bool.
        outer: frames that keep it (T,), bool.
        min_frames: least length of a stretch.
    """
    outer = outer | inner
    edges = np.diff(np.concatenate([[0], outer.astype(int), [0]]))
    starts, stops = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    count = np.concatenate([[0], np.cumsum(inner)])
    kept = np.zeros(len(outer), bool)
    for start, stop in zip(starts, stops, strict=True):
        if count[stop] > count[start] and stop - start >= min_frames:
            kept[start:stop] = True
    return kept


def detect_contacts(
    height: np.ndarray,
    speed: np.ndarray,
    upright: np.ndarray,
    fps: float,
    leg: float,
    cfg: ContactCfg | None = None,
) -> np.ndarray:
    """Contacts of the sole (T, 2, 2): feet left and right; ball of the foot, then heel.

    Args:
        height: of toe and ankle above where they are in flat standing (T, 2, 2), m.
        speed: of toe and ankle (T, 2, 2), m/s.
        upright: cosine between the soles' normals and vertical (T, 2).
        fps: frame rate.
        leg: length of the leg, m.
        cfg: thresholds.
    """
    cfg = cfg or ContactCfg()
    scale = leg / 0.85
    heights = (cfg.toe_height_m, cfg.heel_height_m)
    least = max(1, round(cfg.min_s * fps))
    found = np.zeros(height.shape, bool)
    for foot in range(2):
        for part in range(2):
            inner, outer = (
                (height[:, foot, part] < scale * h)
                & (speed[:, foot, part] < scale * v)
                & (upright[:, foot] > cfg.upright[part])
                for h, v in zip(heights[part], cfg.speed, strict=True)
            )
            found[:, foot, part] = hysteresis(inner, outer, least)
    return found


def standing_height(height: np.ndarray, speed: np.ndarray, slow: float) -> float:
    """Height of a landmark while its foot stands, m: robust to jumps, lying and noise.

    The low end of the slow frames, then the median of those near it; a clip without slow frames
    has only its low end.

    Args:
        height: (T, 2) of both feet, m.
        speed: (T, 2), m/s.
        slow: below this a foot may be standing, m/s.
    """
    still = height[speed < slow]
    if still.size < 3:
        return float(np.percentile(height, 2))
    low = np.percentile(still, 10)
    return float(np.median(still[np.abs(still - low) < 0.02]))
