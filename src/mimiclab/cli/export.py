"""`mimiclab export`: a run's policy as one ONNX file."""

from pathlib import Path
from typing import Annotated

import tyro


def export(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    /,
    *,
    out: Path | None = None,
    checkpoint: str | None = None,
    clips: tuple[str, ...] = (),
    policy_only: bool = False,
    adapter: str = "auto",
) -> int:
    """Write a policy as ONNX with its contract: normaliser and motion inside, proven against torch.

    The file is all that `mimiclab sim2sim`, `mimiclab play` and robots need. It appears only if
    onnxruntime and torch agree within 1e-5.

    Args:
        run: Run folder, or one of its checkpoints; or an ONNX policy of MOSAIC, BeyondMimic, mjlab
            or Holosoma, which is written in our conventions. Or a location: https://...,
            wandb://..., file://...
        out: File to write; RUN/policy.onnx by default.
        checkpoint: `last`, `best`, an iteration, or a path.
        clips: Clips to put into the file, by name; all by default.
        policy_only: Put no clip into the file; runners are then given a motion.
        adapter: Layout of an ONNX policy of another project; see `mimiclab evaluate --help`.
    """
    from rich.console import Console

    from mimiclab.cli.fetched import opened_for
    from mimiclab.deployment.export import export_run
    from mimiclab.deployment.policy import OnnxPolicy

    run = opened_for(run, out)
    if run.suffix == ".onnx":
        path = _convert(run, out, adapter, other=bool(checkpoint or clips))
    else:
        path = export_run(
            run, out, checkpoint=checkpoint, clips=clips or None, policy_only=policy_only
        )
    contract = OnnxPolicy(path).contract
    console = Console()
    seconds = sum(clip.frames / clip.fps for clip in contract.clips)
    console.print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)", highlight=False)
    console.print(
        f"robot {contract.robot}, {contract.observation_size} observations, "
        f"{len(contract.joint_names)} actions at {1 / contract.physics.control_dt_s:g} Hz, "
        f"{len(contract.clips)} clips ({seconds:.1f} s), iteration {contract.provenance.iteration}",
        highlight=False,
    )
    return 0


def _convert(policy: Path, out: Path | None, adapter: str, *, other: bool) -> Path:
    from mimiclab.deployment.foreign import export_foreign
    from mimiclab.errors import MimiclabError

    if out is None or other:
        raise MimiclabError(
            f"{policy} is a policy file: it has no checkpoints and no clips to choose from; give "
            "the file to write with --out"
        )
    path, remarks = export_foreign(policy, out, adapter=adapter)
    for remark in remarks:
        print(f"note: {remark}")
    return path
