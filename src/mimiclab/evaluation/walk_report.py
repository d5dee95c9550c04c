"""The result of scoring a policy that walks on command: episodes, rows of commands, summary."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mimiclab.evaluation.statistics import mean_interval, wilson_interval
from mimiclab.files import write_text

SCHEMA = 1
"""Layout number of the JSON."""
METRICS = {
    "lin_vel_error": "m/s",
    "ang_vel_error": "rad/s",
    "lin_vel_rms": "m/s",
    "ang_vel_rms": "rad/s",
    "torque_rms": "N m",
    "power": "W",
    "target_rate_rms": "rad",
    "joint_acc_rms": "rad/s^2",
}
"""Numbers of `deployment.walk_metrics` that are averaged, and their units."""


@dataclass(frozen=True, kw_only=True)
class WalkEpisode:
    """One command, held."""

    command: tuple[float, float, float]
    """Forward and left, m/s; turn, rad/s."""
    survived_s: float
    completed: bool
    """No fall in the time of the protocol."""
    metrics: dict[str, Any]
    """See `walk_metrics`; empty if the robot fell at once."""

    @property
    def achieved(self) -> list[float] | None:
        """Mean velocities once settled; None if the robot fell at once."""
        return self.metrics["segments"][0]["achieved"] if self.metrics else None


@dataclass(frozen=True, kw_only=True)
class WalkReport:
    """All episodes of one policy under one protocol."""

    protocol: dict[str, Any]
    """The stamp: what was run, on what, with which switches."""
    episodes: tuple[WalkEpisode, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each command, in their order."""
        found: dict[tuple[float, float, float], list[WalkEpisode]] = {}
        for episode in self.episodes:
            found.setdefault(episode.command, []).append(episode)
        return [
            {
                "command": list(command),
                "episodes": len(episodes),
                "survived": sum(e.completed for e in episodes) / len(episodes),
                "survived_s": fmean(e.survived_s for e in episodes),
                "achieved": _means([e.achieved for e in episodes if e.achieved]),
                **{name: fmean(v) for name in METRICS if (v := _values(episodes, name))},
            }
            for command, episodes in found.items()
        ]

    def summary(self) -> dict[str, dict[str, Any]]:
        """Mean and 95 % interval of each number over all episodes.

        Survival has Wilson's interval. The others tell what other seeds on the same commands could
        give; of robots that fell they count the time before.
        """
        wins = sum(e.completed for e in self.episodes)
        total = len(self.episodes)
        found: dict[str, dict[str, Any]] = {
            "survived": {"mean": wins / total, "ci95": list(wilson_interval(wins, total))}
        }
        for name in METRICS:
            strata: dict[tuple, list[float]] = {}
            for episode in self.episodes:
                if name in episode.metrics:
                    strata.setdefault(episode.command, []).append(episode.metrics[name])
            if strata:
                interval = mean_interval(list(strata.values()))
                found[name] = {
                    "mean": fmean(value for values in strata.values() for value in values),
                    "ci95": interval and [max(0.0, interval[0]), interval[1]],
                }
        return found

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "summary": self.summary(),
            "commands": self.rows(),
            "units": METRICS,
        }

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")


def _values(episodes: Sequence[WalkEpisode], name: str) -> list[float]:
    return [e.metrics[name] for e in episodes if name in e.metrics]


def _means(rows: Sequence[Sequence[float]]) -> list[float] | None:
    return [fmean(column) for column in zip(*rows, strict=True)] if rows else None
