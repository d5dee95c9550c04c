"""Which changes of robot and ground the robustness suite tries. Nothing heavy is imported here."""

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from mimiclab.evaluation.perturbation import Perturbation
from mimiclab.evaluation.sweep_cfg import swept_values

Sweep = Literal[
    "push_n", "push_mps", "payload_torso_kg", "payload_wrists_kg", "friction", "delay_s",
    "motor_strength",
]  # fmt: skip
SWEEPS = MappingProxyType(
    {
        "push_n": ("horizontal force on the torso", "N"),
        "push_mps": ("sudden change of the root's velocity", "m/s"),
        "payload_torso_kg": ("payload on the torso", "kg"),
        "payload_wrists_kg": ("payload in both hands together", "kg"),
        "friction": ("friction of the feet on the floor", ""),
        "delay_s": ("delay of the motors", "s"),
        "motor_strength": ("strength of the motors: share of the torque", ""),
    }
)
"""What is swept: words and unit of each."""
FALLING = ("friction", "motor_strength")
"""Axes on which less is harder."""


@dataclass(frozen=True, kw_only=True)
class RobustnessSuite:
    """Values of each sweep; the first of each is the easiest."""

    sweeps: tuple[Sweep, ...] = (
        "push_n", "push_mps", "payload_torso_kg", "payload_wrists_kg", "friction", "delay_s",
        "motor_strength",
    )  # fmt: skip
    """What is swept, one after the other."""
    push_n: tuple[float, ...] = (0.0, 50.0, 100.0, 150.0, 200.0)
    """Horizontal forces on the torso, N, each for `around.push_s` (Holosoma: 50 to 200 N for 0.1 to
    0.3 s)."""
    push_mps: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Sudden horizontal changes of the root's velocity, m/s."""
    payload_torso_kg: tuple[float, ...] = (0.0, 2.0, 4.0, 6.0, 8.0)
    """Masses on the torso, kg."""
    payload_wrists_kg: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 4.0)
    """Masses in both hands together, kg."""
    friction: tuple[float, ...] = (1.0, 0.6, 0.4, 0.3, 0.2, 0.1)
    """Sliding friction of the feet."""
    delay_s: tuple[float, ...] = (0.0, 0.01, 0.02, 0.03, 0.04)
    """Delays of joint targets, s, in whole physics steps."""
    motor_strength: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
    """Shares of the wanted torque, and of the effort limit, that motors give."""
    around: Perturbation = field(default_factory=Perturbation)
    """The world of which one value at a time is changed."""

    def points(self) -> list[tuple[str, float, Perturbation]]:
        """Sweep, value and world of every point, sweep by sweep.

        Raises:
            MimiclabError: no sweep, one without values or given twice, or a value that cannot be.
        """
        return [
            (sweep, value, replace(self.around, **{sweep: value}))
            for sweep, value in swept_values(self, SWEEPS)
        ]
