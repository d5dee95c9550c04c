"""`mimiclab policy codes`: how a policy with a discrete bottleneck uses its codes."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


def policy_codes(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    /,
    *,
    out: Path | None = None,
    motion: str | None = None,
    motion_folder: Path | None = None,
    checkpoint: str | None = None,
    seeds: int = 1,
    seed: int = 0,
    num_envs: int | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
) -> int:
    """Run a policy on whole clips and write which codes its reference becomes.

    Writes codes.json (codes used, coverage, perplexity, distance and cosine between the latent and
    its quantised form; in all and for each clip), codes.png and codes.npz (codes and latents of
    each step). For policies trained with --network.kind fsq or vq.

    Args:
        run: Run folder, or one of its checkpoints, or a location of one.
        out: Folder to write to; the run's folder by default.
        motion: Clips to follow instead of the run's: file, folder, set, `builtin:walk`, ...
        motion_folder: Where the files of published motion sets are.
        checkpoint: `last`, `best`, an iteration, or a path.
        seeds: Episodes of each clip, from its first frame.
        seed: First seed.
        num_envs: Environments at once; by default as many as episodes, within reason.
        engine: Physics engine.
        device: Torch device.
    """
    import json

    import numpy as np
    import torch
    from rich.console import Console

    from mimiclab.cli.bars import StepBar
    from mimiclab.cli.fetched import opened_for
    from mimiclab.evaluation.evaluate import evaluate
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.files import atomic_path, write_text
    from mimiclab.learning.networks.code_usage import code_usage
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run
    from mimiclab.motions.library.open import open_motions
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.viewing.code_plot import write_code_plot

    _, device = resolve_engine(engine, device)
    opened = load_run(opened_for(run, out), checkpoint)
    policy = load_policy(opened, device=device)
    task, library = opened.tracking, opened.library
    if motion is not None:
        library = open_motions(
            motion, robot=task.robot, fps=task.control_hz, motion_folder=motion_folder
        )
    width = sum(policy.layout["observations"]["actor"].values())
    code_usage(policy.actor, torch.zeros(1, width, device=device))  # refuses before the episodes
    seen: list[torch.Tensor] = []
    clips: list[torch.Tensor] = []

    def observe(observations: torch.Tensor, clip: torch.Tensor) -> None:
        seen.append(observations[(clip >= 0).to(observations.device)].cpu())
        clips.append(clip[clip >= 0])

    with StepBar("following the clips") as bar:
        report = evaluate(
            policy,
            task,
            library,
            Protocol(seeds=seeds, random_starts=0, seed=seed),
            expects=dict(policy.layout["observations"]["actor"]),
            num_envs=num_envs,
            engine=engine,
            device=device,
            progress=bar.update,
            observe=observe,
        )
    usage = code_usage(policy.actor.cpu(), torch.cat(seen), torch.cat(clips), library.clip_names)
    found = usage.to_dict()
    found["success_rate"] = report.summary()["success_rate"]["mean"]
    out = opened.folder if out is None else out
    write_text(out / "codes.json", json.dumps(found, indent=2))
    write_code_plot(usage, out / "codes.png")
    with atomic_path(out / "codes.npz") as path, path.open("wb") as file:
        np.savez_compressed(
            file, codes=usage.codes, z_cont=usage.z_cont, z_q=usage.z_q, clip=usage.clip,
            l2=usage.l2, cosine=usage.cosine,
        )  # fmt: skip
    Console().print(
        f"{found['kind']}: {found['used']} of {found['total']} codes used "
        f"({100 * found['coverage']:.1f} %), perplexity {found['perplexity']:.1f}, over "
        f"{found['steps']} steps of {len(found['clips'])} clips; "
        f"wrote codes.json, codes.png and codes.npz to {out}",
        highlight=False,
    )
    return 0
