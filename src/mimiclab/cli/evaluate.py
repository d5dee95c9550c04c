"""`mimiclab evaluate`: score a policy on whole clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.evaluation.candidates import Candidate
    from mimiclab.evaluation.report import EvaluationReport
    from mimiclab.motions.library import MotionLibrary


def evaluate(
    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY")],
    /,
    *,
    motion: str | None = None,
    motion_folder: Path | None = None,
    checkpoint: str | None = None,
    adapter: str = "auto",
    untrained: bool = False,
    robot: str = "unitree_g1",
    residual_action: bool = False,
    seeds: int = 5,
    random_starts: int = 5,
    seed: int = 0,
    initial_noise: float = 0.1,
    observation_noise: bool = False,
    pushes: bool = False,
    randomisation: bool = False,
    terminate: bool = True,
    require_success: float = 0.0,
    num_envs: int | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    html: Path | None = None,
) -> int:
    """Score a policy on whole clips, from their first frames and from random times.

    The policy is deterministic; noise, pushes and randomisation are off unless asked for. Success:
    the episode reaches the last frame of the clip without crossing a termination limit. Exit code
    0: it ran; 1: the success rate is below the required one; 2: could not run.

    Args:
        policy: Run folder, checkpoint, ONNX file, or the word `zero` for no action at all.
        motion: Clips to score instead of those that came with the policy: file, folder, set,
            `builtin:walk`, ...; several with commas.
        motion_folder: Where the files of published motion sets are.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        adapter: Layout of an ONNX file of another project: auto, mosaic, beyondmimic, mjlab,
            holosoma, holosoma-ppo, holosoma-fastsac, or a JSON file that describes it.
        untrained: Fresh weights instead of the run's: what learning is compared with.
        robot: Robot of the `zero` policy.
        residual_action: For the `zero` policy: track the reference joints by PD control, instead
            of holding the default pose.
        seeds: Episodes of each clip from its first frame.
        random_starts: Episodes of each clip from random times.
        seed: First seed.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        observation_noise: Add the training noise to observations.
        pushes: Shove the robot as in training.
        randomisation: Randomise the robot as in training.
        terminate: Apply the termination limits of the task.
        require_success: Success rate, 0 to 1, needed for exit code 0.
        num_envs: Environments at once; by default as many as episodes, within reason.
        engine: Physics engine.
        device: Torch device.
        json_path: Write the report as JSON.
        html: Write the report as a page.
    """
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.evaluate import evaluate as run
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.tasks.tracking import TrackingTask

    protocol = Protocol(
        seeds=seeds,
        random_starts=random_starts,
        seed=seed,
        initial_noise=initial_noise,
        observation_noise=observation_noise,
        pushes=pushes,
        randomisation=randomisation,
        terminate=terminate,
    )
    _, device = resolve_engine(engine, device)
    candidate = open_candidate(
        policy,
        checkpoint=checkpoint,
        untrained=untrained,
        task=TrackingTask(robot=robot, residual_action=residual_action),
        adapter=adapter,
        device=device,
    )
    for remark in candidate.remarks:
        print(f"note: {remark}")
    library = clips_to_score(candidate, motion, motion_folder)
    with StepBar("evaluating") as bar:
        report = run(
            candidate.policy,
            candidate.task,
            library,
            protocol,
            label=candidate.label,
            expects=candidate.expects,
            num_envs=num_envs,
            engine=engine,
            device=device,
            progress=bar.update,
        )
    print_report(report, policy)
    if json_path is not None:
        report.save(json_path)
    if html is not None:
        from mimiclab.viewing.report import write_evaluation_html

        write_evaluation_html({policy: report.to_dict()}, html, title=f"Evaluation of {policy}")
    return 0 if report.summary()["success_rate"]["mean"] >= require_success else 1


def print_report(report: "EvaluationReport", name: str) -> None:
    """The table for each clip and the summary, on the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from mimiclab.evaluation.metrics import METRICS

    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{name} on whole clips",
        caption="MPJPE and root-relative MPJPE in mm, speed in m/s, joints in rad",
    )
    table.add_column("clip", no_wrap=True)
    table.add_column("start")
    for heading in ("n", "success", "done", *(head for _, head, _ in _COLUMNS)):
        table.add_column(heading, justify="right")
    for row in report.clip_rows():
        table.add_row(
            row["clip"],
            row["start"],
            str(row["episodes"]),
            f"{row['success_rate']:.0%}",
            f"{row['completion']:.0%}",
            *(format(row.get(key, float("nan")), digits) for key, _, digits in _COLUMNS),
        )
    console = Console()
    console.print(table)
    for key, found in report.summary().items():
        interval, unit = found["ci95"], METRICS[key].unit if key in METRICS else ""
        spread = f"[{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        console.print(
            f"{key:<26}{found['mean']:>9.4g} {unit:<6} {spread}", highlight=False, markup=False
        )


_COLUMNS = (
    ("mpjpe_global_mm", "MPJPE", ".1f"),
    ("mpjpe_root_mm", "root", ".1f"),
    ("velocity_error", "speed", ".3f"),
    ("joint_position_error", "joints", ".3f"),
)


def clips_to_score(
    candidate: "Candidate", motion: str | None, motion_folder: Path | None
) -> "MotionLibrary":
    """The clips that `--motion` names, by default those that came with the policy.

    Raises:
        MimiclabError: it brings none.
    """
    from mimiclab.errors import MimiclabError

    if motion is None:
        if candidate.library is None:
            raise MimiclabError(
                "this policy brings no motion along; say which clips to score with --motion, "
                "for example --motion builtin:walk"
            )
        return candidate.library
    from mimiclab.motions.library.open import open_motions

    task = candidate.task
    return open_motions(motion, robot=task.robot, fps=task.control_hz, motion_folder=motion_folder)


class StepBar:
    """A progress bar over control steps that appears with the first one."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> "StepBar":
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn(self._doing),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("control steps"),
            TimeRemainingColumn(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()
        return self

    def update(self, done: int, total: int) -> None:
        """Show how many steps are done, and of how many."""
        self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
