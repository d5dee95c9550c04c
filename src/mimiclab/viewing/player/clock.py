"""How many control steps are due: play, pause, speed, without any page or robot."""

from mimiclab.errors import MimiclabError

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Speeds that the page offers, as multiples of real time."""
_MOST_STEPS = 25
"""Steps in one update; after a pause of the computer the motion goes on, it does not race."""


class PlaybackClock:
    """Turns passing wall time into whole control steps at the chosen speed."""

    def __init__(self, step_s: float, *, playing: bool = True) -> None:
        """`step_s` is the control step, s."""
        self.step_s = step_s
        self.playing = playing
        self._speed = 1.0
        self._owed_s = 0.0

    @property
    def speed(self) -> float:
        """Multiple of real time."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if not 0 < value <= 100:
            raise MimiclabError(f"speed is {value}, expected a positive number up to 100")
        self._speed = float(value)

    def play(self) -> None:
        """Let time pass, from now on."""
        if not self.playing:
            self._owed_s = 0.0
        self.playing = True

    def pause(self) -> None:
        """Stop time."""
        self.playing = False

    def due(self, wall_s: float) -> int:
        """Steps to take after `wall_s` seconds; fractions are kept for the next call."""
        if not self.playing:
            return 0
        self._owed_s += max(0.0, wall_s) * self._speed
        steps = int(self._owed_s / self.step_s + 1e-9)
        self._owed_s -= steps * self.step_s
        return min(steps, _MOST_STEPS)
