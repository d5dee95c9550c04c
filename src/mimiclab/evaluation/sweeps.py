"""Evaluations along axes: every point under one protocol, with the same seeds and starts."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.candidates import Candidate
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.files import write_text
from mimiclab.learning.serialise import to_plain

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary

SCHEMA = 1
"""Layout number of the JSON."""
Progress = Callable[[int, int], None] | None
Run = Callable[[Candidate, "MotionLibrary", Any, Progress], EvaluationReport]
"""Evaluates a policy on clips in one setting."""


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """One setting of a sweep."""

    sweep: str
    """Name of the axis."""
    value: float
    setting: Any
    """Plain dataclass in which the value is one field."""


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What every policy does at every point."""

    about: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Words and unit of each axis."""
    setting: ClassVar[str] = "setting"
    """Name of what differs from point to point."""
    policies: tuple[str, ...]
    protocol: dict[str, Any]
    """The stamp that all evaluations share, without policy and interface."""
    labels: dict[str, Any]
    """What each policy is."""
    points: list[dict[str, Any]]
    """`policy`, `sweep`, `value`, the setting, and `summary` as in the report of an evaluation."""
    notes: tuple[str, ...] = ()
    """What was left out because it is not supported."""

    def values(self, policy: str, sweep: str) -> list[tuple[float, dict[str, Any]]]:
        """Value and summary of each point of a policy's sweep, in the order of the sweep."""
        return [
            (point["value"], point["summary"])
            for point in self.points
            if (point["policy"], point["sweep"]) == (policy, sweep)
        ]

    @property
    def sweeps(self) -> tuple[str, ...]:
        """Sweeps that were run."""
        return tuple(dict.fromkeys(point["sweep"] for point in self.points))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; see docs/evaluation.md for the layout."""
        return {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "policies": self.labels,
            "notes": list(self.notes),
            "sweeps": {
                name: {"words": self.about[name][0], "unit": self.about[name][1]}
                for name in self.sweeps
            },
            "points": self.points,
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")


Result = TypeVar("Result", bound=SweepResult)


def run_points(
    kind: type[Result],
    candidates: Mapping[str, Candidate],
    libraries: "Mapping[str, MotionLibrary]",
    points: Sequence[SweepPoint],
    run: Run,
    *,
    notes: tuple[str, ...] = (),
    progress: Progress = None,
) -> Result:
    """Evaluate policies at every point. Points that are alike are evaluated once.

    Args:
        kind: of the result.
        candidates: policies by name.
        libraries: clips to score, by name of the policy; the same clips for all.
        points: what to evaluate.
        run: one evaluation.
        notes: for the result.
        progress: called with control steps done and in all, over all points.

    Raises:
        MimiclabError: other clips for one policy than for another; and what `run` raises.
    """
    _check_clips(libraries)
    settings = {json.dumps(to_plain(point.setting)): point.setting for point in points}
    done, count = 0, len(candidates) * len(settings)
    stamps: dict[str, dict[str, Any]] = {}
    rows = []
    for name, candidate in candidates.items():
        summaries = {}
        for key, setting in settings.items():
            report = run(candidate, libraries[name], setting, part_of(progress, done, count))
            summaries[key], stamps[name] = report.summary(), report.protocol
            done += 1
        for point in points:
            key = json.dumps(to_plain(point.setting))
            values = {"policy": name, "sweep": point.sweep, "value": point.value}
            rows.append({**values, kind.setting: json.loads(key), "summary": summaries[key]})
    first = next(iter(stamps.values()))
    apart = ("policy", "interface", "interface_groups")
    return kind(
        policies=tuple(candidates),
        protocol={key: value for key, value in first.items() if key not in apart},
        labels={name: stamp["policy"] for name, stamp in stamps.items()},
        points=rows,
        notes=notes,
    )


def part_of(progress: Progress, done: int, count: int) -> Progress:
    """Progress of one evaluation as that of `count`, which have as many steps each."""
    if progress is None:
        return None
    return lambda step, steps: progress(done * steps + step, count * steps)


def _check_clips(libraries: "Mapping[str, MotionLibrary]") -> None:
    (first, known), *others = libraries.items()
    for name, library in others:
        if sorted(library.clip_names) != sorted(known.clip_names):
            differ: Sequence[str] = sorted({*library.clip_names} ^ {*known.clip_names})
            raise MimiclabError(
                f"policies {first!r} and {name!r} bring different clips ({', '.join(differ)}); "
                "name the clips for both with --motion"
            )
