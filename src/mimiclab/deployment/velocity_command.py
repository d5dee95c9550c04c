"""What a policy that walks at a commanded velocity is told: the command and a gait clock."""

from dataclasses import dataclass

import numpy as np

from mimiclab.errors import ContractError

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class GaitClock:
    """Phases of the left and the right foot; one turn is one step of that foot."""

    period_s: float = 1.0
    """Duration of a turn, s; the mean where training varied it."""
    start_phases: tuple[float, float] = (0.0, float(np.pi))
    """Left and right phase when walking begins, rad; a foot is planted at pi (Holosoma)."""
    standing_phase: float = float(np.pi)
    """Both phases while the robot is told to stand, rad."""


@dataclass(frozen=True, kw_only=True)
class VelocityCommand:
    """Ranges of the commanded velocities in the root's frame, as trained with."""

    lin_vel_x: Range
    """Forward, m/s."""
    lin_vel_y: Range
    """To the left, m/s."""
    ang_vel_z: Range
    """Turning left, rad/s."""
    gait: GaitClock | None = None
    """Clock that the policy observes; None for none."""
    standing_lin_vel: float = 0.01
    """The robot is told to stand when the commanded speed is below this, m/s ..."""
    standing_ang_vel: float = 0.01
    """... and the commanded turn is below this, rad/s."""

    def __post_init__(self) -> None:
        for name in ("lin_vel_x", "lin_vel_y", "ang_vel_z"):
            ends = getattr(self, name)
            if len(ends) != 2 or not ends[0] <= ends[1]:
                raise ContractError(
                    f"contract: the command's {name} is {ends}, expected lower and upper end"
                )
        if self.gait is not None and not self.gait.period_s > 0:
            raise ContractError(
                f"contract: a gait period of {self.gait.period_s} s; expected more than 0"
            )

    @property
    def ranges(self) -> np.ndarray:
        """Lower and upper ends of vx, vy and the turn. Shape (3, 2)."""
        return np.array([self.lin_vel_x, self.lin_vel_y, self.ang_vel_z])

    def stands(self, command: np.ndarray) -> bool:
        """Whether a command (vx, vy, turn) means to stand still."""
        slow = np.hypot(command[0], command[1]) < self.standing_lin_vel
        return bool(slow and abs(command[2]) < self.standing_ang_vel)

    def check(self, command: np.ndarray) -> np.ndarray:
        """A command (3,) as numbers.

        Raises:
            ContractError: not three finite numbers, or outside the ranges trained with.
        """
        values = np.asarray(command, np.float64)
        if values.shape != (3,) or not np.isfinite(values).all():
            raise ContractError(
                f"velocity command {command!r}: expected three numbers, forward and left in m/s "
                "and turning left in rad/s"
            )
        low, high = self.ranges.T
        if np.any(values < low - 1e-9) or np.any(values > high + 1e-9):
            raise ContractError(
                f"velocity command {_text(values)} is outside what the policy was trained with: "
                f"{_text(low)} to {_text(high)} (forward, left, turn); choose one inside"
            )
        return values


class GaitPhases:
    """The clock of one robot. Source: Holosoma's policy runner.

    Phases are in [-pi, pi). They move on before the policy looks, stop while the robot is told to
    stand and begin anew when it walks again.
    """

    def __init__(self, command: VelocityCommand, step_s: float) -> None:
        """`step_s` is the control step."""
        self._command, self._step_s = command, step_s
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        gait = self._command.gait
        self._phases = None if gait is None else np.array(gait.start_phases)

    def step(self, command: np.ndarray) -> np.ndarray | None:
        """Phases of the left and right foot (2,) for the coming observation; None without clock."""
        gait = self._command.gait
        if gait is None or self._phases is None:
            return None
        if self._command.stands(command):
            self.reset()
            return _wrapped(np.full(2, gait.standing_phase))
        self._phases = _wrapped(self._phases + 2.0 * np.pi * self._step_s / gait.period_s)
        return self._phases


def _wrapped(phases: np.ndarray) -> np.ndarray:
    return np.mod(phases + np.pi, 2.0 * np.pi) - np.pi


def _text(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
