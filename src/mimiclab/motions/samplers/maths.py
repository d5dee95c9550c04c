"""Pure maths of start samplers on (C, B) tables: C clips, B time bins, a mask for those that exist.

Bins of a clip are equal slices. Every function is tested against hand-computed values.
"""

import math

import torch

ALL = slice(None)
"""All rows of a table."""


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
    failures: torch.Tensor,
    seconds: torch.Tensor,
    mask: torch.Tensor,
    strength: float,
    rows: torch.Tensor | slice = ALL,
) -> torch.Tensor:
    """Failures per second of each bin, pulled towards the mean rate where data are scarce.

    The pull weighs as much as `strength` times the mean exposure of a bin, so multiplying all data
    by a constant (more environments) changes nothing. Shapes (C, B), or of the `rows` asked for.
    """
    total = seconds.sum()
    prior = strength * total / mask.sum().clamp(min=1)
    mean_rate = failures.sum() / total.clamp(min=1e-12)
    rate = pulled_rate(failures[rows], seconds[rows], prior, mean_rate)
    return torch.where(mask[rows], rate, 0.0)


def pulled_rate(
    failures: torch.Tensor,
    trials: torch.Tensor,
    prior: torch.Tensor | float,
    mean_rate: torch.Tensor,
) -> torch.Tensor:
    """`failures / trials` as if `prior` more trials had failed at the mean rate; 0 for 0 / 0.

    Any shapes that broadcast; trials are seconds or episodes.
    """
    return (failures + prior * mean_rate) / (trials + prior).clamp(min=1e-12)


def share_out(
    p: torch.Tensor, group: torch.Tensor, ratios: torch.Tensor, fallback: torch.Tensor
) -> torch.Tensor:
    """Scale the rows of each group so that together they have the group's ratio.

    Where a group has no probability at all, its rows are those of `fallback`, which must have the
    ratios. Shapes (C, B), group of each row (C,), ratios (G,).
    """
    mass = torch.zeros_like(ratios).index_add_(0, group, p.sum(1))
    scale = ratios / mass.clamp(min=1e-300)
    empty = (mass <= 0)[group][:, None]
    return torch.where(empty, fallback, p * scale[group][:, None])


def gate(time_s: float, warm_up_s: float, ramp_s: float, shape: str = "linear") -> float:
    """0 during the warm-up, then rising to 1 within the ramp: `linear`, or `cosine` (a half wave).

    MOSAIC's, with which the adaptive parts of its sampling across clips fade in.
    """
    if time_s < warm_up_s:
        return 0.0
    x = min(1.0, (time_s - warm_up_s) / ramp_s) if ramp_s > 0 else 1.0
    return 0.5 - 0.5 * math.cos(math.pi * x) if shape == "cosine" else x


def clip_mixture(
    rate: torch.Tensor,
    assigned: torch.Tensor,
    weights: torch.Tensor,
    *,
    failure_share: float,
    novelty_share: float,
    cap: float,
) -> torch.Tensor:
    """MOSAIC's distribution over clips: failure, novelty and uniform parts. Shapes (C,).

    The failure part is proportional to `min(rate, cap * mean rate)`, so a clip that cannot be
    learnt does not take all; the novelty part to `1 / sqrt(assigned + 1)`; each also to the clip's
    weight. Shares that exceed 1 together are scaled down to it. Without any failure the failure
    part is uniform.
    """
    excess = max(1.0, failure_share + novelty_share)
    failure_share, novelty_share = failure_share / excess, novelty_share / excess
    uniform = weights / weights.sum()
    failing = weights * torch.minimum(rate, cap * rate.mean())
    failing = normalise(failing, uniform)
    novel = normalise(weights / (assigned + 1.0).sqrt(), uniform)
    rest = 1.0 - failure_share - novelty_share
    return failure_share * failing + novelty_share * novel + rest * uniform


def inclusion(p: torch.Tensor, count: int) -> torch.Tensor:
    """Probability of each clip to be among `count` that are drawn without replacement. Shape (C,).

    Proportional to `p`, but at most 1: what is cut off goes to the others. The sum is `count`,
    unless fewer clips have a probability; then those are 1.
    """
    order = p.argsort(descending=True)
    sorted_p = p[order]
    rest = sorted_p.flip(0).cumsum(0).flip(0)  # of this clip and all that are rarer
    place = torch.arange(len(p), device=p.device)
    # The first clips for which the room that is left, shared in proportion, would be more than 1.
    certain = (sorted_p > 0) & (sorted_p * (count - place) >= rest * (1.0 - 1e-12))
    certain &= place < count
    certain = certain.long().cumprod(0).bool()
    taken = certain.sum()
    room = (count - taken) / (sorted_p * ~certain).sum().clamp(min=1e-300)
    out = torch.empty_like(p)
    out[order] = torch.where(certain, 1.0, sorted_p * room)
    return out


def systematic(
    weights: torch.Tensor, count: int, offset: torch.Tensor | float, spacing: float | None = None
) -> torch.Tensor:
    """Indices at equally spaced points of the cumulated weights, beginning at `offset` (0 to 1).

    Each index comes as often as its expected count, rounded down or up; the mean over uniform
    offsets is exact. `spacing` is that of the points; by default they span all weights.
    Shape (C,) to (count,).
    """
    cumulative = weights.double().cumsum(0)
    step = cumulative[-1] / count if spacing is None else spacing
    points = (torch.arange(count, device=weights.device, dtype=torch.float64) + offset) * step
    # Rounding must not lead past the last index that has a weight.
    points = points.clamp(max=float(cumulative[-1]) * (1.0 - 1e-15))
    return torch.searchsorted(cumulative, points, right=True)


def entropy(p: torch.Tensor, bins: int) -> float:
    """Entropy of a distribution over `bins` bins over its maximum ln(bins); 1 for one bin."""
    if bins == 1:
        return 1.0
    p = p[p > 0]
    return float(-(p * p.log()).sum()) / math.log(bins)
