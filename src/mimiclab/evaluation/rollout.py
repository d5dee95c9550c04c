"""Running and scoring many episodes at once: the loop of the protocol, apart from any simulator.

An arena is N environments that can be started at chosen times and never reset themselves. Each
control step is scored on the state that it led to, before anything is started anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from mimiclab.evaluation.metrics import (
    REPORT_METRICS,
    KinematicState,
    body_position_error_mm,
    mosaic_errors,
    tracking_errors,
)
from mimiclab.evaluation.protocol import Job
from mimiclab.evaluation.report import EpisodeResult
from mimiclab.motions.clip import DEFAULT_GROUP

_NAMES = tuple(REPORT_METRICS)
_ACCELERATION = _NAMES.index("acceleration_error")

Policy = Callable[[torch.Tensor], torch.Tensor]
"""Observations (N, D) to deterministic actions (N, A). One that remembers has a method `reset`: of
no argument before all episodes, of environments (n,) when episodes start there."""
Observer = Callable[[torch.Tensor, torch.Tensor], None]
"""Called in each step with what the policy sees (N, D), and the clip of each environment (N,): -1
where no job is left."""


class Arena(Protocol):
    """N environments as the loop sees them. All tensors have N rows."""

    num_envs: int
    dt_s: float
    """Control step, s."""
    anchor: int
    """Index of the anchor among the tracked bodies."""
    end_effectors: Sequence[int]
    """Indices of ankles and wrists among the tracked bodies."""

    def start(
        self, env_ids: torch.Tensor, clip: torch.Tensor, time_s: torch.Tensor, seed: torch.Tensor
    ) -> None:
        """Begin episodes in some environments; all are (n,)."""
        ...

    def observations(self) -> torch.Tensor:
        """What the policy sees now."""
        ...

    def target(self) -> KinematicState:
        """A copy of the reference at the end of the coming step."""
        ...

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One control step; which episodes failed and which ended otherwise, both (N,) bool."""
        ...

    def robot(self) -> KinematicState:
        """A copy of the robots' state now."""
        ...

    def feet_force(self) -> torch.Tensor | None:
        """Net contact force on each foot, N, world, (N, F, 3); None where that is unknown."""
        ...

    def failure_reasons(self, env_ids: Sequence[int]) -> list[str]:
        """Names of the limits that these failed episodes crossed in the last step."""
        ...


@dataclass(kw_only=True)
class Snapshot:
    """A `KinematicState` that holds its tensors."""

    joint_pos: torch.Tensor
    joint_vel: torch.Tensor
    body_pos_w: torch.Tensor
    body_quat_w: torch.Tensor
    body_lin_vel_w: torch.Tensor
    body_ang_vel_w: torch.Tensor


def snapshot(state: KinematicState) -> KinematicState:
    """A copy that later steps do not change."""
    return Snapshot(**{name: getattr(state, name).clone() for name in Snapshot.__annotations__})


def run_episodes(
    arena: Arena,
    policy: Policy,
    jobs: Sequence[Job],
    *,
    clip_names: Sequence[str],
    durations_s: Sequence[float],
    clip_groups: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    observe: Observer | None = None,
) -> list[EpisodeResult]:
    """Run every job, refilling environments as they become free; results in the order of `jobs`.

    Args:
        arena: where to run; its limits decide what fails.
        policy: deterministic.
        jobs: the episodes.
        clip_names: name of each clip.
        durations_s: duration of each clip, s.
        clip_groups: motion group of each clip; all are `default` if left out.
        progress: called with control steps done and in all, as if every episode completed.
        observe: sees the observations of every step.
    """
    with torch.inference_mode():
        groups = clip_groups or [DEFAULT_GROUP] * len(clip_names)
        return _Loop(arena, policy, jobs, clip_names, groups, durations_s).run(progress, observe)


