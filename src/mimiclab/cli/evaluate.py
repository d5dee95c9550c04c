"""`mimiclab evaluate`: score a policy on whole clips."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from mimiclab.cli.groups import Groups
from mimiclab.cli.policy_clips import clips_to_score
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

_PERFECT = InterfaceCfg()


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
    num_envs: int | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    csv: Path | None = None,
    html: Path | None = None,
) -> int:
    """Score a policy on whole clips, from their first frames and from random times.

    The policy is deterministic; noise, pushes and randomisation are off unless asked for. Success:
    the episode reaches the last frame of the clip without crossing a termination limit. Exit code
    0: it ran; 1: the success rate is below the required one; 2: could not run.
    `mimiclab evaluate teleop` sweeps delay, dropout and noise of an interface.

    Args:
        policy: Run folder, checkpoint, ONNX file, or the word `zero` for no action at all.
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
        require_success: Success rate, 0 to 1, needed for exit code 0.
        num_envs: Environments at once; by default as many as episodes, within reason.
        engine: Physics engine.
        device: Torch device.
        json_path: Write the report as JSON.
        csv: Write one line for each clip and kind of start.
        html: Write the report as a page.
    """
    from mimiclab.cli.bars import StepBar
    from mimiclab.cli.evaluation_table import print_report
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.evaluate import evaluate as run
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.tasks.tracking import TrackingTask

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
    _, device = resolve_engine(engine, device)
    candidate = open_candidate(
        policy,
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
        report = run(
            candidate.policy,
            candidate.task,
            library,
            protocol,
            label=candidate.label,
            expects=candidate.expects,
            num_envs=num_envs,
            engine=engine,
            device=device,
            progress=bar.update,
        )
    print_report(report, policy, metrics)
    if json_path is not None:
        report.save(json_path)
    if csv is not None:
        report.save_csv(csv)
    if html is not None:
        from mimiclab.viewing.report import write_evaluation_html

        write_evaluation_html({policy: report.to_dict()}, html, title=f"Evaluation of {policy}")
    return 0 if report.summary()["success_rate"]["mean"] >= require_success else 1
