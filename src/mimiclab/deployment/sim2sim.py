"""A policy file in closed loop with plain MuJoCo: one robot, PD at the physics rate.

Nothing but the file's own contract describes the robot, the rates and the observations, so this is
also the smallest complete example of a runner for hardware.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.disturbances import StartNoise, push_schedule
from mimiclab.deployment.interface import Packet, ReferenceStream
from mimiclab.deployment.observations import ObservationBuilder, Observed
from mimiclab.deployment.policy import Policy
from mimiclab.deployment.reference import Reference
from mimiclab.deployment.simulator import RobotSimulator, RobotState
from mimiclab.deployment.terminations import crossed_limit
from mimiclab.errors import ContractError
from mimiclab.maths.metrics import tracking_errors
from mimiclab.maths.rotations import quat_multiply
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


@dataclass(frozen=True, kw_only=True)
class EpisodeCfg:
    """How an episode starts, ends and is disturbed."""

    seed: int = 0
    """Seed of the initial state, of pushes and of the interface's losses and noise."""
    seconds: float | None = None
    """Longest duration, s; None means to the end of the clip, which `hold` and `repeat` lack."""
    start_step: int = 0
    """Frame of the clip to start at, in control steps (BeyondMimic's `motion.start_step`)."""
    start: Literal["reference", "default"] = "reference"
    """Robot's first state: the clip's own, or standing still in the default pose."""
    at_end: Literal["stop", "hold", "repeat"] = "stop"
    """After the last frame: end the episode, hold that pose at rest, or begin again from here."""
    initial_noise: float = 0.1
    """Scale of the initial-state noise; 1 is that of BeyondMimic's training resets."""
    pushes: bool = False
    """Shove the root every 1 to 3 s with BeyondMimic's training velocities."""
    terminate: bool = True
    """End the episode when a limit of the contract is crossed."""
    interface: InterfaceCfg = field(default_factory=InterfaceCfg)
    """Through what the policy sees the motion; metrics and limits keep the true one."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What happened. T control steps were taken."""

    seed: int
    clip: str
    steps: int
    survived_s: float
    completed: bool
    """Reached the end of the clip, or of the allowed seconds, without crossing a limit."""
    reason: str
    """`clip_end`, `time_limit`, or the name of the limit that was crossed."""
    metrics: dict[str, float]
    """Means over the steps of `mimiclab.maths.metrics.METRICS`, and `completion`."""
    qpos: np.ndarray = field(repr=False)
    """Robot after each step, the start included. (T + 1, 7 + J)."""
    reference_qpos: np.ndarray = field(repr=False)
    """Reference at the same times, as moved to the robot. (T + 1, 7 + J)."""

    def to_dict(self) -> dict[str, Any]:
        """The episode without its trajectory, for JSON."""
        return {
            "seed": self.seed,
            "clip": self.clip,
            "steps": self.steps,
            "survived_s": round(self.survived_s, 6),
            "completed": self.completed,
            "reason": self.reason,
            **self.metrics,
        }


