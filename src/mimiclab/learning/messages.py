"""What a training says when it begins and ends."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.learning.progress import duration

if TYPE_CHECKING:
    from mimiclab.learning.runner import Runner
    from mimiclab.learning.teachers.routing import TeachingPlan
    from mimiclab.learning.train import TrainResult
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.task import Task


def opening(
    folder: Path,
    task: "Task",
    library: "MotionLibrary | None",
    runner: "Runner",
    facts: Mapping[str, Any],
) -> str:
    """What is trained where; `facts` are engine, device, cores and processes of the session."""
    what = f"{task.kind} of {task.robot}"
    if library is not None:
        seconds = float(library.durations_s.sum())
        what = f"{library.num_clips} clip(s), {seconds:.1f} s of motion"
    start = f"resuming at update {runner.iteration}" if runner.iteration else "training"
    return (
        f"{start}: {what}, {runner.env.num_envs} environments x {facts['processes']} "
        f"process(es) on {facts['engine']} ({facts['device']}, {facts['cores']} cores) -> {folder}"
    )


def at_limit(runner: "Runner") -> list[str]:
    """What to do if a resumed run has nothing left to do."""
    cfg = runner.train_cfg
    late = cfg.minutes is not None and runner.train_time_s >= 60.0 * cfg.minutes
    if runner.iteration < cfg.iterations and not late:
        return []
    limit = f"{cfg.minutes:g} minutes" if late else f"{cfg.iterations} updates"
    option = "--minutes" if late else "--iterations"
    return [f"its limit of {limit} is reached already; raise it with {option}"]


def teaching(plan: "TeachingPlan") -> list[str]:
    """Who teaches what, a sentence for each, and what a user should know of them."""
    lines = [
        f"teacher of {lesson.group} motions: {lesson.teacher.name}, which sees "
        + ("what the student sees" if lesson.view is None else "its own clean observations")
        for lesson in plan.lessons
    ]
    lines += [
        f"{lesson.teacher.name}: {remark}"
        for lesson in plan.lessons
        for remark in lesson.teacher.remarks
    ]
    if plan.lessons and plan.untaught:
        lines.append(f"no teacher for {', '.join(plan.untaught)}: PPO alone there")
    return lines


def closing(result: "TrainResult") -> str:
    """Why it ended, how far it came, and how to go on."""
    why = {"iterations": "finished", "minutes": "time is up", "interrupted": "interrupted"}
    best = result.best
    at = (
        f"; best {best['metric']} {best['value']:.4g} at update {best['iteration']}" if best else ""
    )
    again = ""
    if result.reason == "interrupted":
        again = f"\ngo on with: mimiclab train resume {result.folder}"
    return (
        f"{why[result.reason]} after {result.iteration} updates, "
        f"{result.env_steps / 1e6:.2f} M steps, {duration(result.train_time_s)}{at}{again}"
    )
