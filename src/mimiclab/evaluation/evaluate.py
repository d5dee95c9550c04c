"""Score a policy on whole clips: `evaluate` ties protocol, arena, loop and report together."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

import torch

from mimiclab import __version__
from mimiclab.errors import ContractError
from mimiclab.evaluation.arena import TrackingArena
from mimiclab.evaluation.perturbation import Perturbation
from mimiclab.evaluation.protocol import Protocol, plan_episodes
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.evaluation.rollout import Arena, Observer, Policy, run_episodes
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking import TrackingTask

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine

_CPU_ENVS = 128
_GPU_ENVS = 4096


def evaluate(
    policy: Policy,
    task: TrackingTask,
    library: "MotionLibrary",
    protocol: Protocol | None = None,
    *,
    label: dict[str, Any] | None = None,
    expects: dict[str, int] | None = None,
    num_envs: int | None = None,
    engine: "Engine" = "auto",
    device: str | None = None,
    perturbation: Perturbation | None = None,
    progress: Callable[[int, int], None] | None = None,
    observe: Observer | None = None,
) -> EvaluationReport:
    """Run a policy under a protocol.

    Args:
        policy: observations (N, D) to deterministic actions (N, A), on the environments' device.
        task: the task that the policy was trained on; the protocol overrides its switches.
        library: the clips to score.
        protocol: which episodes; the default protocol if left out.
        label: what the policy is, for the stamp: kind, path, iteration, ...
        expects: observation terms and sizes that the policy was trained with, in order; an
            environment that gives others is refused.
        num_envs: environments at once; by default as many as episodes, within reason.
        engine: physics engine.
        device: torch device.
        perturbation: how the robot differs from the one of training.
        progress: called with control steps done and in all.
        observe: sees what the policy sees in every step.

    Raises:
        ContractError: the policy expects other observations.
        EngineError: the engine or device is not available.
        RobotError: motions of another robot.
        MimiclabError: a perturbation that this robot cannot have.
    """
    protocol = protocol or Protocol()
    durations = library.durations_s.tolist()
    jobs = plan_episodes(protocol, durations, task.step_s)
    if num_envs is None:
        on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
        most = _GPU_ENVS if on_gpu and engine != "native" else _CPU_ENVS
        num_envs = min(len(jobs), most)
    arena = TrackingArena(
        task,
        library,
        protocol,
        num_envs=num_envs,
        engine=engine,
        device=device,
        perturbation=perturbation,
    )
    return score(
        arena, policy, task, library, protocol,
        label=label, expects=expects, progress=progress, observe=observe,
    )  # fmt: skip


class ScoredArena(Arena, Interface):
    """An arena that tells what it is."""

    @property
    def limits(self) -> dict[str, float]:
        """Termination limits in force: name to threshold."""
        ...

    def stamp(self) -> dict[str, Any]:
        """Where it runs, for reports."""
        ...

    def observed_terms(self) -> dict[str, int]:
        """Sizes of the policy's observation terms, in order."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


def score(
    arena: ScoredArena,
    policy: Policy,
    task: TrackingTask,
    library: "MotionLibrary",
    protocol: Protocol,
    *,
    label: dict[str, Any] | None = None,
    expects: dict[str, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    observe: Observer | None = None,
) -> EvaluationReport:
    """Run every episode of a protocol in an arena, which is closed then; see `evaluate`.

    Raises:
        ContractError: the policy expects other observations.
    """
    durations = library.durations_s.tolist()
    try:
        if expects is not None:
            check_observations(expects, arena)
        episodes = run_episodes(
            arena,
            policy,
            plan_episodes(protocol, durations, task.step_s),
            clip_names=library.clip_names,
            durations_s=durations,
            clip_groups=[library.group_names[group] for group in library.clip_group.tolist()],
            progress=progress,
            observe=observe,
        )
        stamp = _stamp(arena, task, library, protocol, label or {})
    finally:
        arena.close()
    return EvaluationReport(protocol=stamp, body_names=library.body_names, episodes=tuple(episodes))


def _stamp(
    arena: ScoredArena,
    task: TrackingTask,
    library: "MotionLibrary",
    protocol: Protocol,
    label: dict[str, Any],
) -> dict[str, Any]:
    """All that a number in the report depends on."""
    import mujoco

    robot = get_robot(task.robot)
    return {
        "policy": label,
        "deterministic": True,
        **protocol.stamp(task),
        "terminations": arena.limits,
        "clips": list(library.clip_names),
        "clip_set_hash": library.content_hash,
        "robot": robot.name,
        "robot_hash": robot.model_hash,
        **arena.stamp(),
        "state_estimation": task.state_estimation,
        "residual_action": task.residual_action,
        "versions": {
            "mimiclab": __version__, "mujoco": mujoco.__version__, "torch": torch.__version__,
        },
    }  # fmt: skip


def check_observations(expects: dict[str, int], arena: ScoredArena) -> None:
    """Refuse a policy that was trained with other observation terms, sizes or order.

    Raises:
        ContractError: they differ; the message says in what.
    """
    given = arena.observed_terms()
    if list(given.items()) != list(expects.items()):
        ours = [f"{name}[{size}]" for name, size in given.items()]
        theirs = [f"{name}[{size}]" for name, size in expects.items()]
        only = [t for t in theirs if t not in ours], [t for t in ours if t not in theirs]
        raise ContractError(
            f"the policy observes {sum(expects.values())} numbers, the task gives "
            f"{sum(given.values())}; only the policy: {', '.join(only[0]) or 'none'}; only the "
            f"task: {', '.join(only[1]) or 'none'}; order here: {', '.join(ours)}. "
            "Evaluate with the task and the number of clips of the training"
        )
