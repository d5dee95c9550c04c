"""The tracking environment as the evaluation loop sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from mjlab.managers import TerminationTermCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg

from mimiclab.evaluation.metrics import KinematicState, has_fallen
from mimiclab.evaluation.perturbation import Perturbation, Pushes
from mimiclab.evaluation.perturbed_env import perturb
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.starts import job_key, unit_noise
from mimiclab.maths.mosaic_metrics import FALL_ANGLE
from mimiclab.robots import get_robot
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.state import RobotReader, TrackingState

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine

_FEET = "evaluation_feet"
_SPARE_S = 10.0
"""Added to the longest clip, so that the time limit of the task never ends an episode."""


def evaluation_task(task: TrackingTask, protocol: Protocol, longest_s: float) -> TrackingTask:
    """The task under the protocol's switches, with episodes as long as the longest clip."""
    interface, groups = protocol.interface_of(task)
    world = task if protocol.randomisation else task.nominal()
    return replace(
        task.nominal(),
        noise=protocol.observation_noise,
        pushes=protocol.pushes,
        randomisation=protocol.randomisation,
        ground=world.ground,
        actuator_delay_s=world.actuator_delay_s,
        reset_noise=protocol.initial_noise,
        clip_end="terminate",
        stale_targets=False,
        interface=interface,
        interface_groups=groups,
        episode_length_s=longest_s + _SPARE_S,
    )


