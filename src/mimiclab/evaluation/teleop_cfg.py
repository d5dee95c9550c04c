"""Which interfaces the teleoperation suite tries. Plain values; nothing heavy is imported here."""

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from mimiclab.evaluation.sweep_cfg import swept_values
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

Sweep = Literal["delay_s", "dropout", "joint_noise_rad", "joint_bias_rad", "smoothing"]
SWEEPS = MappingProxyType(
    {
        "delay_s": ("delay", "s"),
        "dropout": ("lost packets", "share"),
        "joint_noise_rad": ("joint noise", "rad"),
        "joint_bias_rad": ("joint bias", "rad"),
        "smoothing": ("smoothing: share of the new packet", ""),
    }
)
"""What is swept: words and unit of each."""


@dataclass(frozen=True, kw_only=True)
class TeleopSuite:
    """Values of each sweep.

    Measured delays of MOSAIC's interfaces are 0.2 s (inertial suit) and 0.4 s (VR), and its
    smoothing is 0.3.
    """

    sweeps: tuple[Sweep, ...] = (
        "delay_s",
        "dropout",
        "joint_noise_rad",
        "joint_bias_rad",
        "smoothing",
    )
    """What is swept, one after the other."""
    delay_s: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4)
    """Constant delays, s."""
    dropout: tuple[float, ...] = (0.0, 0.1, 0.3, 0.5)
    """Shares of lost packets."""
    joint_noise_rad: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1)
    """Standard deviations of white noise on joint angles, rad."""
    joint_bias_rad: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2)
    """Standard deviations of constant errors of joint angles, rad."""
    smoothing: tuple[float, ...] = (1.0, 0.5, 0.3, 0.1)
    """Shares of the new packet in the exponential average of joint angles; 1 smooths nothing."""
    around: InterfaceCfg = field(default_factory=lambda: InterfaceCfg(dropout_s=0.2))
    """The interface of which one value at a time is changed."""

    def points(self) -> "list[SuitePoint]":
        """Every point, sweep by sweep.

        Raises:
            MimiclabError: no sweep, one without values or given twice, or a value that cannot be.
        """
        points = []
        for sweep, value in swept_values(self, SWEEPS):
            setting: Any = (value, value) if sweep == "delay_s" else value
            interface = replace(self.around, **{sweep: setting})
            points.append(SuitePoint(sweep=sweep, value=value, interface=interface))
        return points


@dataclass(frozen=True, kw_only=True)
class SuitePoint:
    """One interface of a sweep."""

    sweep: str
    """Name in `SWEEPS`."""
    value: float
    interface: InterfaceCfg
