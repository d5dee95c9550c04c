"""The part of `mimiclab sim2sim` that runs policies which walk at a commanded velocity."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimiclab.deployment.policy import Policy
    from mimiclab.deployment.walking import Walk, WalkCfg

Command = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Files to write; None for none."""

    json: Path | None = None
    video: Path | None = None
    picture: Path | None = None


def sim2sim_walk(
    policy: "Policy",
    commands: Sequence[Command],
    cfg: "WalkCfg",
    outputs: Outputs,
    *,
    episodes: int,
    in_turn: bool,
    require_success: float,
) -> int:
    """Walk at each command, print what was achieved, write files; the exit code.

    `cfg.seconds` are those of each command; with `in_turn` an episode has them all.
    """
    from rich.progress import track

    from mimiclab.deployment.commands import ScriptedCommands
    from mimiclab.deployment.walking import Walker

    walker = Walker(policy)
    commands = list(commands) or usual_commands(walker.command.ranges.tolist())
    parts = [commands] if in_turn else [[command] for command in commands]
    jobs = [(part, cfg.seed + i) for part in parts for i in range(episodes)]
    walks = [
        walker.run(
            ScriptedCommands.in_turn(part, cfg.seconds),
            replace(cfg, seed=seed, seconds=cfg.seconds * len(part)),
        )
        for part, seed in track(jobs, description="walking", transient=True)
    ]
    _print_table(policy.path.name, walks)
    if outputs.json is not None:
        _write_json(outputs.json, policy, cfg, walks)
    if outputs.picture is not None:
        from mimiclab.viewing.walk_plot import write_walk_plot

        title = f"{policy.contract.robot} · {policy.path.stem}"
        write_walk_plot(walks, policy.contract.physics.control_dt_s, outputs.picture, title=title)
    if outputs.video is not None:
        _write_video(outputs.video, policy, walks[0])
    completed = sum(walk.completed for walk in walks)
    return 0 if completed >= require_success * len(walks) else 1


def usual_commands(ranges: Sequence[Sequence[float]]) -> list[Command]:
    """Stand, walk at half and full speed, backwards, sideways and turn, within the ranges (3, 2).

    For ranges of -1 to 1 these are the commands of Holosoma's reference results.
    """
    (back, front), (_, left), (_, turn) = ranges
    return [
        (0.0, 0.0, 0.0), (0.5 * front, 0.0, 0.0), (front, 0.0, 0.0), (0.5 * back, 0.0, 0.0),
        (0.0, 0.5 * left, 0.0), (0.0, 0.0, 0.8 * turn),
    ]  # fmt: skip


def _print_table(name: str, walks: "Sequence[Walk]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{name} in plain MuJoCo",
        caption="forward and left in m/s, turn in rad/s, mean over the last two thirds of each "
        "command; torque: root mean square, N m",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in ("commanded", "achieved"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seed", "survived"):
        table.add_column(heading, justify="right")
    table.add_column("ended by")
    table.add_column("torque", justify="right")
    for walk in walks:
        for i, segment in enumerate(walk.metrics.get("segments", ())):
            rest = ("", "", "", "")
            if i == 0:
                rest = (
                    str(walk.seed),
                    f"{walk.survived_s:.2f} s",
                    f"[{'green' if walk.completed else 'red'}]{walk.reason}[/]",
                    f"{walk.metrics['torque_rms']:.1f}",
                )
            table.add_row(_text(segment["command"]), _text(segment["achieved"]), *rest)
    console = Console()
    console.print(table)
    done = sum(walk.completed for walk in walks)
    console.print(f"{done} of {len(walks)} episodes completed")


def _text(values: Sequence[float]) -> str:
    return " ".join(f"{value:+.2f}" for value in values)


def _write_json(path: Path, policy: "Policy", cfg: "WalkCfg", walks: "Sequence[Walk]") -> None:
    import json

    from mimiclab.files import write_text

    settings = {key: value for key, value in asdict(cfg).items() if key != "seed"}
    values = {
        "schema": 1,
        "policy": str(policy.path),
        "contract": json.loads(policy.contract.to_json()),
        "settings": settings,
        "episodes": [walk.to_dict() for walk in walks],
    }
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def _write_video(path: Path, policy: "Policy", walk: "Walk") -> None:
    from rich.console import Console

    from mimiclab.viewing.video import Look, render_trajectory

    contract = policy.contract
    render_trajectory(
        contract.robot_model(),
        walk.qpos,
        path,
        fps=1.0 / contract.physics.control_dt_s,
        look=Look(title=f"{contract.robot} · {policy.path.stem}", labels=("policy", "")),
    )
    Console().print(f"video: {path}")