class TrackingArena:
    """N environments of a tracking task; an `evaluation.rollout.Arena`."""

    def __init__(
        self,
        task: TrackingTask,
        library: "MotionLibrary",
        protocol: Protocol,
        *,
        num_envs: int,
        engine: "Engine" = "auto",
        device: str | None = None,
        perturbation: Perturbation | None = None,
    ) -> None:
        """Build the environments.

        Raises:
            EngineError: the engine or device is not available.
            RobotError: motions of another robot.
            MimiclabError: a perturbation that this robot cannot have.
        """
        change = perturbation or Perturbation()
        task = evaluation_task(task, protocol, float(library.durations_s.max()))
        if change.delay_s:
            task = replace(task, actuator_delay_s=(change.delay_s, change.delay_s))
        cfg = self._env_cfg(task, library, num_envs)
        perturb(cfg, get_robot(task.robot), change)
        cfg.auto_reset = False
        cfg.seed = protocol.seed
        if protocol.rule == "mosaic" or not protocol.terminate:
            cfg.terminations = {k: t for k, t in cfg.terminations.items() if t.time_out}
        if protocol.rule == "mosaic" and protocol.terminate:
            limit = TerminationTermCfg(func=base_fall, params={"threshold": FALL_ANGLE})
            cfg.terminations["base_fall"] = limit
        cfg.scene.sensors = (*cfg.scene.sensors, _feet_sensor(task.robot))
        self.env = make_env(cfg, engine=engine, device=device)
        self.num_envs = num_envs
        self.dt_s = float(self.env.step_dt)
        self._command: Any = self.env.command_manager.get_term("motion")
        self.anchor: int = self._command.anchor_index
        self.end_effectors: Sequence[int] = tuple(self._command.end_effector_indices.tolist())
        self._starts = _ChosenStarts()
        self._command.sampler = self._starts
        self._command.unit_noise = self._noise
        self._reader = RobotReader(self._command.entity, self._command.library.body_names)
        self._limits = [name for name, term in cfg.terminations.items() if not term.time_out]
        self._pushes = Pushes(change, num_envs, self.dt_s) if change.pushes else None
        anchor = get_robot(task.robot).anchor_body
        self._pushed = self._command.entity.body_names.index(anchor)

    def _env_cfg(
        self, task: TrackingTask, library: "MotionLibrary", num_envs: int
    ) -> "ManagerBasedRlEnvCfg":
        """What the environments are, apart from seed and resets; nothing is rewarded."""
        cfg = tracking_env_cfg(task, library, num_envs=num_envs)
        cfg.rewards = {}
        return cfg

    @property
    def limits(self) -> dict[str, float]:
        """Termination limits in force: name to threshold."""
        terms = self.env.cfg.terminations
        return {name: float(terms[name].params["threshold"]) for name in self._limits}

    def start(
        self, env_ids: torch.Tensor, clip: torch.Tensor, time_s: torch.Tensor, seed: torch.Tensor
    ) -> None:
        """Begin episodes, with the protocol's initial noise."""
        device = self.env.device
        self._starts.chosen = (clip.to(device), time_s.to(device))
        jobs = zip(seed.tolist(), clip.tolist(), time_s.tolist(), strict=True)
        self._keys = [job_key(*job, self.dt_s) for job in jobs]
        if self._pushes is not None:
            for env, key in zip(env_ids.tolist(), self._keys, strict=True):
                self._pushes.begin(env, key)
        self._obs, _ = self.env.reset(env_ids=env_ids.to(device))

    def _noise(self, env_ids: torch.Tensor, width: int) -> torch.Tensor:
        """Initial noise that depends on nothing but the job: seed, clip and start time."""
        assert len(self._keys) == len(env_ids)
        return unit_noise(self._keys, width)

    def stamp(self) -> dict[str, Any]:
        """Where it runs, for reports."""
        return {
            "engine": self.env.engine_name,
            "device": str(self.env.device),
            "num_envs": self.num_envs,
            "physics_dt_s": float(self.env.physics_dt),
            "policy_hz": 1.0 / self.dt_s,
        }

    def observed_terms(self) -> dict[str, int]:
        """Sizes of the policy's observation terms, in order."""
        manager = self.env.observation_manager
        sizes = manager.group_obs_term_dim["actor"]
        return {
            name: int(torch.Size(size).numel())
            for name, size in zip(manager.active_terms["actor"], sizes, strict=True)
        }

    def observations(self) -> torch.Tensor:
        """Actor observations (N, D)."""
        return self._obs["actor"]  # pyright: ignore[reportReturnType]  # groups are concatenated

    def target(self) -> KinematicState:
        """The reference that the coming step leads to."""
        return self._command.frame

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One control step, without resets."""
        if self._pushes is not None:
            self._push(*map(torch.from_numpy, self._pushes.next()))
        self._obs, _, terminated, time_outs, _ = self.env.step(actions)
        return terminated.clone(), time_outs.clone()

    def _push(self, force_n: torch.Tensor, change_mps: torch.Tensor) -> None:
        """Forces on the anchor for the coming step, and sudden changes of the root's velocity."""
        entity, device = self._command.entity, self.env.device
        force = force_n.float().to(device)[:, None]
        entity.write_external_wrench_to_sim(force, torch.zeros_like(force), body_ids=[self._pushed])
        kicked = change_mps.any(dim=1).nonzero().flatten().to(device)
        if len(kicked):
            columns = entity.indexing.free_joint_v_adr[:3]
            kick = change_mps.float().to(device)[kicked]
            entity.data.data.qvel[kicked[:, None], columns] += kick

    def robot(self) -> KinematicState:
        """The robots now; derived quantities were refreshed at the end of the step."""
        return TrackingState(self._command.frame, self._reader, self.anchor)

    def feet_force(self) -> torch.Tensor:
        """Net contact force on each foot in the last physics step, N, world. (N, F, 3)."""
        return self.env.scene[_FEET].data.force

    def failure_reasons(self, env_ids: Sequence[int]) -> list[str]:
        """First limit that each failed episode crossed; `diverged` if the physics gave way."""
        crossed = {name: self.env.termination_manager.get_term(name) for name in self._limits}
        return [
            next((name for name, values in crossed.items() if bool(values[i])), "diverged")
            for i in env_ids
        ]

    def close(self) -> None:
        """Free the environments."""
        self.env.close()


def base_fall(env: Any, threshold: float) -> torch.Tensor:
    """MOSAIC's rule: roll or pitch of the base beyond `threshold`, rad. Shape (N,)."""
    entity = env.command_manager.get_term("motion").entity
    return has_fallen(entity.data.root_link_quat_w, threshold)


def _feet_sensor(robot: str) -> ContactSensorCfg:
    return ContactSensorCfg(
        name=_FEET,
        primary=ContactMatch(mode="body", pattern=get_robot(robot).feet, entity="robot"),
        fields=("force",),
        reduce="netforce",
    )


class _ChosenStarts:
    """A start sampler that gives what it was told, and learns nothing."""

    chosen: tuple[torch.Tensor, torch.Tensor]

    def sample(self, env_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert len(self.chosen[0]) == len(env_ids)
        return self.chosen

    def record(self, *_: torch.Tensor) -> None: ...

    def step(self) -> None: ...

    def metrics(self) -> dict[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
