"""The evaluation protocol: which episodes are run, what ends them and what counts as success."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from mimiclab.errors import MimiclabError
from mimiclab.learning.serialise import to_plain
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.task import TrackingTask

SUCCESS_RULES = MappingProxyType(
    {
        "limits": "the episode reaches the last frame of the clip without crossing a termination "
        "limit",
        "mosaic": "the episode reaches the last frame of the clip and neither roll nor pitch of "
        "the base ever exceeds 1.2 rad",
    }
)
"""What counts as a success, by the name of the rule."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Whole clips, deterministic policy; every switch is stated in the report."""

    seeds: int = 5
    """Episodes of each clip from its first frame; they differ in the initial-state noise."""
    random_starts: int = 5
    """Episodes of each clip from random times, each to the end of the clip."""
    seed: int = 0
    """First seed: of start times, noise, pushes and randomisation."""
    initial_noise: float = 0.1
    """Scale of the initial-state noise; 1 is that of BeyondMimic's training resets."""
    observation_noise: bool = False
    """Add the training noise to observations."""
    pushes: bool = False
    """Shove the robot as in training."""
    randomisation: bool = False
    """Randomise the robot (friction, mass centre, encoder bias, delay of its motors) and the ground
    as in training."""
    rule: Literal["limits", "mosaic"] = "limits"
    """What ends an episode as a failure: the task's termination limits, or MOSAIC's rule, a base
    that rolls or pitches by more than 1.2 rad, in their place."""
    terminate: bool = True
    """Apply the rule; without it every episode reaches the clip's end."""
    interface: Literal["off", "own"] = "off"
    """Through what the policy sees the reference: nothing, or the task's own interface, on the
    task's own interface groups. Errors are always against the true reference."""
    interface_values: InterfaceCfg = field(default_factory=InterfaceCfg)
    """An interface in place of the task's; a perfect one stands for none."""
    interface_groups: tuple[str, ...] = ()
    """Motion groups that come through `interface_values`; empty for all clips."""
    min_remaining_s: float = 1.0
    """Random starts leave at least this much of the clip, s, or half of a shorter clip."""

    def __post_init__(self) -> None:
        if self.seeds < 0 or self.random_starts < 0 or self.seeds + self.random_starts == 0:
            raise MimiclabError(
                f"an evaluation of {self.seeds} episodes from the start and {self.random_starts} "
                "from random times has no episode; raise --seeds or --random-starts"
            )
        if self.initial_noise < 0:
            raise MimiclabError(f"initial noise is {self.initial_noise}, expected 0 or more")
        if self.rule not in SUCCESS_RULES:
            raise MimiclabError(f"rule is {self.rule!r}, expected 'limits' or 'mosaic'")
        if self.interface not in ("off", "own"):
            raise MimiclabError(f"interface is {self.interface!r}, expected 'off' or 'own'")
        object.__setattr__(self, "interface_groups", tuple(self.interface_groups))
        given = not self.interface_values.is_perfect
        if self.interface == "own" and (given or self.interface_groups):
            raise MimiclabError(
                "the interface is to be the task's own, yet values or groups of another one are "
                "given; leave out one of the two"
            )
        if self.interface_groups and not given:
            raise MimiclabError(
                f"groups {', '.join(self.interface_groups)} are to come through an interface that "
                "does nothing; give its delay, dropout, noise or bias"
            )

    def interface_of(self, task: TrackingTask) -> tuple[InterfaceCfg, tuple[str, ...]]:
        """The interface in force, and the motion groups behind it; no groups for all clips."""
        if self.interface == "own":
            return task.interface, task.interface_groups
        return self.interface_values, self.interface_groups

    def stamp(self, task: TrackingTask) -> dict[str, Any]:
        """What a report says of it, as plain values: rule, episodes, switches and interface."""
        interface, groups = self.interface_of(task)
        return {
            "rule": self.rule,
            "success_rule": SUCCESS_RULES[self.rule],
            "terminate": self.terminate,
            "seeds": self.seeds,
            "random_starts": self.random_starts,
            "min_remaining_s": self.min_remaining_s,
            "seed": self.seed,
            "initial_noise": self.initial_noise,
            "observation_noise": self.observation_noise,
            "pushes": self.pushes,
            "randomisation": self.randomisation,
            "interface": to_plain(interface),
            "interface_groups": list(groups),
        }


@dataclass(frozen=True, kw_only=True)
class Job:
    """One episode to run."""

    clip: int
    """Number of the clip in the library."""
    start: str
    """`zero` or `random`."""
    start_s: float
    """Time in the clip, s, on a control step."""
    seed: int


def plan_episodes(
    protocol: Protocol, durations_s: Sequence[float], control_dt_s: float
) -> list[Job]:
    """Every episode of a protocol, longest first so that a batch finishes evenly.

    Start times depend on the seed and the clip's number alone, not on the number of environments.
    """
    jobs = []
    for clip, duration in enumerate(durations_s):
        jobs += [
            Job(clip=clip, start="zero", start_s=0.0, seed=protocol.seed + i)
            for i in range(protocol.seeds)
        ]
        remaining = min(protocol.min_remaining_s, duration / 2)
        latest = int((duration - remaining) / control_dt_s + 1e-6)
        for i in range(protocol.random_starts):
            rng = np.random.default_rng([protocol.seed + i, clip])
            step = int(rng.integers(0, latest + 1))
            jobs.append(
                Job(clip=clip, start="random", start_s=step * control_dt_s, seed=protocol.seed + i)
            )
    return sorted(jobs, key=lambda job: job.start_s - durations_s[job.clip])
