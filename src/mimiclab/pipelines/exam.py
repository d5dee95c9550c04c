"""What the policies of all stages are scored on: the same clips, episodes and interface."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimiclab.pipelines.motions import open_motion_groups
from mimiclab.tasks.tracking.task import TrackingTask

if TYPE_CHECKING:
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.motions.library import MotionLibrary


@dataclass(kw_only=True)
class Exam:
    """A task, motions and a protocol."""

    task: TrackingTask
    groups: Mapping[str, str]
    """Motion groups: name to motions."""
    protocol: "Protocol"
    motion_folder: str | None = None
    """Where the files of published motion sets are."""
    engine: Literal["auto", "native", "warp"] = "auto"
    device: str | None = None

    @cached_property
    def library(self) -> "MotionLibrary":
        """The clips, opened once."""
        return open_motion_groups(self.groups, self.task, self.motion_folder)


def examine(
    run: Path, exam: Exam, path: Path, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Score the last checkpoint of a run, unless `path` holds that very evaluation already.

    Args:
        run: run folder.
        exam: what to score it on.
        path: JSON file of the report.
        progress: called with control steps done and in all.

    Raises:
        ContractError: the exam's observations are not those that the run was trained with.
    """
    from mimiclab.evaluation.candidates import run_candidate
    from mimiclab.evaluation.evaluate import evaluate
    from mimiclab.simulation.env import resolve_engine

    _, device = resolve_engine(exam.engine, exam.device)
    candidate = run_candidate(run, checkpoint="last", device=device)
    if path.is_file():
        report = json.loads(path.read_text(encoding="utf-8"))
        if _is_of(report["protocol"], exam, candidate.label["sha256"]):
            return report
    report = evaluate(
        candidate.policy,
        replace(exam.task, residual_action=candidate.task.residual_action),
        exam.library,
        exam.protocol,
        label=candidate.label,
        expects=candidate.expects,
        engine=exam.engine,
        device=exam.device,
        progress=progress,
    )
    report.save(path)
    return report.to_dict()


def _is_of(stamp: Mapping[str, Any], exam: Exam, sha256: str) -> bool:
    """Whether a report's stamp names this checkpoint and this exam."""
    expected = {**exam.protocol.stamp(exam.task), "clip_set_hash": exam.library.content_hash}
    same = all(stamp.get(name) == value for name, value in expected.items())
    return same and stamp["policy"].get("sha256") == sha256
