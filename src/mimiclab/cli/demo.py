"""`mimiclab demo`: the whole job on one small motion."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from mimiclab.motions.library import MotionLibrary

_EPISODES = 20


def demo(
    *,
    motion: str = "builtin:squat",
    minutes: float = 5.0,
    out: Path = Path("runs/demo"),
    seed: int = 1,
) -> int:
    """Motion, check, training, evaluation, export, run in plain MuJoCo, video and report.

    Leaves a complete run folder; needs no GPU and no graphics driver.

    Args:
        motion: What to track; the shipped policy joins the comparison on the default motion.
        minutes: Training time.
        out: Run folder to make; if there is one already, the next free name, as in runs/demo-2.
        seed: Seed of the training.
    """
    from dataclasses import replace

    from rich.console import Console

    from mimiclab.cli.train import cpu_task
    from mimiclab.deployment.export import export_run
    from mimiclab.learning.config import cpu_preset
    from mimiclab.learning.train import train
    from mimiclab.motions.check import check_clip
    from mimiclab.motions.formats import write_motion
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.sources import load_motions
    from mimiclab.viewing.report import write_run_report

    console = Console(highlight=False)
    out = _free_folder(out)
    task, settings = cpu_task(), replace(cpu_preset(), minutes=minutes, seed=seed)

    _step(console, 1, f"the motion {motion}")
    clips = load_motions(motion, robot=task.robot)
    for clip in clips:
        found = [f"{f.severity}: {f.message}" for f in check_clip(clip).findings]
        console.print(
            f"{clip.name}: {clip.duration_s:.1f} s at {clip.fps:g} fps, "
            + ("; ".join(found) or "no findings")
        )
    library = MotionLibrary.from_clips(clips, robot=task.robot, fps=task.control_hz)

    _step(console, 2, f"training for {minutes:g} minutes on this machine's CPU cores")
    train(task, library, settings, out)
    write_motion(clips[0], out / "motion.npz")

    _step(console, 3, "evaluation on whole clips: untrained, trained and shipped policy")
    results = _evaluate_all(console, out, library)

    _step(console, 4, "export to ONNX, normaliser and contract inside")
    policy = export_run(out, out / "policy.onnx")
    console.print(f"wrote {policy} ({policy.stat().st_size / 1e6:.1f} MB), equal to torch")

    _step(console, 5, f"{_EPISODES} episodes in plain MuJoCo, without torch, and a video")
    _sim2sim(policy, out)

    _step(console, 6, "the report")
    page = write_run_report(out, evaluations=results)
    console.print(f"\nopen [bold]{page}[/], or see it move: mimiclab play {policy}")
    return 0


def shipped_policy() -> Path:
    """The policy that the package brings for the demo's motion."""
    return Path(__file__).parents[1] / "assets" / "policies" / "unitree_g1_squat.onnx"


def _step(console: "Console", number: int, text: str) -> None:
    console.rule(f"[bold]{number}. {text}", align="left")


def _free_folder(out: Path) -> Path:
    """`out`, or with the first number that makes it a new folder: nothing is ever replaced."""
    number = 1
    folder = out
    while folder.exists():
        number += 1
        folder = out.with_name(f"{out.name}-{number}")
    return folder


def _evaluate_all(console: "Console", run: Path, library: "MotionLibrary") -> dict:
    from rich.table import Table

    from mimiclab.evaluation.candidates import onnx_candidate, run_candidate
    from mimiclab.evaluation.evaluate import evaluate
    from mimiclab.evaluation.protocol import Protocol

    candidates = {
        "untrained": run_candidate(run, untrained=True),
        "trained": run_candidate(run, checkpoint="last"),
    }
    if shipped_policy().is_file():
        shipped = onnx_candidate(shipped_policy())
        if shipped.library is not None and shipped.library.clip_names == library.clip_names:
            candidates["shipped"] = shipped
    protocol = Protocol(seeds=_EPISODES, random_starts=_EPISODES)
    table = Table("policy", "success", "clip completed", "MPJPE", "root-relative")
    results = {}
    for name, candidate in candidates.items():
        report = evaluate(
            candidate.policy,
            candidate.task,
            library,
            protocol,
            label=candidate.label,
            expects=candidate.expects,
            engine="native",
        )
        report.save(run / ("evaluation.json" if name == "trained" else f"evaluation_{name}.json"))
        results[name] = report.to_dict()
        mean = {key: value["mean"] for key, value in report.summary().items()}
        table.add_row(
            name,
            f"{mean['success_rate']:.0%}",
            f"{mean['completion']:.0%}",
            f"{mean['mpjpe_global_mm']:.0f} mm",
            f"{mean['mpjpe_root_mm']:.0f} mm",
        )
    console.print(table)
    return results


def _sim2sim(policy: Path, out: Path) -> None:
    """Run the exported file as a robot's computer would: in a process of its own."""
    from mimiclab.errors import MimiclabError

    command = [
        sys.executable, "-m", "mimiclab.cli.main", "sim2sim", str(policy),
        "--episodes", str(_EPISODES), "--json", str(out / "sim2sim.json"),
        "--video", str(out / "video.mp4"),
    ]  # fmt: skip
    if subprocess.run(command).returncode != 0:
        raise MimiclabError(f"sim2sim failed; see it alone with: {' '.join(command[2:])}")
