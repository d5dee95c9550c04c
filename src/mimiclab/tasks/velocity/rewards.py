"""Reward formulas of walking, pure. Source: Holosoma. `N` environments, `J` joints; results (N,).

Values are before weight and control step.
"""

import torch

SIGMA = 0.25
"""Denominator of squared velocity errors, (m/s)^2 or (rad/s)^2."""
SWING_SIGMA = 0.008
"""Denominator of squared errors of foot height, m^2."""


def velocity_match(command: torch.Tensor, velocity: torch.Tensor) -> torch.Tensor:
    """exp(-e / 0.25), e the squared error. Shapes (N, 2), or (N,) for a single component."""
    error = (command - velocity).square()
    if error.ndim > 1:
        error = error.sum(-1)
    return torch.exp(error / -SIGMA)


def xy_square(vector: torch.Tensor) -> torch.Tensor:
    """x^2 + y^2 of vectors (N, 3): of angular velocity, or of gravity in the root's frame."""
    return vector[..., :2].square().sum(-1)


def swing_match(height: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """exp(-e / 0.008), e the sum over feet of squared height errors. Shapes (N, 2), m."""
    return torch.exp((height - target).square().sum(-1) / -SWING_SIGMA)


def weighted_square(
    joint_pos: torch.Tensor, default: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Sum over joints of weighted squared distances from the default pose. Shapes (N, J), (J,)."""
    return (joint_pos - default).square() @ weights


def too_close(apart: torch.Tensor, least_m: float) -> torch.Tensor:
    """1 where feet are less than `least_m` apart, else 0. Shape (N,), m."""
    return (apart < least_m).to(apart.dtype)


def foot_tilt(gravity: torch.Tensor) -> torch.Tensor:
    """Sum over feet of the sine of their tilt. Gravity in their frames, (N, 2, 3)."""
    return gravity[..., :2].norm(dim=-1).sum(-1)
