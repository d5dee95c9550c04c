"""`mimiclab train estimator`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from mimiclab.cli.defaults import given, with_defaults
from mimiclab.learning.estimator.cfg import EstimatorCfg, estimator_preset
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

if TYPE_CHECKING:
    from mimiclab.learning.estimator.train import EstimatorResult

Preset = Literal["mlp", "mlp-large", "residual", "transformer", "transformer-large"]


@dataclass(kw_only=True)
class Estimator:
    """Train an estimator of the reference's velocity from its joints and its tilt.

    A policy without state estimation does not see how fast its reference moves; this tells it
    (MOSAIC). Makes a folder with estimator.safetensors, estimator.onnx, metrics.jsonl, report.json
    and curve.png. Defaults follow --model and --scale; --help shows those of the ones given:
    `mimiclab train estimator --model residual --help`.
    """

    motion: str
    """What to learn from: builtin:NAME, a file, folder, glob, motion set or packed library; several
    with commas."""
    out: Path
    """Folder to write."""
    model: Preset = "mlp"
    """Network and training, by the names of MOSAIC's presets."""
    scale: Literal["laptop", "full"] = "laptop"
    """laptop: a tenth of the epochs, small batches, 10 minutes at most. full: MOSAIC's values."""
    robot: str = "unitree_g1"
    """Robot of the motions."""
    control_hz: int = 50
    """Rate of the policies that will use it, Hz."""
    motion_folder: Path | None = None
    """Where the files of published motion sets are."""
    mirror_motions: bool = False
    """Learn the mirror image of every clip too."""
    device: str = "cpu"
    """Torch device."""
    settings: Annotated[EstimatorCfg, tyro.conf.arg(name="")] = field(default_factory=EstimatorCfg)
    """Network and training."""
    test_interface: InterfaceCfg = field(default_factory=InterfaceCfg)
    """Measure behind this interface too."""


def defaults(arguments: Sequence[str]) -> Any:
    """Defaults of `mimiclab train estimator`, which depend on --model and --scale."""
    settings = estimator_preset(
        given(arguments, "--model") or "mlp", laptop=given(arguments, "--scale") != "full"
    )
    return Estimator(motion=tyro.MISSING, out=tyro.MISSING, settings=settings)


@with_defaults(defaults)
def estimator(args: Estimator) -> int:
    """Train an estimator from parsed arguments."""
    from mimiclab.cli.bars import EpochBar
    from mimiclab.deployment.estimator import export_estimator
    from mimiclab.errors import OutputError
    from mimiclab.learning.estimator.files import FILE
    from mimiclab.learning.estimator.train import train_estimator
    from mimiclab.motions.library.open import open_motions
    from mimiclab.viewing.estimator_curve import write_estimator_curve

    if (args.out / FILE).exists():
        raise OutputError(f"{args.out} holds an estimator already; choose another --out")
    library = open_motions(
        args.motion,
        robot=args.robot,
        fps=args.control_hz,
        motion_folder=args.motion_folder,
        mirror=args.mirror_motions,
    )
    with EpochBar() as bar:
        result = train_estimator(
            args.settings,
            library,
            fps=args.control_hz,
            folder=args.out,
            device=args.device,
            test_interface=args.test_interface,
            progress=bar.update,
        )
    export_estimator(result.model, args.out / "estimator.onnx")
    write_estimator_curve(result.lines, result.report, args.out / "curve.png")
    _print(result, args.out)
    return 0


def _print(result: "EstimatorResult", out: Path) -> None:
    """Errors on clips that were kept from training, beside those of simple guesses."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    report = result.report
    kept, names = report["clips"]["kept"], {"clean": "clean", "training": "trained interface"}
    table = Table(
        box=SIMPLE_HEAD,
        title="mean absolute error of the reference velocity, m/s",
        caption=f"on {len(kept)} clips kept from training"
        if kept
        else "on the training clips: none was kept for validation",
    )
    table.add_column("reference")
    guesses = list(report["errors"]["clean"]["kept"])
    for name in guesses:
        table.add_column(name, justify="right")
    for test, parts in report["errors"].items():
        errors = [f"{parts['kept'][name]['overall']['mae']:.4f}" for name in guesses]
        table.add_row(names.get(test, "test interface"), *errors)
    console = Console()
    console.print(table)
    console.print(
        f"best of {report['epochs']} epochs: {report['best_epoch']}, {report['time_s']:.0f} s; "
        f"wrote {out}",
        highlight=False,
    )
