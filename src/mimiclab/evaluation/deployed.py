"""The evaluation loop's view of simulators of one robot each: what deployment runs, in numbers.

Robots start, are observed, driven and stopped by the policy's contract alone, in NumPy, as on
hardware. Clips, starts, noise and limits are those of `TrackingArena`, so that the same job can be
compared episode by episode.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.observations import ObservationBuilder, Observed
from mimiclab.deployment.reference import REFERENCE_OUTPUTS, Reference
from mimiclab.deployment.simulator import RobotState, build_model
from mimiclab.deployment.simulators import open_simulator
from mimiclab.deployment.terminations import crossed_limit
from mimiclab.errors import ContractError, MotionError
from mimiclab.evaluation.metrics import KinematicState, has_fallen
from mimiclab.evaluation.perturbation import Perturbation, Pushes
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.rollout import Snapshot
from mimiclab.evaluation.starts import job_key, unit_noise
from mimiclab.maths.mosaic_metrics import FALL_ANGLE
from mimiclab.robots import Robot
from mimiclab.tasks.tracking.disturbance import disturbed, reset_spread

if TYPE_CHECKING:
    from mimiclab.deployment.physx_cfg import PhysxCfg
    from mimiclab.motions.library import MotionLibrary


class DeployedArena:
    """N simulators of one robot each; an `evaluation.rollout.Arena`."""

    def __init__(
        self,
        contract: PolicyContract,
        library: "MotionLibrary",
        protocol: Protocol,
        *,
        simulator: str,
        num_envs: int,
        perturbation: Perturbation | None = None,
        physx: "PhysxCfg | None" = None,
    ) -> None:
        """Build the simulators; see `simulators.unsupported_switches` for the protocol.

        Raises:
            ContractError: the policy follows no motion, or the robot here differs.
            MotionError: motions of another robot.
            EngineError: the simulator is not available.
            MimiclabError: a perturbation that this robot cannot have.
        """
        robot = contract.robot_model()
        if library.robot != contract.robot:
            raise MotionError(
                f"the motions are for robot {library.robot!r}, the policy for {contract.robot!r}; "
                "retarget them or choose another policy"
            )
        if contract.velocity is not None:
            raise ContractError(
                "the policy follows a commanded velocity, so no clip can score it; try "
                "`mimiclab evaluate velocity`"
            )
        change = perturbation or Perturbation()
        self.contract = perturbed_contract(contract, robot, change)
        self.simulator, self.num_envs = simulator, num_envs
        self.dt_s = contract.physics.control_dt_s
        self.anchor: int = contract.anchor_index
        self.end_effectors: Sequence[int] = contract.end_effector_indices
        delay = change.delay_s / contract.physics.dt_s
        if abs(delay - round(delay)) > 1e-6:
            raise ContractError(
                f"a delay of {change.delay_s:g} s is not a whole number of physics steps of "
                f"{contract.physics.dt_s:g} s"
            )
        model = build_model(self.contract, change.payload_kg(robot))
        self._sims = [
            open_simulator(simulator, self.contract, model, delay_steps=round(delay), physx=physx)
            for _ in range(num_envs)
        ]
        self._builders = [ObservationBuilder(contract) for _ in range(num_envs)]
        self._library, self._protocol = library, protocol
        self._references: dict[int, Reference] = {}
        self._soft = _soft_limits(robot)
        self._spread = reset_spread(robot.num_joints, "cpu")
        self._pushes = Pushes(change, num_envs, self.dt_s) if change.pushes else None
        joints = robot.num_joints
        self._actions = np.zeros((num_envs, joints))
        self._default = np.array(contract.default_joint_pos)
        self._scale = np.array(contract.action_scale)
        self._reference: list[Reference] = [self._of_clip(0)] * num_envs
        self._frame = [0] * num_envs
        self._state: list[RobotState] = [sim.state() for sim in self._sims]
        self._observed: list[Observed | None] = [None] * num_envs
        self._obs = np.zeros((num_envs, contract.observation_size), np.float32)
        self._reasons = [""] * num_envs

    @property
    def limits(self) -> dict[str, float]:
        """Termination limits in force: name to threshold."""
        if not self._protocol.terminate:
            return {}
        if self._protocol.rule == "mosaic":
            return {"base_fall": FALL_ANGLE}
        limits = self.contract.terminations
        known = {
            "anchor_pos": limits.anchor_height_m,
            "anchor_ori": limits.anchor_tilt,
            "ee_body_pos": limits.end_effector_height_m,
        }
        return {name: value for name, value in known.items() if value is not None}

    def stamp(self) -> dict[str, Any]:
        """Where it runs, for reports."""
        return {
            "engine": self.simulator,
            "engine_version": self._sims[0].version,
            "device": "cpu",
            "num_envs": self.num_envs,
            "physics_dt_s": self.contract.physics.dt_s,
            "policy_hz": 1.0 / self.dt_s,
        }

    def observed_terms(self) -> dict[str, int]:
        """Sizes of the policy's observation terms, in order."""
        return {term.name: term.size * term.history for term in self.contract.observations}

    def start(
        self, env_ids: torch.Tensor, clip: torch.Tensor, time_s: torch.Tensor, seed: torch.Tensor
    ) -> None:
        """Begin episodes, with the protocol's initial noise."""
        scale = self._protocol.initial_noise
        frames = self._library.frames(clip, time_s)
        keys = [
            job_key(*job, self.dt_s)
            for job in zip(seed.tolist(), clip.tolist(), time_s.tolist(), strict=True)
        ]
        drawn = 2 * unit_noise(keys, len(self._spread)) - 1
        error = scale * self._spread * drawn.to(self._spread)
        origins = torch.zeros(len(keys), 3)
        joints, root = (part.double().numpy() for part in disturbed(frames, origins, error))
        if scale > 0:
            joints = np.clip(joints, *self._soft)
        for row, env in enumerate(env_ids.tolist()):
            self._reference[env], self._frame[env] = self._of_clip(int(clip[row])), keys[row][2]
            self._sims[env].place(
                root_pos_w=root[row, :3],
                root_quat_w=root[row, 3:7],
                root_lin_vel_w=root[row, 7:10],
                root_ang_vel_w=root[row, 10:13],
                joint_pos=joints[row],
                joint_vel=frames.joint_vel[row].double().numpy(),
            )
            self._builders[env].reset()
            self._actions[env], self._reasons[env] = 0.0, ""
            self._state[env] = self._sims[env].state()
            if self._pushes is not None:
                self._pushes.begin(env, keys[row])
            self._observe(env)

    def observations(self) -> torch.Tensor:
        """What the policy sees now (N, D)."""
        return torch.from_numpy(self._obs.copy())

    def target(self) -> KinematicState:
        """The reference that the coming step leads to."""
        return _stacked(
            [ref.frames(i + 1) for ref, i in zip(self._reference, self._frame, strict=True)]
        )

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One control step, without resets."""
        self._actions = actions.double().numpy().copy()
        if self._pushes is not None:
            self._push(*self._pushes.next())
        for env, sim in enumerate(self._sims):
            sim.step(self._joint_targets(env))
            self._frame[env] += 1
            self._state[env] = sim.state()
            self._reasons[env] = self._ended_by(env)
            self._observe(env)
        failed = torch.tensor([bool(reason) for reason in self._reasons])
        return failed, torch.zeros_like(failed)

    def robot(self) -> KinematicState:
        """The robots now."""
        return _stacked(self._state)

    def feet_force(self) -> torch.Tensor | None:
        """Not measured here."""
        return None

    def failure_reasons(self, env_ids: Sequence[int]) -> list[str]:
        """First limit that each failed episode crossed; `diverged` if the physics gave way."""
        return [self._reasons[i] for i in env_ids]

    def close(self) -> None:
        """Free the simulators."""
        self._sims.clear()

    def _joint_targets(self, env: int) -> np.ndarray:
        seen = self._observed[env]
        assert seen is not None  # an episode has begun
        residual = self.contract.action_offset == "reference"
        offset = seen.now.joint_pos if residual else self._default
        return offset + self._scale * self._actions[env]

    def _push(self, forces: np.ndarray, kicks: np.ndarray) -> None:
        for sim, force, kick in zip(self._sims, forces, kicks, strict=True):
            sim.set_force(self.contract.anchor_body, force)
            if kick.any():
                sim.push(kick, np.zeros(3))

    def _observe(self, env: int) -> None:
        seen = Observed(
            contract=self.contract,
            robot=self._state[env],
            last_action=self._actions[env].copy(),
            reference=self._reference[env],
            frame=self._frame[env] + self.contract.reference_lead_steps,
        )
        self._observed[env] = seen
        self._obs[env] = self._builders[env](seen)

    def _ended_by(self, env: int) -> str:
        if not self._sims[env].finite:
            return "diverged"
        if not self._protocol.terminate:
            return ""
        if self._protocol.rule == "mosaic":
            fallen = has_fallen(self._state[env].body_quat_w[:1], FALL_ANGLE)
            return "base_fall" if bool(fallen[0]) else ""
        target = self._reference[env].frames(self._frame[env])
        return crossed_limit(self.contract, target, self._state[env])

    def _of_clip(self, clip: int) -> Reference:
        """A clip at the policy's rate, as the library interpolates it in training."""
        if clip not in self._references:
            library, names = self._library, self.contract.motion_names
            name = library.clip_names[clip]
            count = int(float(library.durations_s[clip]) / self.dt_s + 1e-6) + 1
            times = torch.arange(count, dtype=torch.float64) * self.dt_s
            frames = library.frames(torch.full((count,), clip), times)
            rows = [library.body_names.index(body) for body in self.contract.body_names]
            arrays = {
                key: getattr(frames, key).double().numpy()[:, rows]
                if key.startswith("body")
                else getattr(frames, key).double().numpy()
                for key in REFERENCE_OUTPUTS
            }
            index = names.index(name) if name in names else 0
            self._references[clip] = Reference(
                name=name, dt_s=self.dt_s, clip_index=index, **arrays
            )
        return self._references[clip]


