"""Sampling on two levels: environments are assigned to clips, and start somewhere in theirs.

After MOSAIC. Across clips, probabilities mix a part by failure rate, one by novelty and a uniform
one; the first two fade in. Each environment keeps its clip until the next re-assignment, which it
follows at its first reset after. Within a clip the statistics of `adaptive.py` choose.

What MOSAIC ships never adapts: its warm-up, ramp and period of re-assignment are 1e9 s. `two-level`
adapts, and departs from MOSAIC's formulas in three ways: failures of long ago fade, as a clip that
was hard need not be so now; a clip's failure rate is pulled towards the mean as if one episode more
had been seen, so one unlucky first episode does not make a clip the hardest of all, nor one never
tried the easiest; statistics count during the warm-up too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from mimiclab.errors import MimiclabError
from mimiclab.maths.apportion import apportion
from mimiclab.motions.samplers.adaptive import PRESETS as WITHIN
from mimiclab.motions.samplers.adaptive import AdaptiveSampler
from mimiclab.motions.samplers.maths import (
    clip_mixture,
    entropy,
    gate,
    inclusion,
    pulled_rate,
    share_out,
    systematic,
)


@dataclass(frozen=True, kw_only=True)
class AcrossClips:
    """How environments are assigned to clips; `ClipLevelCfg` has the words for it."""

    failure_share: float = 0.5
    novelty_share: float = 0.3
    failure_cap: float = 2.0
    warm_up_s: float = 100.0
    ramp_s: float = 200.0
    ramp: Literal["linear", "cosine"] = "linear"
    reassign_s: float = 10.0
    max_active_clips: int | None = None
    memory_s: float | None = 300.0
    prior_episodes: float = 1.0
    """Episodes of the mean failure rate that are added to each clip's own."""

    def __post_init__(self) -> None:
        for name in ("failure_share", "novelty_share", "warm_up_s", "ramp_s"):
            if getattr(self, name) < 0:
                raise MimiclabError(f"sampler: {name} is {getattr(self, name)}, expected 0 or more")
        for name in ("failure_cap", "reassign_s", "memory_s", "max_active_clips"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise MimiclabError(f"sampler: {name} is {value}, expected more than 0")


_FOREVER_S = 1e9
PRESETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "two-level": (WITHIN["adaptive"], {}),
    "mosaic-paper": (
        WITHIN["beyondmimic-upstream"],
        {
            # Periods by what comments in its code suggest: the warm-up is 10 to 20 periods of
            # re-assignment, the ramp 20 to 50.
            "warm_up_s": 150.0, "ramp_s": 350.0, "reassign_s": 10.0,
            "max_active_clips": 10_000, "memory_s": None, "prior_episodes": 0.0,
        },
    ),
    "mosaic-shipped": (
        # Frames are drawn uniformly: failures are never recorded during its warm-up.
        {**WITHIN["beyondmimic-upstream"], "additive_floor": False, "uniform_ratio": 1.0},
        {
            "warm_up_s": _FOREVER_S, "ramp_s": _FOREVER_S, "reassign_s": _FOREVER_S,
            "max_active_clips": 10_000, "memory_s": None, "prior_episodes": 0.0,
        },
    ),
}  # fmt: skip
"""For each name the arguments of `AdaptiveSampler`, and those of `AcrossClips`."""


