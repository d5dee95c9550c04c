"""Formulas that the rewards and terminations of several tasks share, pure. Results (N,)."""

import torch


def action_rate(action: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
    """Sum of squared changes of the raw action. Shapes (N, J)."""
    return (action - previous).square().sum(-1)


def contact_count(force: torch.Tensor, threshold_n: float) -> torch.Tensor:
    """Number of bodies whose net contact force exceeds the threshold, in newtons.

    Forces (N, K, 3), or (N, K, H, 3) with H past physics steps, of which the largest counts.
    """
    square = force.square().sum(-1)
    if square.ndim == 3:
        square = square.amax(-1)
    return (square > threshold_n**2).sum(-1).to(force.dtype)
