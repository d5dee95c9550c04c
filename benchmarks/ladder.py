"""What each stage of the tracking ladder costs beside the plain task, in one run.

python benchmarks/ladder.py    about five minutes on 2 cores

Every variant trains a few updates with the same number of environments, network widths and
gradient steps; rounds take turns, so that a busy moment hits all alike. A step is one control step
of one environment, learning included.
"""

import json
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from run import RESULTS, machine

from mimiclab.learning.algorithms.cfg import ImitationCfg, WarmStartCfg
from mimiclab.learning.config import TrainCfg, cpu_preset
from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.train import train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.open import open_motions
from mimiclab.pipelines.mosaic import laptop_recipe
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.mosaic import mosaic_task

ROUNDS, UPDATES, SKIPPED = 3, 8, 2
MOTIONS = "builtin:squat,builtin:walk"


@dataclass(frozen=True)
class Variant:
    """A task and how it is learnt."""

    task: TrackingTask
    train: TrainCfg


def variants(teacher: Path) -> dict[str, Variant]:
    """Name to variant; `teacher` is a run of the plain task."""
    task = TrackingTask()
    plain = replace(cpu_preset(), iterations=UPDATES, logger="none", progress="none")
    teachers = (TeacherCfg(path=str(teacher)),)
    residual = ResidualCfg(base=str(teacher), hidden=plain.ppo.hidden)
    return {
        "plain task, PPO": Variant(task, plain),
        "plain task through an interface": Variant(
            replace(task, interface=laptop_recipe().task.interface), plain
        ),
        "MOSAIC task, PPO": Variant(mosaic_task(), plain),
        "PPO and a teacher": Variant(
            task, replace(plain, imitation=ImitationCfg(mode="hybrid", teachers=teachers))
        ),
        "distillation": Variant(
            task, replace(plain, imitation=ImitationCfg(mode="distil", teachers=teachers))
        ),
        "warm start": Variant(task, replace(plain, warm_start=WarmStartCfg(path=str(teacher)))),
        "residual, PPO": Variant(task, replace(plain, residual=residual)),
        "residual, distillation": Variant(
            task,
            replace(
                plain,
                residual=residual,
                imitation=ImitationCfg(mode="distil", teachers=teachers),
            ),
        ),
    }


def seconds_per_step(variant: Variant, library: MotionLibrary, folder: Path) -> float:
    """Median over updates of seconds for each environment step."""
    train(variant.task, library, variant.train, folder)
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(1.0 / line["steps_per_s"] for line in log[SKIPPED:])


def main() -> None:
    """Measure, print and store."""
    library = open_motions(MOTIONS, robot="unitree_g1", fps=50)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        first = replace(cpu_preset(), iterations=2, logger="none", progress="none")
        train(TrackingTask(), library, first, folder / "teacher")
        found: dict[str, list[float]] = {}
        for number in range(ROUNDS):
            for name, variant in variants(folder / "teacher").items():
                run = folder / f"{number}-{name}"
                found.setdefault(name, []).append(seconds_per_step(variant, library, run))
    plain = statistics.median(found["plain task, PPO"])
    lines = [
        "# command: python benchmarks/ladder.py",
        machine(),
        "",
        f"{'variant':34}{'steps/s':>10}{'time of a step, plain = 1':>28}",
    ]
    for name, values in found.items():
        middle = statistics.median(values)
        lines.append(f"{name:34}{1 / middle:10,.0f}{middle / plain:28.2f}")
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / "ladder.txt").write_text(text)


if __name__ == "__main__":
    main()
