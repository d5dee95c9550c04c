"""Reward formulas of motion tracking, pure. Source of all: BeyondMimic, table of rewards.

`N` environments, `B` bodies, `J` joints. Results (N,), before weight and control step.
"""

import torch


def gaussian(square: torch.Tensor, std: float) -> torch.Tensor:
    """exp(-e / std^2) of a squared error e (N,), or of the mean over bodies of e (N, B).

    The mean is taken before the exponential: one lost body does not hide behind the others.
    """
    if square.ndim > 1:
        square = square.mean(-1)
    return torch.exp(square * (-1.0 / std**2))


def action_rate(action: torch.Tensor, previous: torch.Tensor) -> torch.Tensor:
    """Sum of squared changes of the raw action. Shapes (N, J)."""
    return (action - previous).square().sum(-1)


def limit_excess(joint_pos: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
    """Sum of radians outside the soft limits. Shapes (N, J) and (N, J) or (J,) limits."""
    return (joint_pos - joint_pos.clamp(lower, upper)).abs().sum(-1)


def contact_count(force: torch.Tensor, threshold_n: float) -> torch.Tensor:
    """Number of bodies whose net contact force exceeds the threshold, in newtons.

    Forces (N, K, 3), or (N, K, H, 3) with H past physics steps, of which the largest counts.
    """
    square = force.square().sum(-1)
    if square.ndim == 3:
        square = square.amax(-1)
    return (square > threshold_n**2).sum(-1).to(force.dtype)
