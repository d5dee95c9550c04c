"""Which network the actor is, apart from the networks so that reading it needs no torch."""

from dataclasses import dataclass, field
from typing import Any, Literal

from mimiclab.errors import MimiclabError

NetworkKind = Literal["mlp", "recurrent", "attention", "transformer", "fsq", "vq", "velocity_skip"]


@dataclass(kw_only=True)
class NetworkCfg:
    """The actor's network; widths of its last layers are `PpoCfg.hidden`. Critics are MLPs.

    Sizes are for a small machine; MOSAIC's are named where they differ.
    """

    kind: NetworkKind = "mlp"
    """mlp; recurrent; attention or transformer over the frames of the history; fsq or vq: the
    reference passes through a discrete bottleneck (finite scalar or vector quantisation);
    velocity_skip: an MLP that is told how fast the reference moves."""
    cell: Literal["lstm", "gru"] = "lstm"
    """recurrent: the cell."""
    width: int = 128
    """recurrent, attention, transformer: numbers in the state, or in a token. MOSAIC: 256, 256,
    512."""
    layers: int | None = None
    """recurrent, transformer: layers; none is 1 and 2 (MOSAIC)."""
    heads: int = 4
    """attention, transformer: heads; a divisor of `width` (MOSAIC)."""
    encoder: tuple[int, ...] = (256, 256)
    """fsq, vq: hidden layers of the reference's encoder. MOSAIC: 1024, 1024."""
    levels: tuple[int, ...] = (5,) * 8
    """fsq: values of each number of the latent (MOSAIC)."""
    codes: int = 512
    """vq: vectors in the codebook (MOSAIC)."""
    code_size: int = 32
    """vq: numbers in a code (MOSAIC)."""
    code_slots: int = 8
    """vq: codes that together stand for the reference of one step (MOSAIC's latent of 256)."""
    commitment: float = 0.25
    """vq: weight of the encoder's pull to its code, beside that of the codes to the encoder."""
    code_loss: float = 0.1
    """vq: weight of both pulls in the loss (MOSAIC)."""
    estimator: str | None = None
    """velocity_skip: folder or file of the estimator. Needed at the start only: its weights become
    part of every checkpoint and export. With a warm start, none takes that of the earlier run."""
    estimator_network: dict[str, Any] = field(default_factory=dict)
    """How to rebuild the estimator; filled in when training starts."""

    def __post_init__(self) -> None:
        """Refuse sizes that make no network.

        Raises:
            MimiclabError: as said.
        """
        for name in ("width", "heads", "code_size", "code_slots", "layers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise MimiclabError(f"--network.{name.replace('_', '-')} is {value}, expected >= 1")
        if self.codes < 2:
            raise MimiclabError(f"--network.codes is {self.codes}, expected 2 or more")
        self.encoder, self.levels = tuple(self.encoder), tuple(self.levels)
        if not self.levels or min(self.levels) < 2:
            raise MimiclabError(
                f"--network.levels is {self.levels}, expected 2 or more values for each number, "
                "for example 5 5 5 5"
            )
        if not self.encoder or min(self.encoder) < 1:
            raise MimiclabError(
                f"--network.encoder is {self.encoder}, expected widths of 1 or more"
            )


@dataclass(kw_only=True)
class ResidualCfg:
    """A small network that corrects the actions of a frozen one: a = base(o) + r(o)."""

    base: str | None = None
    """Run, checkpoint or ONNX file of the frozen policy; none trains a network of its own. Needed
    at the start only: its weights become part of every checkpoint and export."""
    adapter: str = "auto"
    """Observation layout of an ONNX base without a contract; see `TeacherCfg.adapter`."""
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

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: values out of range, or settings of a correction without a base.
        """
        if not self.hidden or min(self.hidden) < 1:
            raise MimiclabError(f"--residual.hidden is {self.hidden}, expected at least one width")
        if self.bound is not None and not self.bound > 0.0:
            raise MimiclabError(
                f"--residual.bound is {self.bound}, expected more than 0, or none for no bound"
            )
        if self.base is None and not self.base_network and self != ResidualCfg():
            raise MimiclabError(
                "--residual settings without --residual.base would do nothing; name the policy to "
                "correct: a run, a checkpoint or an ONNX file"
            )
