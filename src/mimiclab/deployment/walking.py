"""A policy file that follows velocity commands, in closed loop: one robot on flat ground.

The simulator may be any of `RobotSimulator`'s kind; what is measured needs only its state.
"""

from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np

from mimiclab.deployment.commands import CommandSource
from mimiclab.deployment.disturbances import StartNoise, push_schedule
from mimiclab.deployment.observations import ObservationBuilder, Observed
from mimiclab.deployment.policy import Policy
from mimiclab.deployment.simulator import FLOOR, RobotSimulator, RobotState
from mimiclab.deployment.velocity_command import GaitPhases
from mimiclab.deployment.walk_metrics import WalkTrace, walk_metrics
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_multiply, quat_rotate_inverse


@dataclass(frozen=True, kw_only=True)
class WalkCfg:
    """How an episode starts, ends and is disturbed."""

    seed: int = 0
    """Seed of the initial state and of pushes."""
    seconds: float = 10.0
    """Duration, s."""
    initial_noise: float = 0.0
    """Scale of the initial-state noise; 1 is that of BeyondMimic's training resets."""
    pushes: bool = False
    """Shove the root every 1 to 3 s with BeyondMimic's training velocities."""
    terminate: bool = True
    """End the episode when a limit of the contract is crossed."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What happened. T control steps were taken."""

    seed: int
    steps: int
    survived_s: float
    completed: bool
    """Lasted for the wanted seconds without crossing a limit."""
    reason: str
    """`time_limit`, or the limit that was crossed."""
    metrics: dict[str, Any]
    """See `walk_metrics`; empty if the robot fell at once."""
    commands: np.ndarray = field(repr=False)
    """(T, 3) forward, left and turn; m/s and rad/s."""
    achieved: np.ndarray = field(repr=False)
    """The root's velocities in its own frame after each step, (T, 3)."""
    qpos: np.ndarray = field(repr=False)
    """Robot after each step, the start included. (T + 1, 7 + J)."""

    def to_dict(self) -> dict[str, Any]:
        """The episode without its trajectory, for JSON."""
        return {
            "seed": self.seed,
            "steps": self.steps,
            "survived_s": round(self.survived_s, 6),
            "completed": self.completed,
            "reason": self.reason,
            **self.metrics,
        }