class Sim2Sim:
    """A policy, its robot and one motion, ready to run episodes."""

    def __init__(self, policy: Policy, reference: Reference) -> None:
        """Build the robot of the policy's contract.

        Raises:
            ContractError: the robot here differs, or the policy observes an unknown term.
        """
        self.policy = policy
        self.contract = policy.contract
        self.reference = reference
        self.simulator = RobotSimulator(self.contract)
        self._observe = ObservationBuilder(self.contract)
        self._default = np.array(self.contract.default_joint_pos)
        self._scale = np.array(self.contract.action_scale)

    def run(self, cfg: EpisodeCfg | None = None) -> Episode:
        """One episode.

        Raises:
            ContractError: `start_step` is outside the clip, or the episode would never end.
        """
        cfg = cfg or EpisodeCfg()
        self._check(cfg)
        rng = np.random.default_rng(cfg.seed)
        dt, lead = self.contract.physics.control_dt_s, self.contract.reference_lead_steps
        playback = _Playback(cfg, self.contract, self._place(cfg, rng))
        pushes = push_schedule(rng, dt) if cfg.pushes else iter(())
        push = next(pushes, None)
        limit = playback.length if cfg.seconds is None else max(1, round(cfg.seconds / dt))
        if cfg.at_end == "stop":
            limit = min(limit, playback.length)
        self._observe.reset()
        self.policy.reset()
        action = np.zeros(len(self._default))
        robot, target = self.simulator.state(), playback.target
        qpos, reference_qpos = [self.simulator.qpos], [target.qpos()]
        errors: list[dict[str, float]] = []
        reason = ""
        while not reason:
            observed = Observed(
                contract=self.contract,
                robot=robot,
                reference=playback.reference,
                frame=playback.frame + lead,
                last_action=action,
                packet=playback.packet(lead),
            )
            action = np.asarray(self.policy.act(self._observe(observed)), np.float64)
            self.simulator.step(self._joint_targets(action, observed.now))
            previous = (target, robot)
            robot, target = self.simulator.state(), playback.advance()
            if not self.simulator.finite:
                reason = "unstable"
                break
            found = tracking_errors(
                target, robot, anchor=self.contract.anchor_index, previous=previous, dt_s=dt
            )
            errors.append({name: float(value) for name, value in found.items()})
            qpos.append(self.simulator.qpos)
            reference_qpos.append(target.qpos())
            reason = crossed_limit(self.contract, target, robot) if cfg.terminate else ""
            if not reason and len(errors) >= limit:
                reason = "clip_end" if playback.at_last and cfg.at_end == "stop" else "time_limit"
            playback.wrap(robot)
            if push is not None and len(errors) >= push[0]:
                self.simulator.push(*push[1:])
                push = next(pushes)
        completed = reason in ("clip_end", "time_limit")
        survived = len(errors) if completed or reason == "unstable" else len(errors) - 1
        return Episode(
            seed=cfg.seed,
            clip=self.reference.name,
            steps=len(qpos) - 1,
            survived_s=survived * dt,
            completed=completed,
            reason=reason,
            metrics={"completion": survived / limit, **_means(errors)},
            qpos=np.array(qpos),
            reference_qpos=np.array(reference_qpos),
        )

    def _check(self, cfg: EpisodeCfg) -> None:
        frames = self.reference.num_frames
        if not 0 <= cfg.start_step < frames - 1:
            raise ContractError(
                f"start step {cfg.start_step} is outside clip {self.reference.name!r}, which has "
                f"{frames} control steps; choose 0 to {frames - 2}"
            )
        if cfg.at_end != "stop" and cfg.seconds is None:
            raise ContractError(f"an episode with --at-end {cfg.at_end} has no end: give --seconds")
        if cfg.seconds is not None and not cfg.seconds > 0:
            raise ContractError(f"seconds is {cfg.seconds}, expected a positive number")

    def _joint_targets(self, action: np.ndarray, goal: Reference) -> np.ndarray:
        residual = self.contract.action_offset == "reference"
        return (goal.joint_pos if residual else self._default) + self._scale * action

    def _place(self, cfg: EpisodeCfg, rng: np.random.Generator) -> Reference:
        """Put the robot into its first state; returns the reference moved to it."""
        first = self.reference.frames(cfg.start_step)
        noise = StartNoise.draw(rng, len(self._scale)).scaled(cfg.initial_noise)
        if cfg.start == "reference":
            self.simulator.place(
                root_pos_w=first.body_pos_w[0] + noise.position,
                root_quat_w=quat_multiply(noise.rotation, first.body_quat_w[0]),
                joint_pos=first.joint_pos + noise.joints,
                root_lin_vel_w=first.body_lin_vel_w[0] + noise.lin_vel,
                root_ang_vel_w=first.body_ang_vel_w[0] + noise.ang_vel,
                joint_vel=first.joint_vel,
            )
        else:
            height = self.contract.robot_model().default_root_height
            self.simulator.place(
                root_pos_w=np.array([0.0, 0.0, height]),
                root_quat_w=np.array([1.0, 0.0, 0.0, 0.0]),
                joint_pos=self._default + noise.joints,
            )
            self.simulator.lift_to_floor()
        return align(self.reference, cfg.start_step, self.contract, self.simulator.state())


def align(
    reference: Reference, frame: int, contract: PolicyContract, robot: RobotState
) -> Reference:
    """The reference moved so that its anchor at `frame` has the robot anchor's xy and heading."""
    i = contract.anchor_index
    return reference.aligned(frame, i, robot.body_pos_w[i], robot.body_quat_w[i])


class _Playback:
    """Where in the reference the episode is, and what follows its last frame."""

    def __init__(self, cfg: EpisodeCfg, contract: PolicyContract, reference: Reference) -> None:
        self.reference = reference.held() if cfg.at_end == "hold" else reference
        self.frame = cfg.start_step
        self._last = reference.num_frames - 1
        self.length = self._last - cfg.start_step
        self._cfg, self._contract = cfg, contract
        self._stream = (
            None if cfg.interface.is_perfect else ReferenceStream(cfg.interface, contract, cfg.seed)
        )

    @property
    def at_last(self) -> bool:
        return self.frame >= self._last

    @property
    def target(self) -> Reference:
        return self.reference.frames(self.frame)

    def packet(self, lead: int) -> Packet | None:
        """What an interface delivers in this control step; asked once in each."""
        if self._stream is None:
            return None
        return self._stream.receive(self.reference, self.frame + lead)

    def advance(self) -> Reference:
        self.frame += 1
        return self.target

    def wrap(self, robot: RobotState) -> None:
        if not self.at_last or self._cfg.at_end != "repeat":
            return
        self.frame = 0
        self.reference = align(self.reference, 0, self._contract, robot)
        if self._stream is not None:
            self._stream.restart()


def _means(errors: list[dict[str, float]]) -> dict[str, float]:
    names = errors[0] if errors else ()
    return {name: float(np.mean([row[name] for row in errors])) for name in names}
