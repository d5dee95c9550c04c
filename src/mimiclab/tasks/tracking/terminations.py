"""Limits that end an episode, pure. Source: BeyondMimic, terminations. Results (N,) bool."""

import torch


def height_error(ref_z: torch.Tensor, z: torch.Tensor, threshold: float) -> torch.Tensor:
    """Whether a height, or any of several, is off by more than `threshold` m.

    Shapes (N,) or (N, E). Re-anchoring keeps the reference's height, so this needs no targets.
    """
    bad = (ref_z - z).abs() > threshold
    return bad.any(-1) if bad.ndim > 1 else bad


def gravity_z(quat: torch.Tensor) -> torch.Tensor:
    """Z component of unit gravity in the frame of `quat` (N, 4): -1 upright, 1 head down."""
    return 2.0 * quat[:, 1:3].square().sum(-1) - 1.0


def tilt_error(ref_quat: torch.Tensor, quat: torch.Tensor, threshold: float) -> torch.Tensor:
    """Whether gravity's z components in the two frames differ by more than `threshold` (0 to 2).

    Heading plays no part. Shapes (N, 4).
    """
    return (gravity_z(ref_quat) - gravity_z(quat)).abs() > threshold


def clip_ended(time_s: torch.Tensor, duration_s: torch.Tensor) -> torch.Tensor:
    """Whether the last frame of the clip has been scored. Shapes (N,), s."""
    return time_s >= duration_s - 1e-6
