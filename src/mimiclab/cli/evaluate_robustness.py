"""`mimiclab evaluate robustness`: what pushes, payload, floor and motors cost policies."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from mimiclab.cli.bars import StepBar
from mimiclab.cli.evaluate_teleop import policy_names
from mimiclab.cli.groups import Groups
from mimiclab.cli.policy_clips import clips_to_score
from mimiclab.evaluation.robustness_cfg import RobustnessSuite

_SUITE = RobustnessSuite()


def evaluate_robustness(
    policies: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME=]POLICY...")
    ],
    /,
    *,
    motion: str | None = None,
    group: Groups = (),
    motion_folder: Path | None = None,
    robot: str = "unitree_g1",
    residual_action: bool = False,
    seeds: int = 5,
    random_starts: int = 5,
    seed: int = 0,
    initial_noise: float = 0.1,
    rule: Literal["limits", "mosaic"] = "limits",
    suite: Annotated[RobustnessSuite, tyro.conf.arg(name="")] = _SUITE,
    simulator: Literal["auto", "native", "warp", "mujoco", "physx"] = "auto",
    ignore_unsupported: bool = False,
    num_envs: int | None = None,
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    html: Path | None = None,
    png: Path | None = None,
) -> int:
    """Score policies under growing pushes, payload, slip, delay and weakness of the motors.

    Every value of every sweep is an evaluation of its own, with the same clips, starts and seeds.
    Pushes come at the same times from the same directions at every strength.

    Args:
        policies: Run folders, checkpoints, ONNX files, or the word `zero`; a name before `=` is
            what tables call it.
        motion: Clips to score instead of those that came with each policy.
        group: Motion group to score, as NAME=MOTIONS, instead of --motion; may be given several
            times.
        motion_folder: Where the files of published motion sets are.
        robot: Robot of the `zero` policy.
        residual_action: For the `zero` policy: track the reference joints by PD control.
        seeds: Episodes of each clip from its first frame, for each value.
        random_starts: Episodes of each clip from random times, for each value.
        seed: First seed.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        rule: What is a failure, as of `mimiclab evaluate`.
        suite: What is swept.
        simulator: Where; native and warp run all episodes of a point at once.
        ignore_unsupported: Leave out and list what a robot cannot have, instead of refusing.
        num_envs: Robots at once; by default as many as episodes, within reason.
        device: Torch device.
        json_path: Write all numbers as JSON.
        html: Write a page with a curve for each policy.
        png: Write the curves as a picture.
    """
    from mimiclab.cli.sweep_table import print_sweeps
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.evaluation.robustness import run_robustness
    from mimiclab.locations import local_path
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.tasks.tracking import TrackingTask

    protocol = Protocol(
        seeds=seeds, random_starts=random_starts, seed=seed, initial_noise=initial_noise, rule=rule
    )
    suite.points()  # refuses wrong values before anything is opened
    deployed = simulator in ("mujoco", "physx")
    device = "cpu" if deployed else resolve_engine(simulator, device)[1]
    task = TrackingTask(robot=robot, residual_action=residual_action)
    candidates = {
        name: open_candidate(local_path(path), task=task, device=device)
        for name, path in policy_names(policies).items()
    }
    libraries = {
        name: clips_to_score(candidate, motion, motion_folder, group)
        for name, candidate in candidates.items()
    }
    with StepBar("evaluating all points") as bar:
        result = run_robustness(
            candidates, libraries, suite, protocol, simulator=simulator,
            ignore_unsupported=ignore_unsupported, num_envs=num_envs, device=device,
            progress=bar.update,
        )  # fmt: skip
    print_sweeps(result, _COLUMNS)
    if json_path is not None:
        result.save(json_path)
    if html is not None or png is not None:
        from mimiclab.viewing.sweep_looks import ROBUSTNESS
        from mimiclab.viewing.sweep_page import write_sweep_html, write_sweep_png

        if html is not None:
            write_sweep_html(result, html, ROBUSTNESS, title="Robustness")
        if png is not None:
            write_sweep_png(result, png, ROBUSTNESS)
    return 0


_COLUMNS = (
    ("steps", "steps", ".0f"),
    ("mpjpe_global_mm", "MPJPE", ".1f"),
    ("mpjpe_root_mm", "root", ".1f"),
    ("velocity_error", "speed", ".3f"),
    ("joint_position_error", "joints", ".3f"),
)
