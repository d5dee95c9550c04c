"""How good an estimator is: errors for each clip and over all, beside those of simple guesses."""

from collections.abc import Callable
from typing import Any

import torch

from mimiclab.learning.estimator.data import Windows

Guess = Callable[[torch.Tensor], torch.Tensor]
"""Windows (N, input size) to velocities (N, 3)."""
_BATCH = 16_384


@torch.no_grad()
def predict(guess: Guess, windows: Windows, device: str = "cpu") -> torch.Tensor:
    """Velocities guessed at all usable frames, (R, 3)."""
    parts = windows.rows.split(_BATCH)
    return torch.cat([guess(windows.window(rows).to(device)).cpu() for rows in parts])


def errors(guessed: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
    """Mean absolute and root mean square error of a component, and mean speed of the truth, m/s."""
    difference = guessed - truth
    return {
        "mae": float(difference.abs().mean()),
        "rmse": float(difference.square().mean().sqrt()),
        "speed": float(truth.norm(dim=-1).mean()),
        "frames": len(truth),
    }


def score(
    guess: Guess, windows: Windows, clip_names: tuple[str, ...], device: str = "cpu"
) -> dict[str, Any]:
    """`overall` errors, and those of each clip."""
    guessed, truth = predict(guess, windows, device), windows.velocity[windows.rows]
    clip = windows.clip[windows.rows]
    return {
        "overall": errors(guessed, truth),
        "clips": {
            clip_names[i]: errors(guessed[clip == i], truth[clip == i])
            for i in clip.unique().tolist()
        },
    }


def simple_guesses(train: Windows) -> dict[str, Guess]:
    """What an estimator must beat: no motion, the mean of the training clips, a linear fit."""
    truth = train.velocity[train.rows]
    mean = truth.mean(0)
    size = train.layout.input_size + 1
    normal, right = torch.zeros(size, size).double(), torch.zeros(size, 3).double()
    for rows in train.rows.split(_BATCH):
        x = _with_one(train.window(rows)).double()
        normal += x.T @ x
        right += x.T @ train.velocity[rows].double()
    # Windows repeat themselves: a little shrinkage keeps the fit determined.
    normal += 1e-4 * normal.diagonal().mean() * torch.eye(size).double()
    weights = torch.linalg.solve(normal, right).float()
    return {
        "zero": lambda x: x.new_zeros(len(x), 3),
        "mean": lambda x: mean.to(x).expand(len(x), 3),
        "linear": lambda x: _with_one(x) @ weights.to(x),
    }


def _with_one(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], dim=-1)
