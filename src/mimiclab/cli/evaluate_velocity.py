"""`mimiclab evaluate velocity`: score a policy that walks on command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.evaluation.walk_report import WalkReport


def evaluate_velocity(
    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY")],
    /,
    *,
    checkpoint: str | None = None,
    grid: tuple[int, int, int] = (5, 3, 3),
    episodes: int = 2,
    seconds: float = 20.0,
    seed: int = 0,
    initial_noise: float = 0.1,
    observation_noise: bool = False,
    randomisation: bool = False,
    own_ground: bool = False,
    require_survival: float = 0.0,
    require_error: float | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    picture: Path | None = None,
) -> int:
    """Score a policy that walks on command, on a grid of commands.

    The policy is deterministic; the ground is level, and noise, pushes and randomisation are off
    unless asked for. Exit code 0: it ran; 1: it does not reach what is required; 2: could not run.

    Args:
        policy: Run folder, checkpoint or ONNX file.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        grid: Values of forward, sideways and turning velocity, spread over the ranges that the
            policy was trained on.
        episodes: Episodes of each command.
        seconds: Length of an episode, s.
        seed: Of initial states, noise and randomisation.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        observation_noise: Add the training noise to observations.
        randomisation: Randomise, delay and push the robot as in training.
        own_ground: Walk on the ground of the training.
        require_survival: Share of episodes without a fall, 0 to 1, needed for exit code 0.
        require_error: Largest mean error of the walking velocity, m/s, for exit code 0.
        engine: Physics engine.
        device: Torch device.
        json_path: Write the report as JSON.
        picture: Draw commanded and achieved velocities.
    """
    from mimiclab.cli.bars import StepBar
    from mimiclab.evaluation.candidates import open_walker
    from mimiclab.evaluation.walking import WalkProtocol, evaluate_walking
    from mimiclab.simulation.env import resolve_engine

    protocol = WalkProtocol(
        grid=grid,
        episodes=episodes,
        seconds=seconds,
        seed=seed,
        initial_noise=initial_noise,
        observation_noise=observation_noise,
        randomisation=randomisation,
        own_ground=own_ground,
    )
    _, device = resolve_engine(engine, device)
    walker = open_walker(policy, checkpoint=checkpoint, device=device)
    with StepBar("walking") as bar:
        report = evaluate_walking(
            walker.policy,
            walker.task,
            protocol,
            label=walker.label,
            expects=walker.expects,
            engine=engine,
            device=device,
            progress=bar.update,
        )
    _print(report, policy)
    if json_path is not None:
        report.save(json_path)
    if picture is not None:
        from mimiclab.viewing.command_plot import write_command_plot

        write_command_plot(report.rows(), picture)
    found = {name: value["mean"] for name, value in report.summary().items()}
    error = found.get("lin_vel_error", float("inf"))
    fast_enough = require_error is None or error <= require_error
    return 0 if found["survived"] >= require_survival and fast_enough else 1


def _print(report: "WalkReport", name: str) -> None:
    """The table of commands, and the summary."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from mimiclab.evaluation.walk_report import METRICS

    console = Console()
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"{name} on command",
        caption="forward and left in m/s, turn in rad/s; achieved: mean after the first third",
    )
    for heading in ("forward", "left", "turn", "survived", "achieved", "error", "turn error"):
        table.add_column(heading, justify="right")
    for row in report.rows():
        achieved = row["achieved"]
        table.add_row(
            *(f"{value:+.2f}" for value in row["command"]),
            f"{row['survived']:.0%}",
            " ".join(f"{value:+.2f}" for value in achieved) if achieved else "-",
            *(f"{row.get(key, float('nan')):.3f}" for key in ("lin_vel_error", "ang_vel_error")),
        )
    console.print(table)
    for key, found in report.summary().items():
        interval = found["ci95"]
        spread = f"[{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
        text = f"{key:<20}{found['mean']:>9.4g} {METRICS.get(key, ''):<8}{spread}"
        console.print(text, highlight=False, markup=False)
