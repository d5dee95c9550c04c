"""Settings of start samplers, apart from the samplers so that reading them needs no torch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from mimiclab.errors import MimiclabError, UnknownNameError

if TYPE_CHECKING:
    import torch

    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.samplers import StartSampler

SamplerKind = Literal[
    "adaptive",
    "uniform",
    "start",
    "two-level",
    "beyondmimic-upstream",
    "beyondmimic-paper",
    "beyondmimic-fork",
    "mosaic-paper",
    "mosaic-shipped",
]
SAMPLER_KINDS: tuple[str, ...] = get_args(SamplerKind)


@dataclass(kw_only=True)
class ClipLevelCfg:
    """Departures from the preset of a sampler on two levels: how it assigns environments to clips.

    Seconds are simulated ones: an update of 24 steps at 50 Hz is 0.48 s.
    """

    failure_share: float | None = None
    """Share of assignments by failure rate, 0 to 1; 0.5."""
    novelty_share: float | None = None
    """Share of assignments to clips that were assigned seldom, 0 to 1; 0.3. The rest is uniform."""
    failure_cap: float | None = None
    """A clip's failure rate counts for at most this many times the mean one; 2."""
    warm_up_s: float | None = None
    """Assign uniformly for so long, s; 100, mosaic-paper 150."""
    ramp_s: float | None = None
    """Then let the failure and novelty shares grow for so long, s; 200, mosaic-paper 350."""
    ramp: Literal["linear", "cosine"] | None = None
    """How they grow; linear."""
    reassign_s: float | None = None
    """Environments get new clips so often, s, each at its first reset after; 10."""
    max_active_clips: int | None = None
    """Most clips in use between two re-assignments, drawn without replacement; two-level has no
    limit, MOSAIC's presets 10,000."""
    memory_s: float | None = None
    """Time after which a failure counts half, s; 300. MOSAIC's presets forget nothing."""


