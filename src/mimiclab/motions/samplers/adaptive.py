"""Failure-adaptive start sampling: train more where the policy fails.

Four statistics, one for each description:

`hazard` (ours): failures that happened in a bin over seconds spent in it. A rate, so a bin that is
    visited often does not look harder; attributed to where the robot fell, then spread to the bins
    before it by the look-ahead kernel.
`failure_count` (BeyondMimic's released code): failures in the bin per environment step. The more
    environments, the larger the counts and the smaller the constant uniform part beside them.
`start_rate` (BeyondMimic paper, equation 3): share of failures among episodes that started in the
    bin.
`cumulative_start_rate` (a fork of BeyondMimic with many clips): the same since the beginning of
    training, smoothed by 0.1 each time 100 episodes have ended; a clip is drawn uniformly, then a
    bin in it. As published the fork's sampler was never fed (it overrode runner methods that do not
    exist) and so sampled uniformly; this is what its text describes.
"""

from typing import Any, Literal

import torch

from mimiclab.motions.samplers import UniformSampler
from mimiclab.motions.samplers.maths import (
    ALL,
    bin_of,
    exposure,
    look_ahead,
    mix,
    normalise,
    shrunk_rate,
)

Statistic = Literal["hazard", "failure_count", "start_rate", "cumulative_start_rate"]

PRESETS: dict[str, dict[str, Any]] = {
    "adaptive": {"statistic": "hazard", "gamma": 0.8, "kernel_size": 3, "ema": 0.001},
    "beyondmimic-upstream": {
        "statistic": "failure_count", "gamma": 0.8, "kernel_size": 1, "ema": 0.001,
        "bin_rule": "floor+1", "edge": "replicate", "additive_floor": True,
    },
    "beyondmimic-paper": {
        "statistic": "start_rate", "gamma": 0.8, "kernel_size": 3, "ema": 0.001,
    },
    "beyondmimic-fork": {
        "statistic": "cumulative_start_rate", "gamma": 0.9, "kernel_size": 5, "ema": 0.1,
        "uniform_clips": True, "episodes_per_update": 100,
    },
}  # fmt: skip
"""Arguments of `AdaptiveSampler` for each name."""

_BINS_FOR_A_STEP = 100_000
"""Bins whose probabilities may be computed anew in every control step (4 ms); of ten times as many
they are every tenth step, which is nothing beside the 1000 steps that statistics remember."""
_SHRINKAGE = 0.1
"""Pull of a bin's rate towards the mean, in units of the mean exposure of a bin."""


