"""The result of an evaluation: episodes, the table for each clip, the summary, JSON."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from mimiclab.evaluation.metrics import REPORT_METRICS
from mimiclab.evaluation.statistics import mean_interval, wilson_interval
from mimiclab.files import write_text
from mimiclab.motions.clip import DEFAULT_GROUP

SCHEMA = 1
"""Layout number of the JSON."""


@dataclass(frozen=True, kw_only=True)
class EpisodeResult:
    """One scored episode."""

    clip: str
    group: str = DEFAULT_GROUP
    """Motion group of the clip."""
    start: str
    """`zero` or `random`."""
    start_s: float
    seed: int
    steps: int
    """Control steps taken."""
    success: bool
    completion: float
    """Share of the clip from the start time on that was survived."""
    reason: str
    """`clip_end`, or the termination that ended it."""
    metrics: dict[str, float]
    """Mean of each metric over the steps."""
    body_position_error_mm: np.ndarray = field(repr=False)
    """Mean over the steps for each tracked body, (B,)."""


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """All episodes of one policy under one protocol."""

    protocol: dict[str, Any]
    """The stamp: what was run, on what, with which switches."""
    body_names: tuple[str, ...]
    episodes: tuple[EpisodeResult, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """Motion groups that have episodes, sorted."""
        return tuple(sorted({episode.group for episode in self.episodes}))

    def clip_rows(self) -> list[dict[str, Any]]:
        """One row for each clip and kind of start, sorted by group and name, whole clips first."""
        found: dict[tuple[str, str, str], list[EpisodeResult]] = {}
        for episode in self.episodes:
            found.setdefault((episode.group, episode.clip, episode.start), []).append(episode)
        rows = []
        for (group, clip, start), episodes in sorted(
            found.items(), key=lambda item: (*item[0][:2], item[0][2] != "zero")
        ):
            wins = sum(e.success for e in episodes)
            rows.append(
                {
                    "clip": clip,
                    "group": group,
                    "start": start,
                    "episodes": len(episodes),
                    "success_rate": wins / len(episodes),
                    "success_ci95": list(wilson_interval(wins, len(episodes))),
                    "completion": fmean(e.completion for e in episodes),
                    "steps": fmean(e.steps for e in episodes),
                    **_metric_means(episodes),
                    "ended_by": dict(Counter(e.reason for e in episodes).most_common()),
                }
            )
        return rows

    def summary(
        self, start: str | None = None, *, group: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Mean and 95 % interval of every metric, over all episodes or those of a start or group.

        The interval of the success rate is Wilson's over episodes. The others tell what other seeds
        on the same clips could give: clip and kind of start are strata, not samples.
        """
        episodes = [
            e for e in self.episodes if start in (None, e.start) and group in (None, e.group)
        ]
        if not episodes:
            return {}
        wins = sum(e.success for e in episodes)
        found: dict[str, dict[str, Any]] = {
            "success_rate": {
                "mean": wins / len(episodes),
                "ci95": list(wilson_interval(wins, len(episodes))),
            }
        }
        for name in ("completion", "steps", *REPORT_METRICS):
            strata: dict[tuple[str, str, str], list[float]] = {}
            for episode in episodes:
                value = _value(episode, name)
                if value is not None:
                    key = episode.group, episode.clip, episode.start
                    strata.setdefault(key, []).append(value)
            if strata:
                interval = mean_interval(list(strata.values()))
                most = 1.0 if name in _SHARES else float("inf")
                found[name] = {
                    "mean": fmean(value for values in strata.values() for value in values),
                    "ci95": interval and [max(0.0, interval[0]), min(most, interval[1])],
                }
        return found

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values; see docs/evaluation.md for the layout."""
        starts = dict.fromkeys(e.start for e in self.episodes)
        bodies = np.mean([e.body_position_error_mm for e in self.episodes], axis=0)
        return {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "clips": self.clip_rows(),
            "summary": self.summary(),
            "summary_by_start": {start: self.summary(start) for start in starts},
            "summary_by_group": {group: self.summary(group=group) for group in self.groups},
            "body_mpjpe_mm": dict(zip(self.body_names, bodies.tolist(), strict=True)),
            "metrics": {name: asdict(metric) for name, metric in REPORT_METRICS.items()},
            "episodes": self._columns(),
        }

    def _columns(self) -> dict[str, Any]:
        """Every episode, one list for each property: half the size of one object for each."""
        names = ("clip", "group", "start", "start_s", "seed", "steps", "success", "completion",
                 "reason")  # fmt: skip
        columns: dict[str, Any] = {
            name: [getattr(e, name) for e in self.episodes] for name in names
        }
        columns["start_s"] = [round(time, 6) for time in columns["start_s"]]
        known = [name for name in REPORT_METRICS if any(name in e.metrics for e in self.episodes)]
        columns["metrics"] = {
            name: [_rounded(e.metrics.get(name)) for e in self.episodes] for name in known
        }
        return columns

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")

    def save_csv(self, path: str | Path) -> None:
        """Write the rows of the clips as CSV, for spreadsheets; what a clip lacks stays empty.

        Raises:
            OutputError: the file cannot be written.
        """
        rows = [
            {
                **{key: value for key, value in row.items() if key != "success_ci95"},
                "ended_by": " ".join(f"{why}:{count}" for why, count in row["ended_by"].items()),
            }
            for row in self.clip_rows()
        ]
        text = io.StringIO()
        writer = csv.DictWriter(
            text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())


_SHARES = ("completion", "feet_stumble")


def _value(episode: EpisodeResult, name: str) -> float | None:
    if name in ("completion", "steps"):
        return float(getattr(episode, name))
    return episode.metrics.get(name)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _metric_means(episodes: Sequence[EpisodeResult]) -> dict[str, float]:
    means = {}
    for name in REPORT_METRICS:
        values = [e.metrics[name] for e in episodes if name in e.metrics]
        if values:
            means[name] = fmean(values)
    return means