def perturbed_contract(
    contract: PolicyContract, robot: Robot, change: Perturbation
) -> PolicyContract:
    """The contract on weaker motors and another floor; observations keep their meaning."""
    import re

    physics, strength = contract.physics, change.motor_strength
    if change.friction is not None:
        value = change.friction
        contacts = tuple(
            replace(contact, friction=(value, *contact.friction[1:]))
            if re.fullmatch(robot.foot_geoms, contact.name)
            else contact
            for contact in physics.contacts
        )
        physics = replace(physics, contacts=contacts)
    return replace(
        contract,
        physics=physics,
        stiffness=tuple(strength * k for k in contract.stiffness),
        damping=tuple(strength * d for d in contract.damping),
        effort_limit=tuple(strength * limit for limit in contract.effort_limit),
    )


def _soft_limits(robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the joint angles that episodes start from: mjlab's soft limits, rad (J,)."""
    low, high = robot.joint_limits.T
    middle, half = (low + high) / 2, (high - low) / 2
    limited = np.isfinite(half)
    with np.errstate(invalid="ignore"):
        ends = middle - robot.soft_limit_factor * half, middle + robot.soft_limit_factor * half
    return np.where(limited, ends[0], -np.inf), np.where(limited, ends[1], np.inf)


def _stacked(states: Sequence[Any]) -> KinematicState:
    return Snapshot(
        **{
            name: torch.from_numpy(np.stack([getattr(state, name) for state in states]))
            for name in Snapshot.__annotations__
        }
    )
