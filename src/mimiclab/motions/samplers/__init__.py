"""Where training episodes start: a clip and a time in it.

`uniform`, `start`, failure-adaptive samplers over all bins of all clips (`adaptive` is ours, the
others are presets of published descriptions, which all differ: docs/parity/beyondmimic.md), and
samplers on two levels, across clips and within them (`two-level`, and MOSAIC's).
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch

from mimiclab.errors import CheckpointError
from mimiclab.motions.sampler_cfg import SAMPLER_KINDS as SAMPLER_KINDS
from mimiclab.motions.sampler_cfg import SamplerCfg as SamplerCfg
from mimiclab.motions.sampler_cfg import SamplerKind as SamplerKind
from mimiclab.motions.samplers.maths import bin_counts, bin_mask, entropy, share_out


class StartSampler(Protocol):
    """Chooses starts and learns from how episodes ended."""

    def sample(self, env_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Starts of these environments: clip (n,) long, time since its start (n,) float64 s."""
        ...

    def record(
        self,
        clip: torch.Tensor,
        start_time_s: torch.Tensor,
        end_time_s: torch.Tensor,
        failed: torch.Tensor,
    ) -> None:
        """Note finished episodes, shapes (n,); `failed` is False for one that ran out of time."""
        ...

    def step(self) -> None:
        """Let one control step pass, for statistics that fade with time."""
        ...

    def probabilities(self) -> torch.Tensor:
        """Start probability of each time bin, zero where a clip has none. Shape (C, B)."""
        ...

    def metrics(self) -> dict[str, float]:
        """`entropy` (1 is uniform), `top1_prob`, and `top1_bin` (its position, 0 to 1)."""
        ...

    def clip_statistics(self) -> dict[str, torch.Tensor]:
        """`episodes`, `failures`, `seconds` for each clip (C,); adaptive: `failure_rate` (C, B)."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that restore the sampler."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore; refuses the state of another set of clips."""
        ...


