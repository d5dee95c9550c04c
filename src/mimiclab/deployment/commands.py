"""Where velocity commands come from: a script, or somebody who steers."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from mimiclab.deployment.velocity_command import VelocityCommand
from mimiclab.errors import ContractError

KEYS: Mapping[str, tuple[int, int]] = {
    "w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "q": (2, 1), "e": (2, -1),
}  # fmt: skip
"""Keys that change a command: its number in (forward, left, turn left), and the sign."""
KEY_STEP = 0.1
"""Change at each key, m/s or rad/s (Holosoma)."""


class CommandSource(Protocol):
    """Gives the velocity command at any time."""

    def at(self, time_s: float) -> np.ndarray:
        """Forward and left in m/s, turning left in rad/s, at a time since the start. Shape (3,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class ScriptedCommands:
    """Commands that follow each other."""

    starts_s: tuple[float, ...]
    """When each command begins, s; rising, the first at 0."""
    commands: tuple[tuple[float, float, float], ...]
    """Forward and left in m/s, turning left in rad/s."""

    def __post_init__(self) -> None:
        times = self.starts_s
        rising = all(a < b for a, b in pairwise(times))
        if not times or len(times) != len(self.commands) or times[0] != 0.0 or not rising:
            raise ContractError(
                f"a script of {len(self.commands)} commands that begin at {times} s: expected one "
                "rising time for each, the first 0"
            )

    @classmethod
    def in_turn(cls, commands: Sequence[Sequence[float]], each_s: float) -> "ScriptedCommands":
        """Commands of `each_s` seconds each; a single one is held."""
        return cls(
            starts_s=tuple(i * each_s for i in range(len(commands))),
            commands=tuple((float(x), float(y), float(turn)) for x, y, turn in commands),
        )

    def at(self, time_s: float) -> np.ndarray:
        """The command in force; the last one stays."""
        index = int(np.searchsorted(self.starts_s, time_s + 1e-9, side="right")) - 1
        return np.array(self.commands[max(index, 0)])


class LiveCommand:
    """A command that is set from elsewhere, from any thread; it begins at zero."""

    def __init__(self, limits: VelocityCommand) -> None:
        """`limits` are the ranges that commands are held inside."""
        self._ranges = limits.ranges
        self._lock = threading.Lock()
        self._now = np.clip(np.zeros(3), *self._ranges.T)

    def set(self, command: np.ndarray | Sequence[float]) -> None:
        """Steer; what is outside the ranges is held at their ends.

        Raises:
            ContractError: not three finite numbers.
        """
        values = np.asarray(command, np.float64)
        if values.shape != (3,) or not np.isfinite(values).all():
            raise ContractError(f"velocity command {command!r}: expected three numbers")
        with self._lock:
            self._now = np.clip(values, *self._ranges.T)

    def press(self, key: str) -> bool:
        """React to a key of `KEYS`, or to z: stand. Whether the key means something."""
        if key != "z" and key not in KEYS:
            return False
        with self._lock:
            if key == "z":
                self._now = np.zeros(3)
            else:
                axis, sign = KEYS[key]
                changed = self._now.copy()
                changed[axis] = round(changed[axis] + sign * KEY_STEP, 9)
                self._now = np.clip(changed, *self._ranges.T)
        return True

    def at(self, time_s: float) -> np.ndarray:
        """What was set last."""
        del time_s
        with self._lock:
            return self._now.copy()
