"""Distributions of returns on a fixed support (C51, Bellemare et al. 2017)."""

import torch


def project(
    probabilities: torch.Tensor,
    reward: torch.Tensor,
    discount: torch.Tensor,
    support: torch.Tensor,
) -> torch.Tensor:
    """Distribution of reward + discount * z, on the support again.

    Each moved atom shares its probability between its two neighbours by nearness; what leaves the
    support goes to its ends.

    Args:
        probabilities: of z, (..., B, K).
        reward: (B,).
        discount: 0 where nothing follows, (B,).
        support: equally spaced values z, (K,).

    Returns:
        Probabilities (..., B, K).
    """
    low, high, count = support[0], support[-1], len(support)
    moved = reward.unsqueeze(-1) + discount.unsqueeze(-1) * support
    place = (moved.clamp(low, high) - low) * ((count - 1) / (high - low))
    # Rounding can push the last atom beyond; the upper neighbour must exist.
    place = place.clamp(0.0, count - 1.0)
    below = place.floor().clamp(max=count - 2)
    upper_share = place - below
    # NaN has no place, but must come out as NaN, which the caller looks for.
    index = below.nan_to_num().long().expand(probabilities.shape)
    out = torch.zeros_like(probabilities)
    out.scatter_add_(-1, index, probabilities * (1.0 - upper_share))
    out.scatter_add_(-1, index + 1, probabilities * upper_share)
    return out
