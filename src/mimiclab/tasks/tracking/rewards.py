"""Reward formulas of motion tracking, pure. Sources: BeyondMimic, table of rewards, and MOSAIC.

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


def gaussian_per_axis(square: torch.Tensor, std: float) -> torch.Tensor:
    """exp(-e / std^2), e the mean over bodies and axes of squared vector errors (N, B).

    A third of `gaussian`'s exponent. Source: MOSAIC, whose terms of world poses average over x, y
    and z too.
    """
    return gaussian(square, std * 3.0**0.5)


def sum_of_squares(values: torch.Tensor) -> torch.Tensor:
    """Sum over joints of squared accelerations, rad^2/s^4, or torques, (N m)^2. Shape (N, J)."""
    return values.square().sum(-1)


def limit_excess(joint_pos: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
    """Sum of radians outside the soft limits. Shapes (N, J) and (N, J) or (J,) limits."""
    return (joint_pos - joint_pos.clamp(lower, upper)).abs().sum(-1)
