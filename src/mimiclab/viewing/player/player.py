"""What the controls do: the player's state, independent of any page."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from mimiclab.viewing.player.clock import PlaybackClock
from mimiclab.viewing.player.shows import Show

_HISTORY = 500
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Snapshot:
    """All that the page draws of one moment."""

    qpos: np.ndarray
    reference_qpos: np.ndarray | None
    clip: int
    frame: int
    num_frames: int
    step_s: float
    playing: bool
    speed: float
    errors: dict[str, float]
    at_end: bool
    crossed: str

    @property
    def time_s(self) -> float:
        """Time since the clip's start, s."""
        return self.frame * self.step_s


def _locked(
    method: Callable[Concatenate["Player", _P], _R],
) -> Callable[Concatenate["Player", _P], _R]:
    """Controls are used from the page's threads while the player's own thread runs."""

    @wraps(method)
    def call(self: "Player", *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self.lock:
            return method(self, *args, **kwargs)

    return call


class Player:
    """A show, a clock, and the history of the errors."""

    def __init__(self, show: Show, *, playing: bool = True) -> None:
        """`playing` says whether it starts at once."""
        self.show = show
        self.clock = PlaybackClock(show.step_s, playing=playing)
        self.repeat = True
        """Whether a clip that has ended begins again."""
        self.lock = threading.RLock()
        self._history: deque[tuple[float, dict[str, float]]] = deque(maxlen=_HISTORY)
        self._shown_steps = 0
        self._rng = np.random.default_rng(0)

    @_locked
    def update(self, wall_s: float) -> bool:
        """Let `wall_s` seconds pass; True if anything moved."""
        steps = self.clock.due(wall_s)
        for _ in range(steps):
            if not self._step():
                break
        return steps > 0

    def _step(self) -> bool:
        """One control step; at the end of the clip begin again or pause. False if it ended."""
        if self.show.at_end:
            if not self.repeat or self.show.num_frames < 2:
                self.clock.pause()
                return False
            self._go_to(0)
            return True
        self.show.advance()
        self._shown_steps += 1
        if self.show.errors:
            self._history.append((self._shown_steps * self.show.step_s, self.show.errors))
        return True

    @_locked
    def toggle(self) -> bool:
        """Play or pause; returns whether it plays now. At the end of a clip it begins again."""
        if self.clock.playing:
            self.clock.pause()
            return False
        if self.show.at_end:
            self._go_to(0)
        self.clock.play()
        return True

    @_locked
    def step(self) -> None:
        """One control step by hand; pauses."""
        self.clock.pause()
        self._step()

    @_locked
    def reset(self) -> None:
        """Back to the clip's start, with a clean history."""
        self._history.clear()
        self._go_to(0)

    @_locked
    def seek(self, time_s: float) -> None:
        """Go to a time of the clip; a policy starts there anew."""
        self._go_to(round(time_s / self.show.step_s))

    @_locked
    def choose(self, clip: int) -> None:
        """Switch to a clip and keep playing or pausing."""
        self.show.choose(clip)
        self.clock.step_s = self.show.step_s
        self._history.clear()

    @_locked
    def push(self, speed: float, direction_rad: float | None = None) -> np.ndarray:
        """Shove the robot by `speed` m/s in a horizontal direction, random if None.

        Returns:
            The change of velocity (3,), m/s.
        """
        angle = self._rng.uniform(0, 2 * np.pi) if direction_rad is None else direction_rad
        velocity = speed * np.array([np.cos(angle), np.sin(angle), 0.0])
        self.show.push(velocity)
        return velocity

    @_locked
    def snapshot(self) -> Snapshot:
        """The present moment."""
        show = self.show
        return Snapshot(
            qpos=np.array(show.qpos),
            reference_qpos=show.reference_qpos,
            clip=show.clip,
            frame=show.frame,
            num_frames=show.num_frames,
            step_s=show.step_s,
            playing=self.clock.playing,
            speed=self.clock.speed,
            errors=show.errors,
            at_end=show.at_end,
            crossed=show.crossed,
        )

    @_locked
    def history(self, *names: str) -> tuple[np.ndarray, ...]:
        """Seconds played and the named errors up to now: arrays of equal length."""
        rows: list[tuple[float, dict[str, Any]]] = list(self._history)
        return (
            np.array([time for time, _ in rows]),
            *(np.array([errors.get(name, np.nan) for _, errors in rows]) for name in names),
        )

    def _go_to(self, frame: int) -> None:
        self.show.seek(frame)