class UniformSampler:
    """Uniform over time, across clips: a clip twice as long starts twice as many episodes."""

    def __init__(
        self,
        clip_names: tuple[str, ...],
        durations_s: torch.Tensor,
        step_s: float,
        *,
        bin_s: float = 1.0,
        bin_rule: str = "ceil",
        clip_weights: torch.Tensor | None = None,
        clip_group: torch.Tensor | None = None,
        group_ratios: torch.Tensor | None = None,
    ) -> None:
        """Bins matter only for statistics. Durations (C,), s; `step_s` is the control step.

        A clip of weight 2 (C,) is drawn twice as often as one of weight 1 and the same length.
        With `group_ratios` (G,) and the group of each clip (C,), each group gets its ratio of the
        starts, whatever is in it.
        """
        self.clip_names = clip_names
        self.durations_s = durations_s.double()
        self.step_s = step_s
        self.counts = bin_counts(self.durations_s, bin_s, bin_rule)
        self.mask = bin_mask(self.counts)
        self.num_bins = int(self.counts.sum())
        # A clip of one frame still deserves to be drawn.
        self.width_s = self.durations_s.clamp(min=step_s) / self.counts
        ones = torch.ones_like(self.durations_s)
        self.clip_weights = ones if clip_weights is None else clip_weights.double()
        self.uniform = (self.clip_weights * self.width_s)[:, None] * self.mask
        self.uniform = self.uniform / self.uniform.sum()
        self.clip_group, self.group_ratios = clip_group, group_ratios
        self.uniform = self._by_group(self.uniform)
        self.episodes = torch.zeros_like(self.durations_s)
        self.failures = torch.zeros_like(self.durations_s)
        self.seconds = torch.zeros_like(self.durations_s)
        self._drawn_from: torch.Tensor | None = None
        self._cumulative = self.durations_s

    @property
    def device(self) -> torch.device:
        """Device of the statistics and of the samples."""
        return self.durations_s.device

    def sample(self, env_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a bin by its probability, then a time within it; snapped down to control steps."""
        n = len(env_ids)
        p = self.probabilities()
        if self._drawn_from is not p:
            # Kept while it holds, and without the 2^24 entries that torch.multinomial stops at.
            self._drawn_from, self._cumulative = p, p.flatten().cumsum(0)
        u = torch.rand(n, dtype=torch.float64, device=self.device)
        # Rounding must not lead past the last bin that has a probability.
        at = u * self._cumulative[-1] * (1.0 - 1e-15)
        flat = torch.searchsorted(self._cumulative, at, right=True)
        bins = self.mask.shape[1]
        clip = flat // bins
        inside = torch.rand(n, dtype=torch.float64, device=self.device)
        return clip, self._snap(clip, (flat % bins + inside) * self.width_s[clip])

    def record(
        self,
        clip: torch.Tensor,
        start_time_s: torch.Tensor,
        end_time_s: torch.Tensor,
        failed: torch.Tensor,
    ) -> None:
        """Count episodes, failures and seconds for each clip."""
        one = torch.ones_like(start_time_s, dtype=torch.float64)
        self.episodes.index_add_(0, clip, one)
        self.failures.index_add_(0, clip, failed.double())
        self.seconds.index_add_(0, clip, (end_time_s - start_time_s).double())

    def step(self) -> None:
        """Nothing fades."""

    def probabilities(self) -> torch.Tensor:
        """Proportional to the length of each bin. Shape (C, B)."""
        return self.uniform

    def metrics(self) -> dict[str, float]:
        """Entropy over its maximum, largest probability and where it is."""
        p = self.probabilities()
        top, index = p.flatten().max(0)
        position = int(self.mask.flatten()[: int(index)].sum()) / self.num_bins
        return {
            "entropy": entropy(p, self.num_bins),
            "top1_prob": float(top),
            "top1_bin": position,
        }

    def clip_statistics(self) -> dict[str, torch.Tensor]:
        """Episodes, failures and seconds so far for each clip. Shapes (C,)."""
        return {"episodes": self.episodes, "failures": self.failures, "seconds": self.seconds}

    def state_dict(self) -> dict[str, Any]:
        """Statistics, with names and durations to recognise the clips."""
        tensors = {name: getattr(self, name).clone() for name in self._state_names()}
        return {
            "clip_names": list(self.clip_names),
            "durations_s": self.durations_s.clone(),
            **tensors,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore statistics.

        Raises:
            CheckpointError: saved with other clips, or by a sampler with other statistics.
        """
        given = tuple(state.get("clip_names", ()))
        if given != self.clip_names:
            extra = sorted(set(given) ^ set(self.clip_names))[:5]
            raise CheckpointError(
                f"sampler statistics were saved for {len(given)} clips, there are now "
                f"{len(self.clip_names)}; clips that differ: {extra or 'only their order'}; "
                "resume with the same motions, or start a new run"
            )
        for name in self._state_names():
            target = getattr(self, name)
            saved = state.get(name)
            if saved is None or saved.shape != target.shape:
                raise CheckpointError(
                    f"sampler statistic {name!r} has shape "
                    f"{None if saved is None else tuple(saved.shape)} in the checkpoint, expected "
                    f"{tuple(target.shape)}; resume with the same sampler and bins"
                )
            target.copy_(saved)

    def _state_names(self) -> tuple[str, ...]:
        return ("episodes", "failures", "seconds")

    def _by_group(self, p: torch.Tensor) -> torch.Tensor:
        """`p` (C, B) with each group's share; where a group has nothing, it is as `uniform`."""
        if self.clip_group is None or self.group_ratios is None:
            return p
        return share_out(p, self.clip_group, self.group_ratios, self.uniform)

    def _snap(self, clip: torch.Tensor, time_s: torch.Tensor) -> torch.Tensor:
        latest = (self.durations_s[clip] - self.step_s).clamp(min=0.0)
        step = (torch.minimum(time_s, latest) / self.step_s + 1e-6).floor()
        return step * self.step_s


class StartAtZeroSampler(UniformSampler):
    """Time 0 of each clip in turn: for play and evaluation."""

    def __init__(
        self, clip_names: tuple[str, ...], durations_s: torch.Tensor, step_s: float
    ) -> None:
        """One bin for each clip."""
        super().__init__(clip_names, durations_s, step_s, bin_s=1e9)
        self._next = 0

    def sample(self, env_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The next clips of an endless round, all at time 0."""
        n = len(env_ids)
        clip = (torch.arange(n, device=self.device) + self._next) % len(self.clip_names)
        self._next = (self._next + n) % len(self.clip_names)
        return clip, torch.zeros(n, dtype=torch.float64, device=self.device)

    def probabilities(self) -> torch.Tensor:
        """Each clip alike. Shape (C, 1)."""
        return torch.full_like(self.uniform, 1.0 / len(self.clip_names))
