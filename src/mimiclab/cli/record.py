"""`mimiclab record`: rollouts of a policy as a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


def record(
    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY")],
    /,
    *,
    out: Path,
    motion: str | None = None,
    motion_folder: Path | None = None,
    checkpoint: str | None = None,
    groups: tuple[str, ...] = ("actor",),
    view: tuple[str, ...] = (),
    view_noise: bool = True,
    sample: bool = False,
    action_noise: float | None = None,
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
    num_envs: int | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> int:
    """Run a policy on every clip and write what it saw and did to one HDF5 file.

    The file describes itself: names and sizes of observations, robot, rate, policy, task and
    switches. Train on it with `mimiclab train tracking --imitation.mode hybrid
    --imitation.recording FILE`; read it with `mimiclab.datasets.recordings.Recording`.

    Args:
        policy: Run folder, checkpoint, ONNX file, or a location of one (https://..., wandb://...),
            or the word `zero` for no action at all.
        out: File to write (.h5).
        motion: Clips to run on instead of those that came with the policy: file, folder, set,
            `builtin:walk`, ...; several with commas.
        motion_folder: Where the files of published motion sets are.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        groups: Observation groups of the policy's task to record: actor, critic.
        view: More groups, NAME=RUN: what the policy of another run would see in the same moments,
            with its own terms and history; several with blanks.
        view_noise: Give those groups the noise and the interface of their training.
        sample: Draw actions from the policy's distribution instead of taking the mean, which is
            recorded beside them.
        action_noise: Draw actions with this standard deviation, in units of the action.
        robot: Robot of the `zero` policy.
        residual_action: For the `zero` policy: track the reference joints by PD control.
        seeds: Episodes of each clip from its first frame.
        random_starts: Episodes of each clip from random times.
        seed: First seed.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        observation_noise: Add the training noise to what the policy sees.
        pushes: Shove the robot as in training.
        randomisation: Randomise the robot as in training.
        terminate: End episodes at the termination limits of the task.
        num_envs: Environments at once; by default as many as episodes, within reason.
        engine: Physics engine.
        device: Torch device.
        json_path: Write the summary as JSON: episodes, steps and success, in all and for each clip.
    """
    import json

    from mimiclab.cli.bars import StepBar
    from mimiclab.cli.groups import named
    from mimiclab.cli.policy_clips import clips_to_score
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.evaluation.record import RecordingPlan
    from mimiclab.evaluation.record import record as run
    from mimiclab.files import write_text
    from mimiclab.learning.run import load_run
    from mimiclab.locations import local_path
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
    views = named(view, "--view NAME=RUN, for example --view student=runs/student")
    plan = RecordingPlan(
        groups=groups,
        views={name: load_run(path).tracking for name, path in views.items()},
        view_noise=view_noise,
        sample=sample,
        action_noise=action_noise,
    )
    _, device = resolve_engine(engine, device)
    candidate = open_candidate(
        local_path(policy),
        checkpoint=checkpoint,
        task=TrackingTask(robot=robot, residual_action=residual_action),
        device=device,
    )
    library = clips_to_score(candidate, motion, motion_folder)
    with StepBar("recording") as bar:
        summary = run(
            candidate,
            library,
            out,
            protocol,
            plan,
            num_envs=num_envs,
            engine=engine,
            device=device,
            progress=bar.update,
        )
    _print(summary)
    if json_path is not None:
        write_text(json_path, json.dumps(summary, indent=2) + "\n")
    return 0


def _print(summary: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("clip", no_wrap=True)
    for heading in ("episodes", "steps", "success"):
        table.add_column(heading, justify="right")
    for name, row in summary["clips"].items():
        table.add_row(name, str(row["episodes"]), str(row["steps"]), f"{row['success_rate']:.0%}")
    console = Console()
    console.print(table)
    widths = ", ".join(f"{name} {width}" for name, width in summary["groups"].items())
    console.print(
        f"wrote {summary['file']} ({summary['bytes'] / 1e6:.1f} MB): {summary['episodes']} "
        f"episodes, {summary['steps']} steps, success {summary['success_rate']:.0%}; "
        f"numbers of observations: {widths}",
        highlight=False,
    )
