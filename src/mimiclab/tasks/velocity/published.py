"""Numbers of the velocity task that Holosoma chose for each robot. Nothing heavy is imported."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Published:
    """Values that differ between robots."""

    scales: dict[str, float] = field(default_factory=lambda: {"dof_vel": 0.1})
    """Factors on observation terms other than 1."""
    gait_hz_width: float = 0.0
    """Largest difference of the gait frequency from the mean, Hz."""
    friction: tuple[float, float] = (0.1, 1.0)
    """Sliding friction of the feet."""
    com_offset_m: float = 0.0
    """Largest offset of the anchor body's mass centre, m."""


_BY_ROBOT = {
    "unitree_g1": Published(
        scales={"base_ang_vel": 0.25, "base_lin_vel": 2.0, "dof_vel": 0.05},
        gait_hz_width=0.2,
        friction=(0.5, 1.25),
        com_offset_m=0.05,
    )
}
_OTHERS = Published()


def published(robot: str) -> Published:
    """The values for a robot; Holosoma's for the Booster T1 serve all but the G1."""
    return _BY_ROBOT.get(robot, _OTHERS)
