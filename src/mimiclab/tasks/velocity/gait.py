"""Where in its swing each foot should be, pure. Source: Holosoma. Phases are in [-pi, pi)."""

import math

import torch


def wrapped(phase: torch.Tensor) -> torch.Tensor:
    """The same angles in [-pi, pi)."""
    return torch.remainder(phase + math.pi, 2.0 * math.pi) - math.pi


def swing_target(phase: torch.Tensor, height: float) -> torch.Tensor:
    """Height that a foot should have above the ground, m.

    It rises by the cubic ease 3 x^2 - 2 x^3 while the phase goes from -pi to 0, and falls as it
    rose: the foot is on the ground only at +-pi.
    """
    x = 1.0 - phase.abs() / math.pi
    return height * x * x * (3.0 - 2.0 * x)


def is_standing(command: torch.Tensor) -> torch.Tensor:
    """Whether no velocity is asked for: below 0.01 m/s and rad/s. Shape (N, 3) -> (N,)."""
    return (command[:, :2].norm(dim=-1) < 0.01) & (command[:, 2].abs() < 0.01)
