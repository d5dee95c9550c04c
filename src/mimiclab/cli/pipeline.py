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


def mosaic(args: Mosaic, only: Sequence[str] = ()) -> int:
    """Run all stages, or those named in `only`."""
    from rich.console import Console

    from mimiclab.pipelines.mosaic import mosaic_exam, mosaic_stages
    from mimiclab.pipelines.recipe import write_recipe
    from mimiclab.pipelines.results import write_results
    from mimiclab.pipelines.stage import run_stage

    console = Console(highlight=False)
    folder = (args.runs / args.name).resolve()
    stages, exam = mosaic_stages(args.settings, folder), mosaic_exam(args.settings)
    folder.mkdir(parents=True, exist_ok=True)
    write_recipe(args.settings, folder / "recipe.yaml")
    for number, name in enumerate(only or stages, 1):
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


def defaults(arguments: Sequence[str]) -> Mosaic:
    """Defaults of the stages' commands, which depend on --recipe."""
    from mimiclab.pipelines.recipe import read_recipe

    recipe = given(arguments, "--recipe") or "laptop"
    return Mosaic(recipe=recipe, settings=read_recipe(recipe))


def _stages(*only: str) -> Callable[[Mosaic], int]:
    """A command that runs these stages, or all."""
    return with_defaults(defaults)(lambda args: mosaic(args, only))


pipeline_mosaic = _stages()
train_gmt, train_adaptor, train_residual = map(_stages, ("gmt", "adaptor", "residual"))