class TwoLevelSampler(AdaptiveSampler):
    """Draws a clip for each environment now and then, and a bin of it for each start."""

    def __init__(
        self,
        clip_names: tuple[str, ...],
        durations_s: torch.Tensor,
        step_s: float,
        *,
        across: AcrossClips,
        **within: Any,
    ) -> None:
        """`within` are the arguments of `AdaptiveSampler`. Durations (C,), s.

        Raises:
            MimiclabError: fewer active clips than groups.
        """
        super().__init__(clip_names, durations_s, step_s, uniform_clips=True, **within)
        self.across = across
        zeros = torch.zeros_like(self.durations_s)
        self.recent_failures, self.recent_episodes = zeros.clone(), zeros.clone()
        self.assigned = zeros
        """How often an environment was assigned to each clip. Shape (C,), float64."""
        self.control_steps = 0
        empty = torch.zeros(0, dtype=torch.long, device=self.device)
        self.env_clip, self.env_next = empty, empty.clone()
        """The clip of each environment, and the one it takes at its next reset, -1 for none."""
        memory = across.memory_s
        self._keep = 1.0 if memory is None else 0.5 ** (step_s / memory)
        self._pools = self._make_pools()

    def sample(self, env_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A time in the clip of each environment, after taking over a re-assignment."""
        self._know(env_ids)
        following = self.env_next[env_ids]
        changed = following >= 0
        clip = torch.where(changed, following, self.env_clip[env_ids])
        self.assigned.index_add_(0, clip, changed.double())
        self.env_clip[env_ids] = clip
        self.env_next[env_ids] = -1
        cumulative = self.inside(clip).cumsum(1)
        u = torch.rand(len(clip), 2, dtype=torch.float64, device=self.device)
        # Rounding must not lead past the last bin that has a probability.
        at = u[:, :1] * cumulative[:, -1:] * (1.0 - 1e-15)
        bins = torch.searchsorted(cumulative, at, right=True)[:, 0]
        return clip, self._snap(clip, (bins + u[:, 1]) * self.width_s[clip])

    def record(
        self,
        clip: torch.Tensor,
        start_time_s: torch.Tensor,
        end_time_s: torch.Tensor,
        failed: torch.Tensor,
    ) -> None:
        """Count for the clip and for its bins."""
        super().record(clip, start_time_s, end_time_s, failed)
        self.recent_failures.index_add_(0, clip, failed.double())
        self.recent_episodes.index_add_(0, clip, torch.ones_like(clip, dtype=torch.float64))

    def step(self) -> None:
        """Let statistics fade, and re-assign when it is time."""
        super().step()
        if self._keep < 1.0:
            self.recent_failures *= self._keep
            self.recent_episodes *= self._keep
        self.control_steps += 1
        period = self.across.reassign_s / self.step_s
        if (self.control_steps + 0.5) // period > (self.control_steps - 0.5) // period:
            self.env_next = self._assign(len(self.env_clip))

    def clip_rate(self) -> torch.Tensor:
        """Share of the episodes of each clip that failed. Shape (C,)."""
        mean = self.recent_failures.sum() / self.recent_episodes.sum().clamp(min=1e-12)
        prior = self.across.prior_episodes
        return pulled_rate(self.recent_failures, self.recent_episodes, prior, mean)

    def clip_probabilities(self) -> torch.Tensor:
        """Probability with which an environment is assigned to each clip now. Shape (C,)."""
        across = self.across
        opened = gate(
            self.control_steps * self.step_s, across.warm_up_s, across.ramp_s, across.ramp
        )
        p = clip_mixture(
            self.clip_rate(),
            self.assigned,
            self.clip_weights,
            failure_share=opened * across.failure_share,
            novelty_share=opened * across.novelty_share,
            cap=across.failure_cap,
        )
        if self.clip_group is None or self.group_ratios is None:
            return p
        even = self.uniform.sum(1, keepdim=True)
        return share_out(p[:, None], self.clip_group, self.group_ratios, even)[:, 0]

    def probabilities(self) -> torch.Tensor:
        """Of an assignment now and a start after it. Shape (C, B), sums to 1."""
        return self.clip_probabilities()[:, None] * self.inside()

    def metrics(self) -> dict[str, float]:
        """As of other samplers, and the mean, spread, extremes and entropy of the clips' level.

        `entropy_clips` is 1 where all clips are alike, `clips_tried` the share of clips that were
        ever assigned.
        """
        p = self.clip_probabilities()
        return {
            **super().metrics(),
            "clip_prob_mean": float(p.mean()),
            "clip_prob_std": float(p.std(correction=0)),
            "clip_prob_min": float(p.min()),
            "clip_prob_max": float(p.max()),
            "entropy_clips": entropy(p, len(p)),
            "clips_tried": float((self.assigned > 0).double().mean()),
        }

    def state_dict(self) -> dict[str, Any]:
        """Statistics, the time, and the clips of the environments."""
        return {
            **super().state_dict(),
            "control_steps": self.control_steps,
            "env_clip": self.env_clip.clone(),
            "env_next": self.env_next.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore statistics and assignments; environments beyond those saved get new clips."""
        super().load_state_dict(state)
        self.control_steps = int(state["control_steps"])
        self.env_clip = state["env_clip"].to(self.device, copy=True)
        self.env_next = state["env_next"].to(self.device, copy=True)

    def _state_names(self) -> tuple[str, ...]:
        return (*super()._state_names(), "recent_failures", "recent_episodes", "assigned")

    def _know(self, env_ids: torch.Tensor) -> None:
        """Assign clips to environments that are seen for the first time."""
        known = len(self.env_clip)
        more = int(env_ids.max()) + 1 - known if len(env_ids) else 0
        if more > 0:
            fresh = self._assign(more)
            self.env_clip = torch.cat([self.env_clip, fresh])
            self.env_next = torch.cat([self.env_next, fresh])

    def _assign(self, count: int) -> torch.Tensor:
        """Clips of `count` environments, each clip as often as it should be, give or take one."""
        share = self._active(self.clip_probabilities())
        order = torch.randperm(len(share), device=self.device)
        if self.clip_group is not None:
            # Clips of a group side by side: then groups get their places to one too.
            order = order[self.clip_group[order].argsort(stable=True)]
        drawn = order[systematic(share[order], count, self._uniform_number())]
        return drawn[torch.randperm(count, device=self.device)]

    def _active(self, p: torch.Tensor) -> torch.Tensor:
        """Shares of the clips in the pool, 0 for all others; their mean over pools is `p`."""
        if not self._pools:
            return p
        share = torch.zeros_like(p)
        for members, places in self._pools:
            among = p[members]
            chance = inclusion(among, places)
            order = torch.randperm(len(members), device=self.device)
            chosen = order[systematic(chance[order], places, self._uniform_number(), spacing=1.0)]
            share[members[chosen]] = (among / chance)[chosen]
        return share

    def _make_pools(self) -> list[tuple[torch.Tensor, int]]:
        """The clips of each group that is drawn from, and how many of them are active at a time."""
        limit, clips = self.across.max_active_clips, len(self.durations_s)
        if limit is None or limit >= clips:
            return []
        everyone = torch.arange(clips, device=self.device)
        if self.clip_group is None or self.group_ratios is None:
            return [(everyone, limit)]
        used = [i for i, ratio in enumerate(self.group_ratios.tolist()) if ratio > 0]
        if limit < len(used):
            raise MimiclabError(
                f"sampler: max_active_clips is {limit}, but {len(used)} motion groups have a "
                "ratio, and each needs one clip; give at least as many"
            )
        places = apportion(limit, [float(self.group_ratios[i]) for i in used])
        members = [everyone[self.clip_group == i] for i in used]
        return [(m, min(k, len(m))) for m, k in zip(members, places, strict=True)]

    def _uniform_number(self) -> torch.Tensor:
        return torch.rand((), dtype=torch.float64, device=self.device)
