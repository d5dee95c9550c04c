"""Recording rollouts of a policy on whole clips, for cloning and for looking at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from mimiclab import __version__
from mimiclab.datasets.recorder import Recorder
from mimiclab.datasets.recording_layout import Episode, RecordingInfo
from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.evaluation.arena import TrackingArena
from mimiclab.evaluation.candidates import Candidate
from mimiclab.evaluation.evaluate import check_observations
from mimiclab.evaluation.protocol import Job, Protocol, plan_episodes
from mimiclab.evaluation.report import EpisodeResult
from mimiclab.evaluation.rollout import run_episodes
from mimiclab.learning.env_state import layout_of
from mimiclab.learning.serialise import to_plain
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.observation_cfg import actor_cfg

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine

_MOST_ENVS = 128
_MEMORY = 1 << 30
"""Bytes that running episodes may hold before they are written."""


@dataclass(frozen=True, kw_only=True)
class RecordingPlan:
    """What is recorded, apart from which episodes."""

    groups: tuple[str, ...] = ("actor",)
    """Observation groups of the policy's own task."""
    views: Mapping[str, TrackingTask] | None = None
    """More groups: what policies of other tasks would see in the same moments."""
    view_noise: bool = True
    """Views carry the noise and the interface of their training; off, they show the truth."""
    sample: bool = False
    """Draw actions from the policy's distribution instead of taking its mean."""
    action_noise: float | None = None
    """Draw them with this standard deviation instead, in units of the action."""


