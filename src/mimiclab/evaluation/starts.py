"""The noise at the start of an episode, which depends on nothing but the job."""

from collections.abc import Sequence

import numpy as np
import torch

JobKey = tuple[int, int, int]
"""Seed, clip and control step of the start: what all chance of an episode hangs on."""


def job_key(seed: int, clip: int, time_s: float, dt_s: float) -> JobKey:
    """The key of a job that starts at `time_s` of a clip."""
    return seed, clip, round(time_s / dt_s)


def unit_noise(keys: Sequence[JobKey], width: int) -> torch.Tensor:
    """Uniform numbers from 0 to 1, (n, width), float64; a row follows from its key alone."""
    return torch.from_numpy(np.stack([np.random.default_rng(key).random(width) for key in keys]))
