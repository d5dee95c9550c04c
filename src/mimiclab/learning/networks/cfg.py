"""Which network the actor is, apart from the networks so that reading it needs no torch."""

from dataclasses import dataclass, field
from typing import Any, Literal

NetworkKind = Literal["mlp", "recurrent", "attention", "transformer", "fsq", "vq"]


@dataclass(kw_only=True)
class NetworkCfg:
    """The actor's network; widths of its last layers are `PpoCfg.hidden`. Critics are MLPs."""

    kind: NetworkKind = "mlp"
    """mlp; recurrent; attention or transformer over the frames of the history; fsq or vq: the
    reference passes through a discrete bottleneck (finite scalar or vector quantisation)."""


@dataclass(kw_only=True)
class ResidualCfg:
    """A small network that corrects the actions of a frozen one: a = base(o) + r(o)."""

    base: str | None = None
    """Run, checkpoint or ONNX file of the frozen policy; none trains a network of its own. Needed
    at the start only: its weights become part of every checkpoint and export."""
    base_network: dict[str, Any] = field(default_factory=dict)
    """How to rebuild the base; filled in when training starts."""
    hidden: tuple[int, ...] = (512, 256, 128)
    """Widths of the hidden layers of the correction (MOSAIC)."""
    gain: float = 0.01
    """Gain of the Xavier initialisation of the last layer: corrections start near 0 (MOSAIC)."""
    scale: float = 1.0
    """Factor of the correction, in units of the action."""
    bound: float | None = None
    """Largest correction of an action by tanh; none leaves it unbounded (MOSAIC)."""
    gate: bool = False
    """Multiply the correction by a learnt sigmoid of the observation, near 0 at the start."""
