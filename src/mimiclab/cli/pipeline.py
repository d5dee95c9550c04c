"""`mimiclab pipeline mosaic`, and its stages as `mimiclab train gmt|adaptor|residual`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from mimiclab.cli.defaults import given, with_defaults
from mimiclab.pipelines.mosaic import MosaicRecipe

if TYPE_CHECKING:
    from mimiclab.pipelines.exam import Exam


@dataclass(kw_only=True)
class Mosaic:
    """Train a generalist, adapt it to an interface, and join both without forgetting (MOSAIC).

    Makes RUNS/NAME with one run for each stage (gmt, adaptor, residual), what each scored on the
    motions of both groups, and a page that shows gain and forgetting. Run it again to go on where
    it stopped. Exit code 130: interrupted.

    Every setting below has its default from the recipe: `laptop` runs within an hour on two CPU
    cores, `full` is MOSAIC's own on GPUs; `--recipe full --help` shows that recipe's.
    """

    recipe: str = "laptop"
    """`laptop`, `full`, or a YAML file with the settings that differ from one of them."""
    name: str = "mosaic"
    """Name of the pipeline's folder."""
    runs: Path = Path("runs")
    """Folder of runs."""
    settings: Annotated[MosaicRecipe, tyro.conf.arg(name="")] = field(default_factory=MosaicRecipe)


@dataclass(kw_only=True)
class Gmt(Mosaic):
    """Train the generalist, the first stage of `mimiclab pipeline mosaic`, and score it.

    Makes RUNS/NAME/gmt, before it the estimator of a velocity_skip network, and the page that shows
    the stages side by side. Run it again to go on. The recipe is that of the whole pipeline; this
    stage takes --gmt-motions, --task, --gmt and --estimator.
    """


@dataclass(kw_only=True)
class Adaptor(Mosaic):
    """Train the specialist of the interface, the second stage of `mimiclab pipeline mosaic`.

    Makes RUNS/NAME/adaptor, scores it, and renews the page that shows the stages side by side. The
    recipe is that of the whole pipeline; this stage takes --adaptor-motions, --task and --adaptor.
    """


@dataclass(kw_only=True)
class Residual(Mosaic):
    """Correct the generalist where the interface needs it: the last stage of the MOSAIC pipeline.

    Needs RUNS/NAME/gmt and RUNS/NAME/adaptor, makes RUNS/NAME/residual, scores it, and renews the
    page that shows the stages side by side. The recipe is that of the whole pipeline; this stage
    takes the motions of both groups, --task and --residual.
    """


def mosaic(args: Mosaic, only: Sequence[str] = ()) -> int:
    """Run all stages, or those named in `only`."""
    from rich.console import Console

    from mimiclab.pipelines.mosaic import mosaic_exam, mosaic_stages
    from mimiclab.pipelines.recipe import write_recipe
    from mimiclab.pipelines.results import write_results
    from mimiclab.pipelines.stage import require_predecessors, run_stage

    console = Console(highlight=False)
    folder = (args.runs / args.name).resolve()
    stages, exam = mosaic_stages(args.settings, folder), mosaic_exam(args.settings)
    chosen = [name for name in stages if not only or name in only]
    # What would stop a later stage is told before the first one has trained for hours.
    seconds = float(exam.library.durations_s.sum())
    console.print(f"{exam.library.num_clips} clips, {seconds:.1f} s of motion: {folder}")
    for name in chosen:
        stages[name].check(folder / name)
    require_predecessors(stages, chosen[0], folder)
    write_recipe(args.settings, folder / "recipe.yaml")
    for number, name in enumerate(chosen, 1):
        console.rule(f"[bold]{number}. {name}[/]: {stages[name].about}", align="left")
        if run_stage(stages, name, folder) != "finished":
            console.print(f"interrupted; go on with the same command: {folder}")
            return 130
        if stages[name].is_policy:
            _examine(console, folder, name, exam)
            page = write_results(folder, list(stages))
            console.print(f"stages side by side: [bold]{page}[/]")
    return 0


def _examine(console: Any, folder: Path, name: str, exam: "Exam") -> None:
    from mimiclab.cli.bars import StepBar
    from mimiclab.pipelines.exam import examine

    with StepBar("evaluating") as bar:
        report = examine(
            folder / name, exam, folder / "evaluations" / f"{name}.json", progress=bar.update
        )
    for group, summary in report["summary_by_group"].items():
        console.print(
            f"{name} on {group}: success {summary['success_rate']['mean']:.0%}, "
            f"root-relative MPJPE {summary['mpjpe_root_mm']['mean']:.1f} mm"
        )


def _stages(kind: type[Mosaic], *only: str) -> Callable[[Mosaic], int]:
    """A command that runs these stages, or all; its defaults depend on --recipe."""

    def defaults(arguments: Sequence[str]) -> Mosaic:
        from mimiclab.pipelines.recipe import read_recipe

        recipe = given(arguments, "--recipe") or "laptop"
        return kind(recipe=recipe, settings=read_recipe(recipe))

    return with_defaults(defaults)(lambda args: mosaic(args, only))


pipeline_mosaic = _stages(Mosaic)
train_gmt = _stages(Gmt, "estimator", "gmt")
train_adaptor = _stages(Adaptor, "adaptor")
train_residual = _stages(Residual, "residual")
