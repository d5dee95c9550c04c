"""`mimiclab train velocity`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mimiclab.cli.defaults import given, with_defaults
from mimiclab.cli.train import preset_of_machine, run_name
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.velocity import velocity_train
from mimiclab.tasks.velocity import VelocityTask, cpu_velocity_task

Flat = tyro.conf.arg(name="")


@dataclass(kw_only=True)
class Velocity:
    """Train a policy to walk at commanded velocities, with PPO or FastSAC.

    Makes runs/NAME with checkpoints, metrics.jsonl and TensorBoard curves; Ctrl-C ends it cleanly.
    Defaults follow --preset and --algorithm; --help shows those of the ones given:
    `mimiclab train velocity --preset gpu --algorithm fastsac --help`.
    """

    preset: Literal["auto", "cpu", "gpu"] = "auto"
    """Defaults for everything below: gpu is Holosoma's, cpu learns to walk on few cores; auto
    takes gpu where there is an NVIDIA device."""
    name: str | None = None
    """Name of the run; by default time and robot."""
    runs: Path = Path("runs")
    """Folder of runs."""
    task: Annotated[VelocityTask, Flat] = field(default_factory=VelocityTask)
    train: Annotated[TrainCfg, Flat] = field(default_factory=TrainCfg)


def defaults(arguments: Sequence[str]) -> Velocity:
    """Defaults of `mimiclab train velocity`, which depend on --preset and --algorithm."""
    preset = given(arguments, "--preset")
    if preset not in ("cpu", "gpu"):
        preset = preset_of_machine(given(arguments, "--device"))
    algorithm = "fastsac" if given(arguments, "--algorithm") == "fastsac" else "ppo"
    robot = given(arguments, "--robot")
    make = VelocityTask if preset == "gpu" else cpu_velocity_task
    task = make(robot=robot) if robot else make()
    return Velocity(
        task=task.for_fastsac() if algorithm == "fastsac" else task,
        train=velocity_train(algorithm, preset),
    )


@with_defaults(defaults)
def velocity(args: Velocity) -> int:
    """Train a new run from parsed arguments."""
    from mimiclab.learning import distributed
    from mimiclab.learning.train import train

    # The processes of a group start at different seconds: the first one names the run.
    distributed.start(distributed.pick_device(args.train.device))
    name = distributed.from_main(args.name or run_name(f"velocity-{args.task.robot}"))
    result = train(args.task, None, args.train, args.runs / name)
    distributed.stop()
    return 130 if result.reason == "interrupted" else 0
