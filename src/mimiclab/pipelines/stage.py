"""One training of a pipeline: begun, resumed or found finished, then measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimiclab.errors import PipelineError
from mimiclab.learning.config import TrainCfg
from mimiclab.tasks.tracking.task import TrackingTask

if TYPE_CHECKING:
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.motions.library import MotionLibrary

State = Literal["absent", "started", "finished"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A training that may need others before it."""

    name: str
    """Also the name of its run folder."""
    about: str
    """What it makes, in a few words."""
    task: TrackingTask
    groups: Mapping[str, str]
    """Motion groups to train on: name to motions."""
    train: TrainCfg
    needs: tuple[str, ...] = ()
    """Stages that must be finished first."""
    motion_folder: str | None = None
    """Where the files of published motion sets are."""


@dataclass(kw_only=True)
class Exam:
    """What every stage is scored on: the same clips, episodes and interface for all of them."""

    task: TrackingTask
    groups: Mapping[str, str]
    protocol: "Protocol"
    motion_folder: str | None = None
    num_envs: int | None = None
    engine: Literal["auto", "native", "warp"] = "auto"
    device: str | None = None

    @cached_property
    def library(self) -> "MotionLibrary":
        """The clips, opened once."""
        return _open(self.groups, self.task, self.motion_folder)


def state_of(run: Path, train: TrainCfg) -> State:
    """Whether a run folder's training reached the limits of `train`.

    Raises:
        CheckpointError: its checkpoint is damaged.
    """
    from mimiclab.learning.checkpoint import load_checkpoint

    last = run / "checkpoints" / "last.pt"
    if not last.is_file():
        return "absent"
    state = load_checkpoint(last)
    late = train.minutes is not None and state["train_time_s"] >= 60.0 * train.minutes
    return "finished" if late or state["iteration"] >= train.iterations else "started"


def run_stage(stages: Mapping[str, Stage], name: str, folder: Path) -> State:
    """Train a stage to its end, from wherever an earlier attempt stopped.

    Args:
        stages: all stages of the pipeline by name.
        name: which one to train.
        folder: of the pipeline; the run is FOLDER/NAME, those it needs are beside it.

    Returns:
        `finished`, or `started` if it was interrupted.

    Raises:
        PipelineError: a stage that it needs is not finished, or the run was made with other
            settings.
    """
    from mimiclab.learning.train import resume, train

    stage, run = stages[name], folder / name
    state = state_of(run, stage.train)
    if state == "absent":
        _require_finished(stage, stages, folder)
        library = _open(stage.groups, stage.task, stage.motion_folder)
        result = train(stage.task, library, stage.train, run)
        return "started" if result.reason == "interrupted" else "finished"
    _require_same_settings(stage, run)
    if state == "finished":
        return state
    limits: dict[str, Any] = {"iterations": stage.train.iterations, "minutes": stage.train.minutes}
    result = resume(run, progress=stage.train.progress, **limits)
    return "started" if result.reason == "interrupted" else "finished"


def examine(run: Path, exam: Exam, path: Path, *, progress: Any = None) -> dict[str, Any]:
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
        stamp = report["protocol"]
        same_policy = stamp["policy"].get("sha256") == candidate.label["sha256"]
        if same_policy and stamp["clip_set_hash"] == exam.library.content_hash:
            return report
    report = evaluate(
        candidate.policy,
        replace(exam.task, residual_action=candidate.task.residual_action),
        exam.library,
        exam.protocol,
        label=candidate.label,
        expects=candidate.expects,
        num_envs=exam.num_envs,
        engine=exam.engine,
        device=exam.device,
        progress=progress,
    )
    report.save(path)
    return report.to_dict()


def _open(
    groups: Mapping[str, str], task: TrackingTask, motion_folder: str | None
) -> "MotionLibrary":
    from mimiclab.motions.library.open import open_groups

    return open_groups(
        groups,
        robot=task.robot,
        fps=task.control_hz,
        motion_folder=None if motion_folder is None else Path(motion_folder),
    )


def _require_finished(stage: Stage, stages: Mapping[str, Stage], folder: Path) -> None:
    states = {name: state_of(folder / name, stages[name].train) for name in stage.needs}
    for name, state in states.items():
        if state != "finished":
            what = "has not been trained" if state == "absent" else "is only partly trained"
            raise PipelineError(
                f"stage {stage.name!r} needs stage {name!r}, which {what} in {folder}; first run "
                f"`mimiclab train {name} --name {folder.name}` with the same recipe"
            )


def _require_same_settings(stage: Stage, run: Path) -> None:
    """A run goes on with the settings that it was begun with; only its limits may move."""
    from mimiclab.learning.checkpoint import layout_difference
    from mimiclab.learning.run import read_config
    from mimiclab.learning.serialise import to_plain

    noted = read_config(run)
    lines = layout_difference(noted["task"], to_plain(stage.task), "task")
    for key in ("ppo", "network", "num_envs", "seed"):
        lines += layout_difference(noted["train"][key], to_plain(stage.train)[key], key)
    if lines:
        raise PipelineError(
            f"{run} was made with other settings than the recipe has now:\n  "
            + "\n  ".join(line.replace("in the checkpoint", "in the run") for line in lines)
            + "\nUse those, or another --name"
        )
