"""Settings of start samplers, apart from the samplers so that reading them needs no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mimiclab.errors import UnknownNameError

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.samplers import StartSampler

SamplerKind = Literal[
    "adaptive",
    "uniform",
    "start",
    "beyondmimic-upstream",
    "beyondmimic-paper",
    "beyondmimic-fork",
]
SAMPLER_KINDS: tuple[str, ...] = (
    "adaptive",
    "uniform",
    "start",
    "beyondmimic-upstream",
    "beyondmimic-paper",
    "beyondmimic-fork",
)


@dataclass(kw_only=True)
class SamplerCfg:
    """Which sampler, and departures from its preset (None keeps the preset's value)."""

    kind: SamplerKind = "adaptive"
    """`adaptive` (ours), `uniform` over time, `start` (time 0 of every clip in turn), or a
    published preset: `beyondmimic-upstream`, `beyondmimic-paper`, `beyondmimic-fork`."""
    bin_s: float | None = None
    """Length of a time bin, s; 1 in all presets."""
    uniform_ratio: float | None = None
    """Share of starts drawn uniformly, 0 to 1; 0.1 in all presets."""
    gamma: float | None = None
    """Weight of a failure one bin later, two bins later, ...: gamma^u; 0.8, fork 0.9."""
    kernel_size: int | None = None
    """Bins that the look-ahead kernel spans; 3, upstream 1, fork 5."""
    ema: float | None = None
    """Share of new statistics in each update; 0.001 of a 50 Hz step, fork 0.1."""
    temperature: float | None = None
    """If set, p is proportional to exp(rate / temperature); no published code does this."""

    def build(
        self, library: "MotionLibrary", *, step_s: float = 0.02, device: Any = None
    ) -> "StartSampler":
        """Make the sampler for the clips of `library`.

        Args:
            library: the clips; only names, durations and weights are used.
            step_s: control step, s: starts lie on it and leave room for one step.
            device: where statistics live; that of the library by default.

        Raises:
            UnknownNameError: no such sampler.
        """
        from mimiclab.motions.samplers import StartAtZeroSampler, UniformSampler
        from mimiclab.motions.samplers.adaptive import PRESETS, AdaptiveSampler

        durations = library.durations_s.to(device if device is not None else library.device)
        names, weights = library.clip_names, library.clip_weights.to(durations.device)
        if self.kind == "start":
            return StartAtZeroSampler(names, durations, step_s)
        if self.kind == "uniform":
            return UniformSampler(
                names, durations, step_s, bin_s=self.bin_s or 1.0, clip_weights=weights
            )
        if self.kind not in PRESETS:
            raise UnknownNameError("sampler", self.kind, SAMPLER_KINDS)
        changes = {
            key: value for key, value in vars(self).items() if key != "kind" and value is not None
        }
        changes["clip_weights"] = weights
        return AdaptiveSampler(names, durations, step_s, **{**PRESETS[self.kind], **changes})