class _Loop:
    def __init__(
        self,
        arena: Arena,
        policy: Policy,
        jobs: Sequence[Job],
        clip_names: Sequence[str],
        clip_groups: Sequence[str],
        durations_s: Sequence[float],
    ) -> None:
        self.arena, self.policy, self.jobs = arena, policy, jobs
        self.clip_names, self.clip_groups = clip_names, clip_groups
        self.reset = getattr(policy, "reset", None)
        if self.reset is not None:
            self.reset()
        steps = [(durations_s[job.clip] - job.start_s) / arena.dt_s for job in jobs]
        self.needed = [max(1, int(count + 1e-6)) for count in steps]
        n = arena.num_envs
        self.job_of = [-1] * n
        self.next_job = 0
        self.results: dict[int, EpisodeResult] = {}
        self.steps = torch.zeros(n, dtype=torch.long)
        self.last = torch.zeros(n, dtype=torch.long)
        self.sums = torch.zeros(n, len(_NAMES), dtype=torch.float64)
        self.scored = torch.zeros(n, len(_NAMES), dtype=torch.long)
        self.body_sum = torch.zeros(0)

    def run(
        self, progress: Callable[[int, int], None] | None, observe: Observer | None
    ) -> list[EpisodeResult]:
        self._begin(list(range(self.arena.num_envs)))
        previous: tuple[KinematicState, KinematicState] | None = None
        total, finished = sum(self.needed), 0
        while len(self.results) < len(self.jobs):
            target = snapshot(self.arena.target())
            seen = self.arena.observations()
            if observe is not None:
                clips = [self.jobs[job].clip if job >= 0 else -1 for job in self.job_of]
                observe(seen, torch.tensor(clips))
            failed, ended = self.arena.step(self.policy(seen))
            robot = snapshot(self.arena.robot())
            self.steps += 1
            self._score(target, robot, previous)
            previous = (target, robot)
            failed = failed.cpu()
            free = (failed | ended.cpu() | (self.steps >= self.last)).nonzero().flatten().tolist()
            finished += self._finish(free, failed)
            if free:
                self._begin(free)
            if progress is not None:
                busy = zip(self.steps.tolist(), self.job_of, strict=True)
                running = sum(steps for steps, job in busy if job >= 0)
                progress(min(total, finished + running), total)
        return [self.results[i] for i in range(len(self.jobs))]

    def _begin(self, envs: list[int]) -> None:
        """Give each free environment the next job; idle ones repeat the last, unscored."""
        for env in envs:
            waiting = self.next_job < len(self.jobs)
            self.job_of[env] = self.next_job if waiting else -1
            self.next_job += waiting
            self.last[env] = self.needed[self.job_of[env]]
        jobs = [self.jobs[self.job_of[env]] for env in envs]
        self.arena.start(
            torch.tensor(envs),
            torch.tensor([job.clip for job in jobs]),
            torch.tensor([job.start_s for job in jobs], dtype=torch.float64),
            torch.tensor([job.seed for job in jobs]),
        )
        if self.reset is not None:
            self.reset(torch.tensor(envs))
        self.steps[envs] = 0
        self.sums[envs] = 0.0
        self.scored[envs] = 0
        if len(self.body_sum):
            self.body_sum[envs] = 0

    def _score(
        self,
        target: KinematicState,
        robot: KinematicState,
        previous: tuple[KinematicState, KinematicState] | None,
    ) -> None:
        errors = tracking_errors(
            target, robot, anchor=self.arena.anchor, previous=previous, dt_s=self.arena.dt_s
        ) | mosaic_errors(
            target,
            robot,
            anchor=self.arena.anchor,
            end_effectors=self.arena.end_effectors,
            feet_force_w=self.arena.feet_force(),
        )
        bodies = body_position_error_mm(target.body_pos_w, robot.body_pos_w).double().cpu()
        finite = torch.isfinite(bodies).all(dim=-1)
        known = [number for number, name in enumerate(_NAMES) if name in errors]
        # One transfer from the device for all metrics.
        values = torch.stack([errors[_NAMES[i]].double() for i in known], dim=-1).cpu()
        counts = finite[:, None].repeat(1, len(known))
        if _ACCELERATION in known:
            # It compares two steps of one episode; the first step has no other.
            counts[:, known.index(_ACCELERATION)] &= self.steps > 1
        self.sums[:, known] += torch.where(counts, values, 0.0)
        self.scored[:, known] += counts
        if not len(self.body_sum):
            self.body_sum = torch.zeros_like(bodies)
        self.body_sum += torch.where(finite[:, None], bodies, 0.0)

    def _finish(self, envs: list[int], failed: torch.Tensor) -> int:
        """Note the results of episodes that are over; returns the control steps they stood for."""
        lost = [env for env in envs if failed[env]]
        reasons = dict(zip(lost, self.arena.failure_reasons(lost), strict=True))
        count = 0
        for env in envs:
            number = self.job_of[env]
            if number < 0:
                continue
            job, steps = self.jobs[number], int(self.steps[env])
            needed, lost_it = self.needed[number], bool(failed[env])
            scored, sums = self.scored[env].tolist(), self.sums[env].tolist()
            self.results[number] = EpisodeResult(
                clip=self.clip_names[job.clip],
                group=self.clip_groups[job.clip],
                start=job.start,
                start_s=job.start_s,
                seed=job.seed,
                steps=steps,
                success=not lost_it,
                completion=(steps - 1) / needed if lost_it else 1.0,
                reason=reasons[env] if lost_it else "clip_end",
                metrics={
                    name: total / times
                    for name, total, times in zip(_NAMES, sums, scored, strict=True)
                    if times
                },
                body_position_error_mm=(
                    self.body_sum[env] / max(1, scored[_NAMES.index("mpjpe_global_mm")])
                ).numpy(),
            )
            count += needed
        return count
