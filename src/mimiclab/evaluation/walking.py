"""Score a policy that walks on command: every command of a grid, all environments at once."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mimiclab import __version__
from mimiclab.deployment.walk_metrics import WalkTrace, walk_metrics
from mimiclab.errors import ContractError, MimiclabError
from mimiclab.evaluation.rollout import Policy
from mimiclab.evaluation.walk_report import WalkEpisode, WalkReport
from mimiclab.learning.env_state import layout_of
from mimiclab.robots import get_robot

if TYPE_CHECKING:
    from mimiclab.simulation.env import Engine
    from mimiclab.tasks.velocity import VelocityTask


@dataclass(frozen=True, kw_only=True)
class WalkProtocol:
    """One command to each environment, deterministic policy; every switch is in the report."""

    grid: tuple[int, int, int] = (5, 3, 3)
    """Values of forward, sideways and turning velocity, spread over the ranges of the task, ends
    included; 1 is their middle."""
    episodes: int = 2
    """Episodes of each command; they differ in the initial state."""
    seconds: float = 20.0
    """Length of an episode, s."""
    seed: int = 0
    """Of initial states, noise and randomisation."""
    initial_noise: float = 0.1
    """Scale of the initial-state noise; 1 is that of training resets."""
    observation_noise: bool = False
    """Add the training noise to observations."""
    randomisation: bool = False
    """Randomise, delay and push as in training."""
    own_ground: bool = False
    """Walk on the ground of the training instead of level ground."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: a value out of range.
        """
        if len(self.grid) != 3 or min(self.grid) < 1:
            raise MimiclabError(
                f"grid is {self.grid}, expected three numbers of values, 1 or more each: forward, "
                "sideways, turning"
            )
        if self.episodes < 1 or self.seconds <= 0:
            raise MimiclabError(
                f"{self.episodes} episodes of {self.seconds} s; expected 1 or more, longer than 0"
            )

    def commands(self, task: "VelocityTask") -> np.ndarray:
        """Forward and left (m/s) and turn (rad/s), (M, 3); each `episodes` times in a row."""
        ranges = (task.command.lin_vel_x, task.command.lin_vel_y, task.command.ang_vel_z)
        axes = [
            np.linspace(*ends, count) if count > 1 else [sum(ends) / 2]
            for ends, count in zip(ranges, self.grid, strict=True)
        ]
        return np.repeat(np.array([*itertools.product(*axes)]), self.episodes, axis=0)

    def task(self, trained: "VelocityTask") -> "VelocityTask":
        """The task as it is run: commands are held, and episodes end by falls alone."""
        task = trained if self.randomisation else trained.nominal()
        return replace(
            task,
            noise=self.observation_noise,
            reset_noise=self.initial_noise,
            ground=trained.ground if self.own_ground else trained.nominal().ground,
            episode_length_s=2.0 * self.seconds,
            gait_hz_width=0.0,
        )


def evaluate_walking(
    policy: Policy,
    task: "VelocityTask",
    protocol: WalkProtocol | None = None,
    *,
    label: dict[str, Any] | None = None,
    expects: dict[str, int] | None = None,
    engine: "Engine" = "auto",
    device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WalkReport:
    """Run a policy on every command of a protocol.

    Args:
        policy: observations (N, D) to deterministic actions (N, A), on the environments' device.
        task: the task that the policy was trained on; the protocol overrides its switches.
        protocol: which commands; the default protocol if left out.
        label: what the policy is, for the stamp.
        expects: observation terms and sizes that the policy was trained with.
        engine: physics engine.
        device: torch device.
        progress: called with control steps done and their total.

    Raises:
        ContractError: the policy expects other observations.
        EngineError: the engine or device is not available.
    """
    from mimiclab.simulation import make_env

    protocol = protocol or WalkProtocol()
    commands = protocol.commands(task)
    cfg = protocol.task(task).env_cfg(num_envs=len(commands))
    cfg.seed = protocol.seed
    env = make_env(cfg, engine=engine, device=device)
    try:
        given = layout_of(env, robot=task.robot)["observations"]["actor"]
        if expects is not None and given != expects:
            raise ContractError(
                f"the policy was trained on the observations {expects}, the environment gives "
                f"{given}; is it of another task?"
            )
        episodes = _walk(env, policy, commands, protocol, progress)
        stamp = {
            **asdict(protocol),
            "policy": label or {},
            "robot": task.robot,
            "model_hash": get_robot(task.robot).model_hash,
            "engine": getattr(env, "engine_name", ""),
            "physics_hz": task.physics_hz,
            "control_hz": task.control_hz,
            "mimiclab": __version__,
        }
    finally:
        env.close()
    return WalkReport(protocol=stamp, episodes=tuple(episodes))


@torch.inference_mode()
def _walk(
    env: Any,
    policy: Policy,
    commands: np.ndarray,
    protocol: WalkProtocol,
    progress: Callable[[int, int], None] | None,
) -> list[WalkEpisode]:
    """All episodes. A robot that fell is reset by the environment, and no longer looked at."""
    from mimiclab.tasks.velocity.command import velocity_command

    term = velocity_command(env)
    term.hold(torch.as_tensor(commands, dtype=torch.float32, device=env.device))
    action = env.action_manager.get_term("joint_pos")
    robot = term.walker
    _ = robot.torques  # asks the native engine to keep them
    obs, _ = env.reset()
    if hasattr(policy, "reset"):
        policy.reset()  # type: ignore[attr-defined]
    steps = round(protocol.seconds / env.step_dt)
    alive = torch.ones(len(commands), dtype=torch.bool, device=env.device)
    lived = torch.zeros(len(commands), dtype=torch.long, device=env.device)
    rows: dict[str, list[np.ndarray]] = {
        name: [] for name in ("achieved", "torques", "joint_vel", "targets")
    }
    for step in range(steps):
        obs, _, fell, _, _ = env.step(policy(obs["actor"]))
        alive &= ~fell
        lived += alive
        now = {
            "achieved": torch.cat([robot.lin_vel_b[:, :2], robot.ang_vel_b[:, 2:]], dim=1),
            "torques": robot.torques,
            "joint_vel": robot.joint_vel,
            "targets": action.targets,
        }
        for name, values in now.items():
            rows[name].append(values.cpu().numpy().astype(np.float32))
        if progress:
            progress(step + 1, steps)
        if not alive.any():
            break
    arrays = {name: np.stack(values, axis=1) for name, values in rows.items()}
    episodes = []
    for i, (command, count) in enumerate(zip(commands, lived.tolist(), strict=True)):
        trace = WalkTrace.of(
            commands=np.repeat(command[None], count, axis=0),
            **{name: values[i, :count] for name, values in arrays.items()},
        )
        episodes.append(
            WalkEpisode(
                command=tuple(command.tolist()),
                survived_s=count * env.step_dt,
                completed=count == steps,
                metrics=walk_metrics(trace, env.step_dt),
            )
        )
    return episodes