class AdaptiveSampler(UniformSampler):
    """Draws bins by their failure statistic, mixed with a uniform share."""

    def __init__(
        self,
        clip_names: tuple[str, ...],
        durations_s: torch.Tensor,
        step_s: float,
        *,
        statistic: Statistic = "hazard",
        bin_s: float = 1.0,
        bin_rule: str = "ceil",
        uniform_ratio: float = 0.1,
        additive_floor: bool = False,
        gamma: float = 0.8,
        kernel_size: int = 3,
        edge: str = "renormalise",
        ema: float = 0.001,
        temperature: float | None = None,
        uniform_clips: bool = False,
        episodes_per_update: int = 0,
        clip_weights: torch.Tensor | None = None,
        clip_group: torch.Tensor | None = None,
        group_ratios: torch.Tensor | None = None,
    ) -> None:
        """See the module for `statistic`, `SamplerCfg` for the numbers.

        `additive_floor` adds `uniform_ratio / bins` to the statistic instead of mixing
        distributions; `uniform_clips` gives each clip the same share; `episodes_per_update` delays
        the smoothing until so many episodes have ended (0: every control step). `clip_weights`
        multiply whatever the statistic says of a clip.
        """
        super().__init__(
            clip_names,
            durations_s,
            step_s,
            bin_s=bin_s,
            bin_rule=bin_rule,
            clip_weights=clip_weights,
            clip_group=clip_group,
            group_ratios=group_ratios,
        )
        self.statistic = statistic
        self.uniform_ratio = uniform_ratio
        self.additive_floor = additive_floor
        self.gamma, self.kernel_size, self.edge = gamma, kernel_size, edge
        self.temperature = temperature
        self.uniform_clips = uniform_clips
        self.episodes_per_update = episodes_per_update
        # The EMA is stated for a 50 Hz step; other rates keep the same memory in seconds.
        per_step = episodes_per_update == 0
        self.ema = 1.0 - (1.0 - ema) ** (step_s / 0.02) if per_step else ema
        if uniform_clips:
            share = (self.clip_weights / self.clip_weights.sum())[:, None]
            self.uniform = self._by_group(self.mask / self.counts[:, None] * share)
        shape = self.mask.shape
        self.bin_failures = torch.zeros(shape, dtype=torch.float64, device=self.device)
        self.bin_weight = torch.zeros_like(self.bin_failures)
        self.bin_rate = torch.zeros_like(self.bin_failures)
        self.episodes_since_update = torch.zeros(1, dtype=torch.float64, device=self.device)
        self._cached: torch.Tensor | None = None
        self._changed = True
        self._interval = self.num_bins // _BINS_FOR_A_STEP
        self._steps_to_look = 0

    def record(
        self,
        clip: torch.Tensor,
        start_time_s: torch.Tensor,
        end_time_s: torch.Tensor,
        failed: torch.Tensor,
    ) -> None:
        """Add failures and exposure (or episode counts) to the bins."""
        super().record(clip, start_time_s, end_time_s, failed)
        by_end = self.statistic in ("hazard", "failure_count")
        width, count = self.width_s[clip], self.counts[clip]
        bins = bin_of(end_time_s if by_end else start_time_s, width, count)
        self.bin_failures.index_put_((clip, bins), failed.double(), accumulate=True)
        if self.statistic == "hazard":
            spent = exposure(start_time_s.double(), end_time_s.double(), width, self.mask.shape[1])
            self.bin_weight.index_add_(0, clip, spent)
        else:
            one = torch.ones_like(failed, dtype=torch.float64)
            self.bin_weight.index_put_((clip, bins), one, accumulate=True)
        self.episodes_since_update += len(clip)
        self._changed = True

    def step(self) -> None:
        """Fade or fold the statistics, once for each control step."""
        self._steps_to_look -= 1
        if self.statistic == "hazard":
            self.bin_failures *= 1.0 - self.ema
            self.bin_weight *= 1.0 - self.ema
            return  # the rate is a ratio: fading alone does not change it
        if self.episodes_per_update:
            if float(self.episodes_since_update) < self.episodes_per_update:
                return
            seen = self.bin_weight > 0
            rate = self.bin_failures / self.bin_weight.clamp(min=1.0)
            self.bin_rate = torch.where(seen, torch.lerp(self.bin_rate, rate, self.ema), 0.0)
        elif self.statistic == "failure_count":
            self.bin_rate.lerp_(self.bin_failures, self.ema)
            self.bin_failures.zero_()
            self.bin_weight.zero_()
        else:
            seen = self.bin_weight > 0
            rate = self.bin_failures / self.bin_weight.clamp(min=1.0)
            self.bin_rate = torch.where(
                seen, torch.lerp(self.bin_rate, rate, self.ema), self.bin_rate
            )
            self.bin_failures.zero_()
            self.bin_weight.zero_()
        self.episodes_since_update.zero_()
        self._changed = True

    def probabilities(self) -> torch.Tensor:
        """Start probability of each bin. Shape (C, B), sums to 1.

        With more than 100,000 bins, statistics are looked at only every few control steps.
        """
        if self._cached is None or (self._changed and self._steps_to_look <= 0):
            self._cached = self._compute()
            self._changed, self._steps_to_look = False, self._interval
        return self._cached

    def clip_statistics(self) -> dict[str, torch.Tensor]:
        """Per clip counts, and `failure_rate` for each bin (C, B)."""
        return {**super().clip_statistics(), "failure_rate": self._rate()}

    def load_state_dict(self, state: Any) -> None:
        """Restore statistics; see `UniformSampler.load_state_dict`."""
        super().load_state_dict(state)
        self._cached = None

    def _state_names(self) -> tuple[str, ...]:
        return (
            *super()._state_names(),
            "bin_failures",
            "bin_weight",
            "bin_rate",
            "episodes_since_update",
        )

    def inside(self, clips: torch.Tensor | slice = ALL) -> torch.Tensor:
        """Probability of each bin given its clip: rows sum to 1. Clips (N,) to (N, B)."""
        weights = self._weights(clips)
        total = weights.sum(1, keepdim=True)
        even = self.mask[clips] / self.counts[clips][:, None]
        adaptive = torch.where(total > 0, weights / total.clamp(min=1e-30), even)
        return adaptive if self.additive_floor else mix(adaptive, even, self.uniform_ratio)

    def _rate(self, clips: torch.Tensor | slice = ALL) -> torch.Tensor:
        if self.statistic != "hazard":
            return self.bin_rate[clips]
        return shrunk_rate(self.bin_failures, self.bin_weight, self.mask, _SHRINKAGE, clips)

    def _weights(self, clips: torch.Tensor | slice = ALL) -> torch.Tensor:
        """What the statistic says of the bins of some clips, not yet a distribution."""
        mask, rate = self.mask[clips], self._rate(clips)
        if self.additive_floor:
            count = self.counts[clips][:, None] if self.uniform_clips else self.num_bins
            rate = torch.where(mask, rate + self.uniform_ratio / count, 0.0)
        weights = look_ahead(rate, mask, self.gamma, self.kernel_size, self.edge)
        if self.temperature is not None:
            top = weights.amax(1, keepdim=True) if self.uniform_clips else weights.max()
            weights = torch.where(mask, ((weights - top) / self.temperature).exp(), 0.0)
        if self.statistic == "hazard":
            weights = weights * self.width_s[clips][:, None]  # failures expected in the bin
        return weights

    def _compute(self) -> torch.Tensor:
        if self.uniform_clips:
            return self.inside() * self.uniform.sum(1, keepdim=True)
        weights = self._weights() * self.clip_weights[:, None]
        adaptive = self._by_group(normalise(weights, self.uniform))
        return adaptive if self.additive_floor else mix(adaptive, self.uniform, self.uniform_ratio)
