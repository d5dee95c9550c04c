"""`mimiclab evaluate`: score a policy on whole clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.groups import Groups
from mimiclab.cli.policy_clips import clips_to_score
from mimiclab.deployment.physx_cfg import PhysxCfg
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

if TYPE_CHECKING:
    from mimiclab.evaluation.simulators import SimulatorComparison

_PERFECT, _PHYSX = InterfaceCfg(), PhysxCfg()


def evaluate(
    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY")],
    /,
    *,
    motion: str | None = None,
    group: Groups = (),
    motion_folder: Path | None = None,
    checkpoint: str | None = None,
    adapter: str = "auto",
    untrained: bool = False,
    robot: str = "unitree_g1",
    residual_action: bool = False,
    seeds: int = 5,
    random_starts: int = 5,
    seed: int = 0,
    initial_noise: float = 0.1,
    observation_noise: bool = False,
    pushes: bool = False,
    randomisation: bool = False,
    rule: Literal["limits", "mosaic"] = "limits",
    terminate: bool = True,
    own_interface: bool = False,
    interface: InterfaceCfg = _PERFECT,
    interface_groups: tuple[str, ...] = (),
    metrics: Literal["ours", "mosaic"] = "ours",
    require_success: float = 0.0,
    simulator: Annotated[
        tuple[Literal["auto", "native", "warp", "mujoco", "physx"], ...],
        tyro.conf.arg(aliases=("--engine",)),
    ] = ("auto",),
    ignore_unsupported: bool = False,
    physx: PhysxCfg = _PHYSX,
    num_envs: int | None = None,
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    csv: Path | None = None,
    html: Path | None = None,
) -> int:
    """Score a policy on whole clips, from their first frames and from random times.

    The policy is deterministic; noise, pushes and randomisation are off unless asked for. Success:
    the episode reaches the last frame of the clip without crossing a termination limit. Exit code
    0: it ran; 1: the success rate is below the required one; 2: could not run.
    With several simulators the same episodes are run in each, and the table tells the gaps.
    `mimiclab evaluate teleop` sweeps delay, dropout and noise of an interface, and
    `mimiclab evaluate robustness` pushes, payload, friction, delay and strength of the motors.

    Args:
        policy: Run folder, checkpoint, ONNX file, or a location of one (https://..., wandb://...),
            or the word `zero` for no action at all.
        motion: Clips to score instead of those that came with the policy: file, folder, set,
            `builtin:walk`, ...; several with commas.
        group: Motion group to score, as NAME=MOTIONS, instead of --motion; may be given several
            times. Results are told for each group.
        motion_folder: Where the files of published motion sets are.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        adapter: Layout of an ONNX file of another project: auto, mosaic, beyondmimic, mjlab,
            holosoma, holosoma-ppo, holosoma-fastsac, or a JSON file that describes it.
        untrained: Fresh weights instead of the run's: what learning is compared with.
        robot: Robot of the `zero` policy.
        residual_action: For the `zero` policy: track the reference joints by PD control, instead
            of holding the default pose.
        seeds: Episodes of each clip from its first frame.
        random_starts: Episodes of each clip from random times.
        seed: First seed.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        observation_noise: Add the training noise to observations.
        pushes: Shove the robot as in training.
        randomisation: Randomise the robot as in training.
        rule: What is a failure: crossing a termination limit of the task, or MOSAIC's rule, a base
            that rolls or pitches by more than 1.2 rad.
        terminate: Apply the rule; without it every episode reaches the clip's end.
        own_interface: Show the policy the reference through the interface it was trained with.
        interface: A teleoperation interface between the reference and the policy.
        interface_groups: Motion groups that come through it; all by default.
        metrics: Columns of the table: ours or MOSAIC's. Files have both.
        require_success: Success rate, 0 to 1, needed for exit code 0, in every simulator.
        simulator: One or several. native and warp: training's environments, batched; mujoco and
            physx: deployment's loop around the policy's contract, in plain MuJoCo and in PhysX 5.
        ignore_unsupported: Switch off and list what a simulator lacks, instead of refusing.
        physx: Settings of PhysX.
        num_envs: Environments at once; by default as many as episodes, within reason.
        device: Torch device.
        json_path: Write the report as JSON.
        csv: Write one line for each clip and kind of start; for one simulator.
        html: Write the report as a page.
    """
    from mimiclab.cli.bars import StepBar
    from mimiclab.cli.evaluation_table import print_report
    from mimiclab.errors import MimiclabError
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.evaluation.simulators import compare_simulators
    from mimiclab.locations import local_path
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.tasks.tracking import TrackingTask

    if csv is not None and len(simulator) > 1:
        raise MimiclabError("--csv holds one simulator; name one, or take --json")
    protocol = Protocol(
        seeds=seeds,
        random_starts=random_starts,
        seed=seed,
        initial_noise=initial_noise,
        observation_noise=observation_noise,
        pushes=pushes,
        randomisation=randomisation,
        rule=rule,
        terminate=terminate,
        interface="own" if own_interface else "off",
        interface_values=interface,
        interface_groups=interface_groups,
    )
    batched = [name for name in simulator if name not in ("mujoco", "physx")]
    device = resolve_engine(batched[0], device)[1] if batched else "cpu"
    candidate = open_candidate(
        local_path(policy),
        checkpoint=checkpoint,
        untrained=untrained,
        task=TrackingTask(robot=robot, residual_action=residual_action),
        adapter=adapter,
        device=device,
    )
    for remark in candidate.remarks:
        print(f"note: {remark}")
    library = clips_to_score(candidate, motion, motion_folder, group)
    with StepBar("evaluating") as bar:
        result = compare_simulators(
            simulator, candidate, library, protocol,
            ignore_unsupported=ignore_unsupported, num_envs=num_envs, device=device, physx=physx,
            progress=bar.update,
        )  # fmt: skip
    for note in result.notes:
        print(f"note: {note}")
    first, several = next(iter(result.reports.values())), len(simulator) > 1
    if several:
        from mimiclab.cli.simulator_table import print_simulators

        print_simulators(result, policy)
    else:
        print_report(first, policy, metrics)
    if json_path is not None:
        (result if several else first).save(json_path)
    if csv is not None:
        first.save_csv(csv)
    if html is not None:
        _write_html(html, result, policy)
    worst = min(report.summary()["success_rate"]["mean"] for report in result.reports.values())
    return 0 if worst >= require_success else 1


def _write_html(path: Path, result: "SimulatorComparison", policy: str) -> None:
    if len(result.reports) > 1:
        from mimiclab.viewing.simulator_page import write_simulators_html

        write_simulators_html(result, path, title=f"{policy} in several simulators")
        return
    from mimiclab.viewing.report import write_evaluation_html

    (report,) = result.reports.values()
    write_evaluation_html({policy: report.to_dict()}, path, title=f"Evaluation of {policy}")
