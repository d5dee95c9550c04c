"""Settings of PhysX. Plain values; nothing heavy is imported here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PhysxCfg:
    """Settings of PhysX that MuJoCo has no counterpart of."""

    motors: Literal["explicit", "implicit"] = "explicit"
    """The PD law as a torque computed before each physics step (Isaac Gym, robots), or solved with
    the step (Isaac Sim's drives), which is stable for any gains."""
    position_iterations: int = 8
    """Iterations of the solver over positions in each step; Isaac Gym's humanoids take 4 to 8."""
    velocity_iterations: int = 4
    """Iterations over velocities in each step (Holosoma's setting)."""
    bounce_threshold: float = 0.5
    """Relative speed below which nothing bounces, m/s (Holosoma's setting)."""
    contact_offset: float = 0.01
    """Distance at which contacts are looked for, m; forces begin at touch."""