def record(
    candidate: Candidate,
    library: "MotionLibrary",
    path: str | Path,
    protocol: Protocol | None = None,
    plan: RecordingPlan | None = None,
    *,
    num_envs: int | None = None,
    engine: "Engine" = "auto",
    device: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Run a policy on every clip and write what it saw and did.

    Each episode is written when it ends; memory holds those that run.

    Args:
        candidate: who acts.
        library: the clips.
        path: the file to write.
        protocol: which episodes, and the switches of noise, pushes and randomisation.
        plan: what is recorded.
        num_envs: environments at once; by default as many as episodes, within reason.
        engine: physics engine.
        device: torch device.
        progress: called with control steps done and in all.

    Returns:
        A summary: episodes, steps, success rate, and the same for each clip.

    Raises:
        MimiclabError: actions to be drawn from a policy without a standard deviation.
        UnknownNameError: a group that the task does not have.
        ContractError: the policy expects other observations.
        OutputError: the file cannot be written.
    """
    protocol, plan = protocol or Protocol(), plan or RecordingPlan()
    acting = _Acting(candidate, plan, protocol.seed)
    durations = library.durations_s.tolist()
    jobs = plan_episodes(protocol, durations, candidate.task.step_s)
    if num_envs is None:
        # A step holds a few thousand numbers: observations, actions, and the network's.
        longest = max(durations) / candidate.task.step_s
        num_envs = max(1, min(len(jobs), _MOST_ENVS, int(_MEMORY / (longest * 8192))))
    arena = _RecordingArena(
        candidate.task, library, protocol, plan, num_envs=num_envs, engine=engine, device=device
    )
    try:
        if candidate.expects is not None:
            check_observations(candidate.expects, arena)
        info = _info(candidate, arena, protocol, plan, acting, library.content_hash)
        with Recorder(path, info, library.clip_names) as recorder:
            arena.begin(recorder, acting, jobs)
            results = run_episodes(
                arena,
                acting,
                jobs,
                clip_names=library.clip_names,
                durations_s=durations,
                progress=progress,
            )
            steps = recorder.num_steps
    finally:
        arena.close()
    return _summary(path, results, steps, info)


class _Acting:
    """The policy, remembering its mean action and drawing what is executed."""

    def __init__(self, candidate: Candidate, plan: RecordingPlan, seed: int) -> None:
        self.policy = candidate.policy
        self.std = _action_std(candidate)
        """Standard deviation of the policy's distribution, (A,), if it has one."""
        self._noise = torch.Generator().manual_seed(seed)
        self._drawn: torch.Tensor | float | None = plan.action_noise
        if plan.sample and plan.action_noise is None:
            if self.std is None:
                raise MimiclabError(
                    f"{candidate.label.get('path') or 'this policy'} has no standard deviation to "
                    "draw actions with: give the run instead of an exported file, or a standard "
                    "deviation (--action-noise 0.1)"
                )
            self._drawn = self.std
        self.mean = torch.zeros(0)
        """Mean actions of the newest step, (N, A)."""

    def __call__(self, observations: torch.Tensor) -> torch.Tensor:
        """Actions to execute, (N, A)."""
        self.mean = actions = self.policy(observations)
        if self._drawn is None:
            return actions
        drawn = torch.randn(actions.shape, generator=self._noise).to(actions.device)
        return actions + self._drawn * drawn

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        """Episodes begin."""
        reset = getattr(self.policy, "reset", None)
        if reset is not None:
            reset(*(() if env_ids is None else (env_ids,)))


class _RecordingArena(TrackingArena):
    """An arena that writes each episode of its jobs down when it ends.

    Observations are those that the policy was given: nothing is computed twice, so histories are
    those of training.
    """

    def __init__(
        self,
        task: TrackingTask,
        library: "MotionLibrary",
        protocol: Protocol,
        plan: RecordingPlan,
        **where: Any,
    ) -> None:
        self._plan = plan
        super().__init__(task, library, protocol, **where)
        known = list(self.env.observation_manager.active_terms)
        for name in plan.groups:
            if name not in known:
                raise UnknownNameError("observation group", name, known)
        names: list[str] = [*plan.groups, *(plan.views or {})]
        self.groups = tuple(dict.fromkeys(names))
        """Names of what is recorded."""
        self._space = ActionSpace.of_task(task, self.env.device)
        self._borrowed = task.interface.is_perfect
        self._names = library.clip_names

    def begin(self, recorder: Recorder, acting: _Acting, jobs: Sequence[Job]) -> None:
        """Write the episodes of `jobs` with `recorder`; they start in this order."""
        self._recorder, self._acting, self._jobs = recorder, acting, list(jobs)
        self._job: list[Job | None] = [None] * self.num_envs
        self._rows: list[list[dict[str, np.ndarray]]] = [[] for _ in range(self.num_envs)]
        self._failed = np.zeros(self.num_envs, bool)

    def start(
        self, env_ids: torch.Tensor, clip: torch.Tensor, time_s: torch.Tensor, seed: torch.Tensor
    ) -> None:
        """Write what has just ended in these environments, and begin episodes."""
        for env in env_ids.tolist():
            self._finish(env)
            # The loop lets idle environments repeat an episode once no job is left.
            self._job[env] = self._jobs.pop(0) if self._jobs else None
        super().start(env_ids, clip, time_s, seed)

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One control step, noted for all environments that have a job."""
        mean, executed = self._acting.mean, actions
        reference = self._command.reference.frame.joint_pos
        received = self._command.received.frame.joint_pos
        if self._borrowed and received is not reference:
            # A residual action starts from what the interface delivers, of which this policy knows
            # nothing: the same joint targets in units of the view's policy.
            mean, executed = (
                self._space.convert(values, self._space, reference, received)
                for values in (mean, executed)
            )
        row = {f"observations/{name}": self._obs[name] for name in self.groups}
        row |= {"actions": executed, "action_mean": mean, "time": self._command.time_s}
        row = {name: _copied(value) for name, value in row.items()}
        failed, ended = super().step(executed)
        row["rewards"] = _copied(self.env.reward_buf)
        self._failed = failed.cpu().numpy()
        for env, job in enumerate(self._job):
            if job is not None:
                self._rows[env].append({name: values[env] for name, values in row.items()})
        return failed, ended

    def _env_cfg(
        self, task: TrackingTask, library: "MotionLibrary", num_envs: int
    ) -> "ManagerBasedRlEnvCfg":
        plan, views = self._plan, self._plan.views or {}
        cfg = tracking_env_cfg(task, library, num_envs=num_envs, views=views)
        if plan.view_noise:
            for name, view in views.items():
                cfg.observations[name] = actor_cfg(view)
            _share_interface(cfg.commands["motion"], task, views)
        return cfg

    def _finish(self, env: int) -> None:
        job, rows = self._job[env], self._rows[env]
        self._job[env], self._rows[env] = None, []
        if job is None:
            return
        found = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        std, seen = self._acting.std, cast("dict[str, torch.Tensor]", self._obs)
        self._recorder.add(
            Episode(
                clip=self._names[job.clip],
                start_s=job.start_s,
                seed=job.seed,
                from_start=job.start == "zero",
                observations={g: found[f"observations/{g}"] for g in self.groups},
                final_observations={g: _copied(seen[g][env]) for g in self.groups},
                actions=found["actions"],
                action_mean=found["action_mean"],
                action_std=None if std is None else np.tile(_copied(std), (len(rows), 1)),
                rewards=found["rewards"],
                reference_time_s=found["time"],
                failed=bool(self._failed[env]),
            )
        )


def _share_interface(command: Any, task: TrackingTask, views: Mapping[str, TrackingTask]) -> None:
    """Let the one interface of the environments be that of the views.

    Raises:
        MimiclabError: the task and its views come through several.
    """
    for name, view in views.items():
        given = view.interface, view.interface_groups
        if view.interface.is_perfect or view.privileged:
            continue
        if not command.interface.is_perfect and given != (
            command.interface,
            command.interface_groups,
        ):
            raise MimiclabError(
                f"view {name!r} comes through another interface than the policy or another view; "
                "there is one in an environment. Record the views one after the other, or without "
                "noise (--no-view-noise)"
            )
        command.interface, command.interface_groups = given


def _action_std(candidate: Candidate) -> torch.Tensor | None:
    from mimiclab.learning.policy import Policy
    from mimiclab.learning.teachers.load import action_std

    return action_std(candidate.policy) if isinstance(candidate.policy, Policy) else None


def _info(
    candidate: Candidate,
    arena: _RecordingArena,
    protocol: Protocol,
    plan: RecordingPlan,
    acting: _Acting,
    clip_set_hash: str,
) -> RecordingInfo:
    import mujoco

    task = candidate.task
    robot = get_robot(task.robot)
    layout = layout_of(arena.env, robot=robot.name)
    for part in ("observations", "history"):
        layout[part] = {g: terms for g, terms in layout[part].items() if g in arena.groups}
    space = ActionSpace.of_task(task)
    views = plan.views or {}
    return RecordingInfo(
        layout=layout,
        joint_names=tuple(robot.joint_names),
        action_offset=space.offset,
        action_scale=tuple(space.scale.tolist()),
        has_std=acting.std is not None,
        model_hash=robot.model_hash,
        policy=candidate.label,
        task=to_plain(task),
        views={name: to_plain(view) for name, view in views.items()},
        protocol={
            **asdict(protocol),
            "view_noise": plan.view_noise and bool(views),
            "sample": plan.sample,
            "action_noise": plan.action_noise,
            "engine": arena.env.engine_name,
            "num_envs": arena.num_envs,
            "clip_set_hash": clip_set_hash,
        },
        versions={
            "mimiclab": __version__,
            "mujoco": mujoco.__version__,
            "torch": torch.__version__,
        },
    )


def _summary(
    path: str | Path, results: Sequence[EpisodeResult], steps: int, info: RecordingInfo
) -> dict[str, Any]:
    clips: dict[str, dict[str, Any]] = {}
    for result in results:
        row = clips.setdefault(result.clip, {"episodes": 0, "steps": 0, "successes": 0})
        row["episodes"] += 1
        row["steps"] += result.steps
        row["successes"] += result.success
    return {
        "file": str(path),
        "bytes": Path(path).stat().st_size,
        "episodes": len(results),
        "steps": steps,
        "success_rate": sum(r.success for r in results) / len(results),
        "groups": info.groups,
        "policy": dict(info.policy),
        "clips": {
            name: {**row, "success_rate": row.pop("successes") / row["episodes"]}
            for name, row in clips.items()
        },
    }


def _copied(values: Any) -> np.ndarray:
    """A copy on the CPU that the next step does not change."""
    return values.detach().cpu().numpy().copy()