class Walker:
    """A policy and its robot: whole episodes by `run`, or step by step for who steers."""

    def __init__(self, policy: Policy, simulator: RobotSimulator | None = None) -> None:
        """Build the robot of the policy's contract, unless `simulator` has it.

        Raises:
            ContractError: the policy follows a motion or observes an unknown term, or the robot
                here differs.
        """
        contract = policy.contract
        if contract.velocity is None:
            raise ContractError(
                "the policy follows a motion, not a commanded velocity; give one with --motion"
            )
        self.policy, self.contract, self.command = policy, contract, contract.velocity
        self.simulator = RobotSimulator(contract) if simulator is None else simulator
        self._observe = ObservationBuilder(contract)
        self._phases = GaitPhases(contract.velocity, contract.physics.control_dt_s)
        self._default = np.array(contract.default_joint_pos)
        self._scale = np.array(contract.action_scale)
        self._gains = np.array([contract.stiffness, contract.damping, contract.effort_limit])
        self._fall_geoms = _geoms_of(self.simulator.model, contract.terminations.contact_bodies)
        self.reset()

    def reset(self, noise: StartNoise | None = None) -> None:
        """Stand in the default pose, `noise` added, the feet on the ground."""
        noise = noise or StartNoise.draw(np.random.default_rng(0), len(self._default)).scaled(0.0)
        self.simulator.place(
            root_pos_w=np.array([0.0, 0.0, self.contract.robot_model().default_root_height]),
            root_quat_w=quat_multiply(noise.rotation, np.array([1.0, 0.0, 0.0, 0.0])),
            joint_pos=self._default + noise.joints,
            root_lin_vel_w=noise.lin_vel,
            root_ang_vel_w=noise.ang_vel,
        )
        self.simulator.lift_to_floor()
        self._observe.reset()
        self._phases.reset()
        self.policy.reset()
        self._action = np.zeros(len(self._default))
        self.robot: RobotState = self.simulator.state()
        self.joint_targets = self._default.copy()
        """What the joints are sent to, rad (J,)."""

    def step(self, command: np.ndarray) -> None:
        """Observe, act and simulate one control step under a command (3,)."""
        observed = Observed(
            contract=self.contract,
            robot=self.robot,
            last_action=self._action,
            velocity=command,
            phases=self._phases.step(command),
        )
        self._action = np.asarray(self.policy.act(self._observe(observed)), np.float64)
        self.joint_targets = self._default + self._scale * self._action
        self.simulator.step(self.joint_targets)
        self.robot = self.simulator.state()

    @property
    def velocity(self) -> np.ndarray:
        """The root's velocity forward and left, m/s, and its turn, rad/s, in its own frame. (3,)"""
        robot = self.robot
        linear = quat_rotate_inverse(robot.body_quat_w[0], robot.body_lin_vel_w[0])
        angular = quat_rotate_inverse(robot.body_quat_w[0], robot.body_ang_vel_w[0])
        return np.array([linear[0], linear[1], angular[2]])

    @property
    def torques(self) -> np.ndarray:
        """What the PD law asks of the motors in the present state, within their limits. (J,) N m"""
        kp, kd, limit = self._gains
        error = self.joint_targets - self.robot.joint_pos
        return np.clip(kp * error - kd * self.robot.joint_vel, -limit, limit)

    def crossed_limit(self) -> str:
        """Name of the limit that the robot crosses now, `unstable`, or an empty string."""
        limits = self.contract.terminations
        if not self.simulator.finite:
            return "unstable"
        if limits.tilt is not None:
            up = -quat_rotate_inverse(self.robot.body_quat_w[0], np.array([0.0, 0.0, -1.0]))[2]
            if up < np.cos(limits.tilt):
                return "tilt"
        model, data = self.simulator.model, self.simulator.data
        floor = model.geom(FLOOR).id
        if any(
            mujoco.mj_geomDistance(model, data, floor, geom, 0.01, None) < 0.0
            for geom in self._fall_geoms
        ):
            return "contact"
        return ""

    def run(self, source: CommandSource, cfg: WalkCfg | None = None) -> Walk:
        """One episode under the commands of `source`.

        Raises:
            ContractError: a command outside the ranges trained with, or no positive duration.
        """
        cfg = cfg or WalkCfg()
        if not cfg.seconds > 0:
            raise ContractError(f"seconds is {cfg.seconds}, expected a positive number")
        rng = np.random.default_rng(cfg.seed)
        dt = self.contract.physics.control_dt_s
        self.reset(StartNoise.draw(rng, len(self._default)).scaled(cfg.initial_noise))
        pushes = push_schedule(rng, dt) if cfg.pushes else iter(())
        push = next(pushes, None)
        limit = max(1, round(cfg.seconds / dt))
        trace, qpos = WalkTrace(), [self.simulator.qpos]
        reason = ""
        while not reason:
            command = self.command.check(source.at(len(trace) * dt))
            self.step(command)
            reason = self.crossed_limit()
            qpos.append(self.simulator.qpos)
            if reason == "unstable":
                break
            trace.add(command, self.velocity, self.torques, self.robot, self.joint_targets)
            if not cfg.terminate:
                reason = ""
            if not reason and len(trace) >= limit:
                reason = "time_limit"
            if push is not None and len(trace) >= push[0]:
                self.simulator.push(*push[1:])
                self.robot = self.simulator.state()
                push = next(pushes)
        completed = reason == "time_limit"
        return Walk(
            seed=cfg.seed,
            steps=len(qpos) - 1,
            survived_s=(len(qpos) - 1 if completed else len(qpos) - 2) * dt,
            completed=completed,
            reason=reason,
            metrics=walk_metrics(trace, dt),
            commands=trace.array("commands"),
            achieved=trace.array("achieved"),
            qpos=np.array(qpos),
        )


def _geoms_of(model: mujoco.MjModel, bodies: tuple[str, ...]) -> list[int]:
    """Collision geoms of some bodies.

    Raises:
        ContractError: a body that the robot lacks.
    """
    names = [model.body(i).name for i in range(model.nbody)]
    unknown = [name for name in bodies if name not in names]
    if unknown:
        raise ContractError(
            f"contract: the bodies {', '.join(unknown)}, whose contact ends an episode, are not "
            f"the robot's; it has {', '.join(names[1:])}"
        )
    wanted = {names.index(name) for name in bodies}
    return [
        i
        for i in range(model.ngeom)
        if model.geom_bodyid[i] in wanted and (model.geom_contype[i] or model.geom_conaffinity[i])
    ]
