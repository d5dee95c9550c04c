"""What a reference-velocity estimator is and how it is trained; reading it needs no torch."""

from dataclasses import dataclass, field
from typing import Literal

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

EstimatorKind = Literal["mlp", "residual", "transformer"]


@dataclass(kw_only=True)
class EstimatorCfg:
    """A network and its training. The defaults are MOSAIC's preset `mlp`."""

    kind: EstimatorKind = "mlp"
    """mlp: plain layers. residual: layers with skips, layer normalisation and dropout. transformer:
    attention over the frames of the window."""
    hidden: tuple[int, ...] = (256, 128, 64)
    """Widths of the layers of mlp and residual."""
    dropout: float = 0.1
    """Share of values dropped in training, of residual and transformer."""
    width: int = 128
    """Numbers of a token of the transformer."""
    heads: int = 4
    """Attention heads of the transformer."""
    layers: int = 2
    """Layers of the transformer."""
    feedforward: int = 256
    """Width of the transformer's inner layers."""
    history: int = 5
    """Frames in a window: the present and those before it."""
    command_velocity: bool = True
    """Windows hold joint velocities beside joint angles, as the policy's command does."""
    max_speed: float = 10.0
    """Windows with a frame at this speed of the anchor or above are left out, m/s: such frames are
    errors of the motion."""
    validation: float = 0.1
    """Share of the clips that are kept from training, rounded up; 0 for none."""
    fresh: float = 0.1
    """Share of the training windows shown as they are soon after a reset, when older frames are
    copies of the first one."""
    interface: InterfaceCfg = field(default_factory=InterfaceCfg)
    """Delay, losses and noise of the reference in training; the target stays the true velocity."""
    draws: int = 4
    """Copies of the clips seen through the interface, beside the clean ones, if it is imperfect."""
    epochs: int = 500
    """Passes over the training windows."""
    minutes: float | None = None
    """Training time; the first limit reached ends it."""
    batch: int = 4096
    """Windows in a gradient step."""
    learning_rate: float = 5e-4
    """At the start."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """AdamW decays weights."""
    weight_decay: float = 1e-4
    """Of AdamW."""
    schedule: Literal["plateau", "cosine"] = "plateau"
    """plateau: halved when the validation error has not fallen for 5 epochs. cosine: down to 1e-6
    at the last epoch."""
    warm_up: int = 0
    """Epochs in which the rate of `cosine` rises from 0."""
    seed: int = 42
    """Seeds the split, the interface, weights and batches."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: a value out of range.
        """
        for name in ("history", "epochs", "batch", "width", "heads", "layers", "draws"):
            if getattr(self, name) < 1:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("validation", "fresh", "dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 to less than 1")
        if not self.hidden or min(self.hidden) < 1:
            raise MimiclabError(f"hidden is {self.hidden}, expected at least one width")
        if self.width % self.heads or self.width % 2:
            raise MimiclabError(
                f"width is {self.width}, expected an even multiple of the {self.heads} heads"
            )


def mlp() -> EstimatorCfg:
    """MOSAIC's `mlp`."""
    return EstimatorCfg()


def mlp_large() -> EstimatorCfg:
    """MOSAIC's `mlp_optimized`."""
    return EstimatorCfg(
        hidden=(512, 256, 128), epochs=1000, optimizer="adamw", schedule="cosine", warm_up=10
    )


def residual() -> EstimatorCfg:
    """MOSAIC's `mlp_residual`."""
    return EstimatorCfg(
        kind="residual",
        hidden=(512, 256, 128),
        epochs=1000,
        optimizer="adamw",
        schedule="cosine",
        warm_up=10,
    )


def transformer() -> EstimatorCfg:
    """MOSAIC's `transformer`."""
    return EstimatorCfg(kind="transformer")


def transformer_large() -> EstimatorCfg:
    """MOSAIC's `transformer_large`."""
    return EstimatorCfg(
        kind="transformer", width=256, heads=8, layers=4, batch=2048, learning_rate=3e-4
    )


PRESETS = {
    "mlp": mlp,
    "mlp-large": mlp_large,
    "residual": residual,
    "transformer": transformer,
    "transformer-large": transformer_large,
}
LAPTOP_MINUTES = 10.0
"""Training time at most, at laptop scale."""


def estimator_preset(name: str, *, laptop: bool = False) -> EstimatorCfg:
    """The settings called `name`: MOSAIC's, or with budgets and batches for a few CPU cores.

    Raises:
        UnknownNameError: no such preset.
    """
    if name not in PRESETS:
        raise UnknownNameError("estimator preset", name, PRESETS)
    cfg = PRESETS[name]()
    if laptop:
        cfg.epochs //= 10
        cfg.warm_up = min(cfg.warm_up, 2)
        cfg.batch = 512
        cfg.learning_rate *= 2
        cfg.minutes = LAPTOP_MINUTES
    return cfg