@dataclass(kw_only=True)
class SamplerCfg:
    """Which sampler, and departures from its preset (None keeps the preset's value)."""

    kind: SamplerKind = "adaptive"
    """`adaptive` (ours), `uniform` over time, `start` (time 0 of every clip in turn), `two-level`
    (clips by failure and novelty, then times within them), or a published preset:
    `beyondmimic-upstream`, `beyondmimic-paper`, `beyondmimic-fork`, `mosaic-paper`,
    `mosaic-shipped` (which never adapts)."""
    bin_s: float | None = None
    """Length of a time bin, s; 1 in all presets."""
    uniform_ratio: float | None = None
    """Share of starts drawn uniformly, 0 to 1; 0.1 in all presets but mosaic-shipped, 1."""
    gamma: float | None = None
    """Weight of a failure one bin later, two bins later, ...: gamma^u; 0.8, fork 0.9."""
    kernel_size: int | None = None
    """Bins that the look-ahead kernel spans; 3, upstream and MOSAIC 1, fork 5."""
    ema: float | None = None
    """Share of new statistics in each update; 0.001 of a 50 Hz step, fork 0.1."""
    temperature: float | None = None
    """If set, p is proportional to exp(rate / temperature); no published code does this."""
    clips: ClipLevelCfg = field(default_factory=ClipLevelCfg)
    """The upper level of `two-level` and of MOSAIC's presets."""
    group_ratios: dict[str, float] = field(default_factory=dict)
    """Share of the starts for each motion group, summing to 1, whatever its clips; on two levels
    share of the environments. Without any, groups do not matter."""

    def build(
        self, library: "MotionLibrary", *, step_s: float = 0.02, device: Any = None
    ) -> "StartSampler":
        """Make the sampler for the clips of `library`.

        Args:
            library: the clips; only names, durations, weights and groups are used.
            step_s: control step, s: starts lie on it and leave room for one step.
            device: where statistics live; that of the library by default.

        Raises:
            UnknownNameError: no such sampler, or a ratio for a group that the library lacks.
            MimiclabError: ratios that are negative, do not sum to 1 or leave a group out; settings
                that this kind does not have, or that make no sense.
        """
        from mimiclab.motions.samplers import StartAtZeroSampler, UniformSampler, two_level
        from mimiclab.motions.samplers import adaptive as one_level

        if self.kind not in SAMPLER_KINDS:
            raise UnknownNameError("sampler", self.kind, SAMPLER_KINDS)
        self._check_fields(two_levels=self.kind in two_level.PRESETS)
        durations = library.durations_s.to(device if device is not None else library.device)
        names = library.clip_names
        if self.kind == "start":
            return StartAtZeroSampler(names, durations, step_s)
        common = {
            "clip_weights": library.clip_weights.to(durations.device),
            **self._shares(library, durations.device),
        }
        if self.kind == "uniform":
            return UniformSampler(names, durations, step_s, bin_s=self.bin_s or 1.0, **common)
        within = {**common, **_given(self, _WITHIN)}
        if self.kind in one_level.PRESETS:
            preset = one_level.PRESETS[self.kind]
            return one_level.AdaptiveSampler(names, durations, step_s, **{**preset, **within})
        inside, outside = two_level.PRESETS[self.kind]
        across = two_level.AcrossClips(**{**outside, **_given(self.clips)})
        arguments = {**inside, **within}
        return two_level.TwoLevelSampler(names, durations, step_s, across=across, **arguments)

    def _check_fields(self, *, two_levels: bool) -> None:
        """Refuse settings that the kind would pass over."""
        unused = [] if two_levels else [f"clips.{name}" for name in _given(self.clips)]
        if self.kind in ("uniform", "start"):
            own = ("bin_s",) if self.kind == "uniform" else ()
            unused += [name for name in _given(self, _WITHIN) if name not in own]
        if self.kind == "start" and self.group_ratios:
            unused.append("group_ratios")
        if unused:
            raise MimiclabError(
                f"sampler {self.kind!r} has no {', '.join(unused)}; leave that out, or choose "
                "another kind (two-level has all)"
            )

    def _shares(self, library: "MotionLibrary", device: "torch.device") -> dict[str, Any]:
        if not self.group_ratios:
            return {}
        import torch

        ratios = group_ratios(self.group_ratios, library.group_names)
        group = library.clip_group.to(device)
        empty = [
            name
            for i, name in enumerate(library.group_names)
            if ratios[i] > 0 and not bool((group == i).any())
        ]
        if empty:
            raise MimiclabError(
                f"the sampler's group ratios give {self.group_ratios[empty[0]]:g} to the motion "
                f"group {empty[0]!r}, of which no clip is here; leave the group out, or give each "
                "process clips of it"
            )
        return {
            "clip_group": group,
            "group_ratios": torch.tensor(ratios, dtype=torch.float64, device=device),
        }


_WITHIN = ("bin_s", "uniform_ratio", "gamma", "kernel_size", "ema", "temperature")


def group_ratios(given: dict[str, float], names: tuple[str, ...]) -> list[float]:
    """The ratio of each group, in the order of `names`.

    Raises:
        UnknownNameError: a ratio for a group that does not exist.
        MimiclabError: a negative ratio, a sum that is not 1, or a group without a ratio.
    """
    for name in given:
        if name not in names:
            raise UnknownNameError("motion group", name, names)
    negative = [f"{name} {ratio:g}" for name, ratio in given.items() if not ratio >= 0]
    if negative:
        raise MimiclabError(f"group ratios must be 0 or more, got {', '.join(negative)}")
    missing = [name for name in names if name not in given]
    if missing:
        raise MimiclabError(
            f"the motion groups {', '.join(map(repr, missing))} have no ratio; give one to each "
            "group, 0 for one that shall not be drawn"
        )
    total = sum(given.values())
    if abs(total - 1.0) > 1e-6:
        told = " + ".join(f"{name} {ratio:g}" for name, ratio in given.items())
        raise MimiclabError(f"group ratios must sum to 1, got {told} = {total:g}")
    return [given[name] / total for name in names]


def _given(settings: Any, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    chosen = vars(settings) if names is None else {name: getattr(settings, name) for name in names}
    return {name: value for name, value in chosen.items() if value is not None}
