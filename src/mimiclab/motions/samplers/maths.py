"""Pure maths of start samplers on (C, B) tables: C clips, B time bins, a mask for those that exist.

Bins of a clip are equal slices. Every function is tested against hand-computed values.
"""

import math

import torch


def bin_counts(durations_s: torch.Tensor, bin_s: float, rule: str = "ceil") -> torch.Tensor:
    """Number of bins of each clip. Shape (C,).

    `ceil`: the fewest bins not longer than `bin_s`. `floor+1`: `floor(duration / bin_s) + 1`, as in
    BeyondMimic's released code.
    """
    ratio = durations_s / bin_s
    if rule == "floor+1":
        return ratio.floor().long() + 1
    return (ratio - 1e-9).ceil().clamp(min=1.0).long()


def bin_mask(counts: torch.Tensor) -> torch.Tensor:
    """Which entries of the padded table are bins. Shape (C, B)."""
    return torch.arange(int(counts.max()), device=counts.device) < counts[:, None]


def bin_of(time_s: torch.Tensor, width_s: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Bin that holds a time, clamped to the clip. Shapes (N,), all three of the same clip."""
    index = (time_s / width_s.clamp(min=1e-9)).long()
    return torch.minimum(index.clamp(min=0), count - 1)


def exposure(
    start_s: torch.Tensor, end_s: torch.Tensor, width_s: torch.Tensor, bins: int
) -> torch.Tensor:
    """Seconds that each episode spent in each bin. Shapes (N,), (N,), (N,) -> (N, B)."""
    left = torch.arange(bins, device=start_s.device) * width_s[:, None]
    right = left + width_s[:, None]
    return (torch.minimum(end_s[:, None], right) - torch.maximum(start_s[:, None], left)).clamp(
        min=0.0
    )


def look_ahead(
    values: torch.Tensor, mask: torch.Tensor, gamma: float, size: int, edge: str = "renormalise"
) -> torch.Tensor:
    """Weighted mean of a bin and the `size - 1` bins after it, with weights gamma^u.

    Failures are seen where they happen; their cause lies before, so earlier bins share in them.
    Past the end of a clip, `renormalise` uses only the weights inside (BeyondMimic paper), while
    `replicate` repeats the last bin (its released code). Shapes (C, B).
    """
    padded = torch.zeros_like(values)
    weights = torch.zeros_like(values)
    bins = values.shape[1]
    inside = mask.to(values)
    last = mask.sum(1, keepdim=True) - 1
    for u in range(size):
        if edge == "replicate":
            source = torch.minimum(torch.arange(bins, device=values.device) + u, last)
            padded += gamma**u * values.gather(1, source.clamp(min=0))
            weights += gamma**u
        elif u < bins:
            padded[:, : bins - u] += gamma**u * (values * inside)[:, u:]
            weights[:, : bins - u] += gamma**u * inside[:, u:]
    return torch.where(mask, padded / weights.clamp(min=1e-12), 0.0)


def normalise(weights: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Scale to a distribution; if all weights are zero, the uniform one. Shapes (C, B)."""
    total = weights.sum()
    return torch.where(total > 0, weights / total.clamp(min=1e-30), uniform)


def mix(adaptive: torch.Tensor, uniform: torch.Tensor, share: float) -> torch.Tensor:
    """Mix (1 - share) * adaptive + share * uniform: a floor that no count can wash out."""
    return (1.0 - share) * adaptive + share * uniform


def shrunk_rate(
    failures: torch.Tensor, seconds: torch.Tensor, mask: torch.Tensor, strength: float
) -> torch.Tensor:
    """Failures per second of each bin, pulled towards the mean rate where data are scarce.

    The pull weighs as much as `strength` times the mean exposure of a bin, so multiplying all data
    by a constant (more environments) changes nothing. Shapes (C, B).
    """
    bins = mask.sum().clamp(min=1)
    mean_seconds = seconds.sum() / bins
    mean_rate = failures.sum() / seconds.sum().clamp(min=1e-12)
    prior = strength * mean_seconds
    rate = (failures + prior * mean_rate) / (seconds + prior).clamp(min=1e-12)
    return torch.where(mask, rate, 0.0)


def entropy(p: torch.Tensor, bins: int) -> float:
    """Entropy of a distribution over `bins` bins over its maximum ln(bins); 1 for one bin."""
    if bins == 1:
        return 1.0
    p = p[p > 0]
    return float(-(p * p.log()).sum()) / math.log(bins)
