"""`mimiclab sim2sim`: run a policy file in plain MuJoCo, without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

if TYPE_CHECKING:
    from mimiclab.deployment.policy import Policy
    from mimiclab.deployment.reference import Reference
    from mimiclab.deployment.sim2sim import Episode, EpisodeCfg, Sim2Sim

_PERFECT = InterfaceCfg()
_COLUMNS = {
    "mpjpe_global_mm": ("MPJPE", ".1f"),
    "mpjpe_root_mm": ("root", ".1f"),
    "joint_position_error": ("joints", ".3f"),
}


def sim2sim(
    policy: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY.onnx")],
    /,
    *,
    contract: str | None = None,
    action_scale: str = "",
    command: tuple[tuple[float, float, float], ...] = (),
    in_turn: bool = False,
    motion: str | None = None,
    clip: str | None = None,
    episodes: int = 1,
    seed: int = 0,
    seconds: float | None = None,
    start: Literal["reference", "default"] = "reference",
    start_step: int = 0,
    at_end: Literal["stop", "hold", "repeat"] = "stop",
    initial_noise: float = 0.1,
    pushes: bool = False,
    terminate: bool = True,
    interface: InterfaceCfg = _PERFECT,
    require_success: float = 0.0,
    video: Path | None = None,
    picture: Path | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> int:
    """Run a policy in closed loop in plain MuJoCo: one robot, nothing but the file's contract.

    A clip is moved to where the robot stands (xy and heading); a policy that walks on command gets
    commands instead. Limits of the contract end an episode. Exit code 0: it ran; 1: fewer episodes
    were completed than required; 2: could not run.

    Args:
        policy: An ONNX file written by `mimiclab export`, or with --contract one of another
            project.
        contract: What the file of another project leaves out: holosoma-loco, holosoma-wbt,
            beyondmimic, mjlab, mosaic, a YAML file, or auto: by its metadata.
        action_scale: With --contract: rad for each unit of action, or `effort` for a quarter of
            effort limit over stiffness, where the file does not tell.
        command: Velocities to walk at, forward, left (m/s) and turning left (rad/s), three numbers
            for each; an episode for each, by default six within what was trained.
        in_turn: Give the commands one after the other in a single episode.
        motion: Motion to follow instead of the baked ones: file, `builtin:walk`, ...; one clip.
        clip: Baked clip to follow, by name; the first by default, `all` for each in turn.
        episodes: Episodes of each clip, with seeds counting up.
        seed: Seed of the first episode's initial noise, pushes and interface.
        seconds: Longest episode, s; by default to the end of the clip, or 10 for each command.
        start: Begin in the clip's own state, or standing still in the default pose.
        start_step: Control step of the clip to begin at.
        at_end: At the clip's end: stop, hold the last pose, or begin again from there.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        pushes: Shove the robot every 1 to 3 s as in training.
        terminate: Stop when a limit of the contract is crossed.
        interface: A teleoperation interface between the motion and the policy.
        require_success: Share of episodes, 0 to 1, that must be completed for exit code 0.
        video: Write an mp4 of the first episode, with the reference beside the robot.
        picture: Write a PNG of commanded and achieved velocities.
        json_path: Write the results as JSON.
    """
    from mimiclab.cli.policy_file import open_policy
    from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
    from mimiclab.errors import MimiclabError
    from mimiclab.locations import local_path

    if episodes < 1:
        raise MimiclabError(f"--episodes is {episodes}, expected at least 1")
    policy = local_path(policy)
    opened = open_policy(policy, contract, action_scale)
    if opened.contract.velocity is not None:
        from mimiclab.cli.sim2sim_walk import Outputs, sim2sim_walk
        from mimiclab.deployment.walking import WalkCfg

        unfit = {
            "--motion": motion is not None, "--clip": clip is not None, "--start-step": start_step,
            "--at-end": at_end != "stop", "--interface": interface != _PERFECT,
        }  # fmt: skip
        _refuse(unfit, "the policy follows a commanded velocity, not a motion")
        cfg = WalkCfg(
            seed=seed,
            seconds=10.0 if seconds is None else seconds,
            initial_noise=initial_noise,
            pushes=pushes,
            terminate=terminate,
        )
        outputs = Outputs(json=json_path, video=video, picture=picture)
        return sim2sim_walk(
            opened, command, cfg, outputs, episodes=episodes, in_turn=in_turn,
            require_success=require_success,
        )  # fmt: skip
    unfit = {"--command": command, "--in-turn": in_turn, "--picture": picture is not None}
    _refuse(unfit, "the policy follows a motion, not a commanded velocity")
    cfg = EpisodeCfg(
        seconds=seconds,
        start=start,
        start_step=start_step,
        at_end=at_end,
        initial_noise=initial_noise,
        pushes=pushes,
        terminate=terminate,
        interface=interface,
    )
    done = []
    for reference in _references(opened, motion, clip):
        done += _run(Sim2Sim(opened, reference), cfg, range(seed, seed + episodes))
    _print_table(policy, done)
    if json_path is not None:
        _write_json(json_path, opened, cfg, done)
    if video is not None:
        _write_video(video, opened, done[0])
    return 0 if sum(episode.completed for episode in done) >= require_success * len(done) else 1


def _refuse(options: Mapping[str, object], because: str) -> None:
    from mimiclab.errors import MimiclabError

    given = [name for name, value in options.items() if value]
    if given:
        raise MimiclabError(f"{because}: leave {', '.join(given)} out")


def _references(policy: "Policy", motion: str | None, clip: str | None) -> "list[Reference]":
    from mimiclab.deployment.foreign_clip import foreign_reference
    from mimiclab.deployment.foreign_policy import ForeignPolicy
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.deployment.reference import baked_reference, clip_reference
    from mimiclab.errors import MimiclabError

    if motion is not None:
        if clip is not None:
            raise MimiclabError("--motion and --clip exclude each other; give one of them")
        from mimiclab.motions.sources import load_motions

        contract = policy.contract
        return [clip_reference(m, contract) for m in load_motions(motion, robot=contract.robot)]
    if isinstance(policy, ForeignPolicy):
        if clip is not None:
            raise MimiclabError(
                "files of other projects hold one clip without a name: leave --clip out"
            )
        return [foreign_reference(policy)]
    assert isinstance(policy, OnnxPolicy)
    if clip == "all":
        return [baked_reference(policy, i) for i in range(max(1, len(policy.contract.clips)))]
    return [baked_reference(policy, 0 if clip is None else clip)]


def _run(runner: "Sim2Sim", cfg: "EpisodeCfg", seeds: range) -> "list[Episode]":
    from dataclasses import replace

    from rich.progress import track

    name = runner.reference.name
    return [
        runner.run(replace(cfg, seed=seed))
        for seed in track(seeds, description=name, transient=True)
    ]


def _print_table(policy: Path, episodes: "list[Episode]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{policy.name} in plain MuJoCo",
        caption="MPJPE and root-relative MPJPE in mm, joints in rad",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("clip", no_wrap=True)
    for heading in ("seed", "survived", "done"):
        table.add_column(heading, justify="right")
    table.add_column("ended by")
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify="right")
    for episode in episodes:
        table.add_row(
            episode.clip,
            str(episode.seed),
            f"{episode.survived_s:.2f} s",
            f"{episode.metrics['completion']:.0%}",
            f"[{'green' if episode.completed else 'red'}]{episode.reason}[/]",
            *(
                format(episode.metrics.get(name, float("nan")), digits)
                for name, (_, digits) in _COLUMNS.items()
            ),
        )
    console = Console()
    console.print(table)
    won = sum(episode.completed for episode in episodes)
    console.print(f"{won} of {len(episodes)} episodes completed")


def _write_json(path: Path, policy: "Policy", cfg: "EpisodeCfg", episodes: "list[Episode]") -> None:
    import json
    from dataclasses import asdict

    from mimiclab.files import write_text

    settings = {key: value for key, value in asdict(cfg).items() if key != "seed"}
    values = {
        "schema": 1,
        "policy": str(policy.path),
        "contract": json.loads(policy.contract.to_json()),
        "settings": settings,
        "episodes": [episode.to_dict() for episode in episodes],
    }
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def _write_video(path: Path, policy: "Policy", episode: "Episode") -> None:
    from rich.console import Console

    from mimiclab.viewing.video import Look, render_trajectory

    contract = policy.contract
    render_trajectory(
        contract.robot_model(),
        episode.qpos,
        path,
        fps=1.0 / contract.physics.control_dt_s,
        reference_qpos=episode.reference_qpos,
        look=Look(title=f"{contract.robot} · {episode.clip}", labels=("policy", "reference")),
    )
    Console().print(f"video: {path}")
