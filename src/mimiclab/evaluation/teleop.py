"""How much delay, loss and noise of a teleoperation interface a policy bears: sweeps of each.

Every point is one evaluation under the same protocol, with the same seeds and starts; only what the
policy sees of the reference differs.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.candidates import Candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.teleop_cfg import SWEEPS, TeleopSuite
from mimiclab.files import write_text
from mimiclab.learning.serialise import to_plain

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine

SCHEMA = 1
"""Layout number of the JSON."""


@dataclass(frozen=True, kw_only=True)
class TeleopResult:
    """What every policy does at every point."""

    policies: tuple[str, ...]
    protocol: dict[str, Any]
    """The stamp that all evaluations share, without policy and interface."""
    labels: dict[str, Any]
    """What each policy is."""
    points: list[dict[str, Any]]
    """`policy`, `sweep`, `value`, `interface`, and `summary` as in the report of an evaluation."""

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
            "sweeps": {
                name: {"words": SWEEPS[name][0], "unit": SWEEPS[name][1]} for name in self.sweeps
            },
            "points": self.points,
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")


def run_suite(
    candidates: Mapping[str, Candidate],
    libraries: "Mapping[str, MotionLibrary]",
    suite: TeleopSuite | None = None,
    protocol: Protocol | None = None,
    *,
    num_envs: int | None = None,
    engine: "Engine" = "auto",
    device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TeleopResult:
    """Evaluate policies at every point of a suite. Points that are alike are evaluated once.

    Args:
        candidates: policies by name.
        libraries: clips to score, by name of the policy; the same clips for all.
        suite: what to sweep.
        protocol: of every point; its own interface must be off.
        num_envs: environments at once.
        engine: physics engine.
        device: torch device.
        progress: called with control steps done and in all, over all points.

    Raises:
        MimiclabError: no values to sweep, a protocol with an interface, or other clips for one
            policy than for another; and what `evaluate` raises.
    """
    points, protocol = (suite or TeleopSuite()).points(), protocol or Protocol()
    if protocol.interface != "off" or not protocol.interface_values.is_perfect:
        raise MimiclabError("the suite chooses the interface; leave that of the protocol off")
    _check_clips(libraries)
    interfaces = {json.dumps(to_plain(point.interface)): point.interface for point in points}
    done, count = 0, len(candidates) * len(interfaces)
    stamps: dict[str, dict[str, Any]] = {}
    rows = []
    for name, candidate in candidates.items():
        summaries = {}
        for key, interface in interfaces.items():
            report = evaluate(
                candidate.policy,
                candidate.task,
                libraries[name],
                replace(protocol, interface_values=interface),
                label=candidate.label,
                expects=candidate.expects,
                num_envs=num_envs,
                engine=engine,
                device=device,
                progress=_overall(progress, done, count),
            )
            summaries[key], stamps[name] = report.summary(), report.protocol
            done += 1
        for point in points:
            key = json.dumps(to_plain(point.interface))
            values = {"policy": name, "sweep": point.sweep, "value": point.value}
            rows.append({**values, "interface": json.loads(key), "summary": summaries[key]})
    first = next(iter(stamps.values()))
    apart = ("policy", "interface", "interface_groups")
    return TeleopResult(
        policies=tuple(candidates),
        protocol={key: value for key, value in first.items() if key not in apart},
        labels={name: stamp["policy"] for name, stamp in stamps.items()},
        points=rows,
    )


def _overall(
    progress: Callable[[int, int], None] | None, done: int, count: int
) -> Callable[[int, int], None] | None:
    """Progress of one evaluation as that of all, which have as many steps."""
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
