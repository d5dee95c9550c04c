"""`mimiclab train tracking` and `mimiclab train resume`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.defaults import given, with_defaults
from mimiclab.cli.groups import Groups, named
from mimiclab.errors import MimiclabError
from mimiclab.learning.config import TrainCfg, train_preset
from mimiclab.learning.teachers.cfg import parse_teacher
from mimiclab.tasks.tracking import CurriculumCfg, TrackingTask

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary

Flat = tyro.conf.arg(name="")


@dataclass(kw_only=True)
class Tracking:
    """Train a policy to track motions, with PPO.

    Makes runs/NAME with checkpoints, the motions, metrics.jsonl and TensorBoard curves; Ctrl-C
    ends it cleanly. Defaults follow the preset; --help shows those of the one given:
    `mimiclab train tracking --preset gpu --help`.

    On several GPUs: torchrun --nproc-per-node 4 --no-python mimiclab train tracking ...
    """

    motion: str = "builtin:squat"
    """What to track: builtin:NAME, a file, folder, glob, motion set or packed library; several
    with commas."""
    group: Groups = ()
    """A motion group instead; may be given several times. --sampler.group-ratios gives them shares
    of the starts."""
    teacher: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="[GROUP=]PATH[@student]")
    ] = ()
    """A policy that shows the student what to do: a run, checkpoint or ONNX file, or a location of
    one; may be repeated, each with a motion group of its own. It sees the clean observations of its
    own task or, with @student, what the student sees. --imitation.mode says how to learn from
    it."""
    preset: Literal["auto", "cpu", "gpu"] = "auto"
    """Defaults for everything below: gpu is BeyondMimic's, cpu learns a clip on few cores; auto
    takes gpu where there is an NVIDIA device."""
    name: str | None = None
    """Name of the run; by default time and motion."""
    runs: Path = Path("runs")
    """Folder of runs."""
    motion_folder: Path | None = None
    """Where the files of published motion sets are."""
    mirror_motions: bool = False
    """Train on the mirror image of every clip too."""
    task: Annotated[TrackingTask, Flat] = field(default_factory=TrackingTask)
    train: Annotated[TrainCfg, Flat] = field(default_factory=TrainCfg)


def defaults(arguments: Sequence[str]) -> Tracking:
    """Defaults of `mimiclab train tracking`, which depend on --preset and --control-hz."""
    preset = given(arguments, "--preset")
    if preset not in ("cpu", "gpu"):
        preset = preset_of_machine(given(arguments, "--device"))
    cfg = train_preset(preset)
    rate = given(arguments, "--control-hz")
    if rate and rate.isdigit():
        # Keep rollouts, discount and lambda the same in seconds; they are stated at 50 Hz.
        ratio = max(1, int(rate)) / 50.0
        cfg.ppo.steps_per_env = max(1, round(cfg.ppo.steps_per_env * ratio))
        cfg.ppo.discount **= 1.0 / ratio
        cfg.ppo.gae_lambda **= 1.0 / ratio
    return Tracking(task=cpu_task() if preset == "cpu" else TrackingTask(), train=cfg)


@with_defaults(defaults)
def tracking(args: Tracking) -> int:
    """Train a new run from parsed arguments."""
    from mimiclab.learning import distributed
    from mimiclab.learning.train import train

    library = open_library(args)
    # The processes of a group start at different seconds: the first one names the run.
    distributed.start(distributed.pick_device(args.train.device))
    name = distributed.from_main(args.name or run_name("-".join(named(args.group)) or args.motion))
    result = train(args.task, library, with_teachers(args.train, args.teacher), args.runs / name)
    distributed.stop()
    return 130 if result.reason == "interrupted" else 0


def with_teachers(cfg: TrainCfg, teachers: Sequence[str]) -> TrainCfg:
    """Settings with the teachers that the arguments name, as [GROUP=]PATH[@student]."""
    if not teachers:
        return cfg
    given = tuple(parse_teacher(text) for text in teachers)
    return replace(cfg, imitation=replace(cfg.imitation, teachers=given))


def open_library(args: Tracking) -> "MotionLibrary":
    """The clips that the arguments name."""
    from mimiclab.motions.library.open import open_groups, open_motions

    how = {
        "robot": args.task.robot,
        "fps": args.task.control_hz,
        "motion_folder": args.motion_folder,
        "mirror": args.mirror_motions,
    }
    if not args.group:
        return open_motions(args.motion, **how)
    if args.motion != Tracking.motion:
        raise MimiclabError(
            f"both --motion {args.motion} and --group were given; name all motions in groups"
        )
    return open_groups(named(args.group), **how)


def cpu_task() -> TrackingTask:
    """Task settings that make few samples go far; docs/training.md tells what they bring.

    A policy for a robot needs the randomisation that this leaves out.
    """
    return TrackingTask(
        residual_action=True, randomisation=False, curriculum=CurriculumCfg(enabled=True)
    )


def preset_of_machine(device: str | None) -> Literal["cpu", "gpu"]:
    """The preset for a device, or for this machine where none is named."""
    # Asking torch would cost seconds, which --help must not.
    if device:
        return "gpu" if device.startswith("cuda") else "cpu"
    return "gpu" if any(Path(p).exists() for p in ("/dev/nvidia0", "/dev/dxg")) else "cpu"


def run_name(what: str) -> str:
    """A name for a run that was given none: the time, and what is learnt."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", what.removeprefix("builtin:").rsplit("/", 1)[-1])
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{slug.strip('-')[:40]}"


@dataclass(kw_only=True)
class Resume:
    """Go on with a run from its last checkpoint, with its own settings and motions."""

    run: Annotated[Path, tyro.conf.Positional]
    """Run folder, or one of its checkpoints to go on from there. Or a location of one, which is
    copied to RUNS/NAME first."""
    runs: Path = Path("runs")
    """Folder of runs, for the copy of a run from elsewhere."""
    iterations: int | None = None
    """New limit on updates, counted from the start of the run."""
    minutes: float | None = None
    """New limit on training time, counted from the start of the run."""
    progress: Literal["auto", "live", "lines", "none"] = "auto"
    """Live table, plain lines or nothing."""


def resume(args: Annotated[Resume, tyro.conf.arg(name="")]) -> int:
    """Go on with a run from its last checkpoint, with its own settings and motions."""
    from mimiclab.learning import distributed
    from mimiclab.learning.adopt import adopt_run
    from mimiclab.learning.run import load_run
    from mimiclab.learning.train import resume as go_on
    from mimiclab.locations import is_location

    run = args.run
    if is_location(run) or run.suffix == ".zip":  # one process makes the copy, for all
        place = distributed.start(distributed.pick_device(load_run(run).train.device))
        run = Path(distributed.from_main(str(adopt_run(run, args.runs)) if place.is_main else ""))
    result = go_on(run, iterations=args.iterations, minutes=args.minutes, progress=args.progress)
    distributed.stop()
    return 130 if result.reason == "interrupted" else 0
