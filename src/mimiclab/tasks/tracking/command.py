"""The tracking command: which clip and time each environment follows, and the reference there.

Order of one control step, as in BeyondMimic: physics; terminations and rewards score the robot
against `frame`; finished environments are reset to a sampled start; then time advances by one step
and observations see the reference that the coming step will be scored against.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import CommandTerm, CommandTermCfg

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.library import MotionFrame, MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking.disturbance import disturbed, reset_spread
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.metrics import METRIC_NAMES, step_metrics
from mimiclab.tasks.tracking.received import ReceivedReference
from mimiclab.tasks.tracking.reference import ReferenceView
from mimiclab.tasks.tracking.state import RobotReader, TrackingState

_SAMPLER_LOG_INTERVAL = 50
"""Control steps between updates of the sampler's logged metrics."""


@dataclass(kw_only=True)
class TrackingCommandCfg(CommandTermCfg):
    """Settings of `TrackingCommand`."""

    library: MotionLibrary | str
    """The clips, a saved library, or `builtin:NAME`; strings are opened when the term is built."""
    robot: str = "unitree_g1"
    """Registry name of the robot."""
    entity_name: str = "robot"
    """Name of the robot in the scene."""
    sampler: SamplerCfg = field(default_factory=SamplerCfg)
    """Where episodes start."""
    reset_noise: float = 1.0
    """Scale of the noise of the state at reset."""
    difficulty: float = 1.0
    """Initial scale of reset noise and pushes, which a curriculum may move."""
    wrap: bool = False
    """Teleport to a new start at the end of a clip."""
    stale_targets: bool = False
    """Rewards use the targets that were re-anchored for the previous observation."""
    horizon_s: tuple[float, ...] = ()
    """Times ahead of `future`, s."""
    interface: InterfaceCfg = field(default_factory=InterfaceCfg)
    """Through what `observed` is seen."""
    interface_groups: tuple[str, ...] = ()
    """Motion groups that come through the interface; empty for all clips."""
    resampling_time_range: tuple[float, float] = (1e9, 1e9)
    """Unused: starts are drawn at resets only."""

    def build(self, env: ManagerBasedRlEnv) -> "TrackingCommand":
        """Make the term."""
        return TrackingCommand(self, env)


class TrackingCommand(CommandTerm):
    """Reference motion of N environments. Times are float64 seconds since the clip's start."""

    cfg: TrackingCommandCfg

    def __init__(self, cfg: TrackingCommandCfg, env: ManagerBasedRlEnv) -> None:
        """Raises RobotError if the scene's robot is not the library's."""
        super().__init__(cfg, env)
        self.robot = get_robot(cfg.robot)
        self.library = open_library(cfg.library, cfg.robot, env.step_dt).to(self.device)
        self.entity = env.scene[cfg.entity_name]
        self._check_robot()
        bodies = self.library.body_names
        self.anchor_index = bodies.index(self.robot.anchor_body)
        """Index of the anchor among tracked bodies."""
        self.end_effector_indices = torch.tensor(
            [bodies.index(name) for name in self.robot.end_effectors], device=self.device
        )
        """Indices of the end effectors among tracked bodies."""
        self.nominal_joint_pos = self.entity.data.default_joint_pos.clone()
        """Default pose before joint offsets were randomised. Shape (N, J)."""
        limits = self.entity.data.soft_joint_pos_limits
        self.soft_limits = (limits[..., 0].contiguous(), limits[..., 1].contiguous())
        """Lower and upper soft joint limits, rad. Shapes (N, J)."""
        self.sampler = cfg.sampler.build(self.library, step_s=env.step_dt, device=self.device)
        self.difficulty = cfg.difficulty
        """Present scale of reset noise and pushes, 0 to 1."""

        n, f64 = self.num_envs, torch.float64
        self.clip = torch.zeros(n, dtype=torch.long, device=self.device)
        """Clip of each environment. Shape (N,)."""
        self.time_s = torch.zeros(n, dtype=f64, device=self.device)
        """Time of `frame` in the clip. Shape (N,)."""
        self.start_time_s = torch.zeros(n, dtype=f64, device=self.device)
        """Time in the clip at which the episode (or the part since a wrap) began. Shape (N,)."""
        self.duration_s = self.library.durations_s[self.clip]
        """Duration of each environment's clip. Shape (N,)."""
        self.episode_steps = torch.zeros(n, dtype=torch.long, device=self.device)
        """Control steps scored since the episode began. Shape (N,)."""
        self._metric_sums = torch.zeros(n, len(METRIC_NAMES), device=self.device)
        self._sampler_metrics = self.sampler.metrics()
        self._steps_to_log = _SAMPLER_LOG_INTERVAL
        self._spread = reset_spread(len(self.library.joint_names), self.device)
        self.unit_noise: Callable[[torch.Tensor, int], torch.Tensor] = _uniform
        """Draws the noise of states at reset: environments (n,), width W to (n, W), 0 to 1."""
        self._forced: tuple[torch.Tensor, torch.Tensor] | None = None
        self.reference = ReferenceView(self.library, env.scene, env.step_dt)
        """The true reference."""
        self.received: ReceivedReference | ReferenceView = self.reference
        """The reference as it comes out of the interface; `reference` itself if that is perfect."""
        self._reader = RobotReader(self.entity, bodies)
        self._one_hot: torch.Tensor | None = None
        if not cfg.interface.is_perfect:
            self.received = ReceivedReference(
                self.reference,
                cfg.interface,
                cfg.interface_groups,
                time_s=self.time_s,
                anchor=self.anchor_index,
            )
        self._refresh(None)

    @property
    def frame(self) -> MotionFrame:
        """The reference at `time_s`, environment origins included."""
        return self.reference.frame

    @property
    def observed(self) -> MotionFrame:
        """`frame` as the policy sees it; the same object behind a perfect interface."""
        return self.received.frame

    @property
    def command(self) -> torch.Tensor:
        """Reference joint angles and velocities. Shape (N, 2 J)."""
        return self.frame.joint_pos_vel

    @property
    def default_joint_pos(self) -> torch.Tensor:
        """Default pose of each environment, joint offsets included, rad. Shape (N, J)."""
        return self.entity.data.default_joint_pos

    @property
    def state(self) -> TrackingState:
        """Reference and robot now; after physics stepped, also scores the step, once."""
        if self._env._sim_step_counter != self._state_step:
            self._state = self._new_state(self._state if self.cfg.stale_targets else None)
            self._metric_sums += step_metrics(self._state)
            self.episode_steps += 1
        return self._state

    @property
    def future(self) -> MotionFrame:
        """The reference at `time_s + horizon_s`, shapes (N, H, ...); the last frame is held."""
        return self.reference.ahead(tuple(self.cfg.horizon_s))

    @property
    def clip_one_hot(self) -> torch.Tensor:
        """Which clip each environment follows. Shape (N, C)."""
        if self._one_hot is None:
            self._one_hot = torch.nn.functional.one_hot(self.clip, self.library.num_clips).float()
        return self._one_hot

    @property
    def body_pos_relative_w(self) -> torch.Tensor:
        """Re-anchored reference positions, m. Shape (N, B, 3)."""
        return self.state.targets[0]

    @property
    def body_quat_relative_w(self) -> torch.Tensor:
        """Re-anchored reference orientations. Shape (N, B, 4)."""
        return self.state.targets[1]

    def start(
        self, clip: torch.Tensor, time_s: torch.Tensor, env_ids: torch.Tensor | None = None
    ) -> Any:
        """Reset environments to exact reference states, without noise; returns observations.

        Args:
            clip: clip of each. Shape (n,).
            time_s: time in the clip. Shape (n,).
            env_ids: which environments, (n,); all by default.

        Raises:
            MotionError: an unknown clip, or a time outside it.
        """
        if env_ids is None:
            env_ids = torch.arange(self.num_envs, device=self.device)
        clip, time_s = clip.to(self.device), time_s.to(self.device, torch.float64)
        if bool(((clip < 0) | (clip >= self.library.num_clips)).any()):
            raise MotionError(
                f"clips {clip.tolist()[:10]} asked for, the library has 0 to "
                f"{self.library.num_clips - 1}"
            )
        durations = self.library.durations_s[clip]
        if bool(((time_s < 0) | (time_s > durations + 1e-6)).any()):
            raise MotionError(
                f"start times {time_s.tolist()[:10]} s asked for in clips that last "
                f"{durations.tolist()[:10]} s; choose times within"
            )
        steps = time_s / self._env.step_dt
        if bool(((steps - steps.round()).abs() > 1e-6).any()):
            self.reference.on_grid = False  # from now on frames are interpolated where needed
        self._forced = (clip, time_s)
        return self._env.reset(env_ids=env_ids)[0]

    # mjlab's life cycle.

    def reset(self, env_ids: torch.Tensor | slice | None) -> dict[str, float]:
        """Note how episodes ended, begin new ones, and report means over those that ended."""
        assert isinstance(env_ids, torch.Tensor)  # as mjlab calls it
        played = env_ids[self.episode_steps[env_ids] > 0]
        extras: dict[str, float] = {}
        if len(played):
            self._record(played, self._env.termination_manager.terminated[played])
            steps = self.episode_steps[played].unsqueeze(1)
            means = (self._metric_sums[played] / steps).mean(0).tolist()
            extras = dict(zip(METRIC_NAMES, means, strict=True))
        extras |= {f"sampling_{name}": value for name, value in self._sampler_metrics.items()}
        self._metric_sums[env_ids] = 0.0
        self.episode_steps[env_ids] = 0
        self.command_counter[env_ids] = 1
        self._begin(env_ids)
        return extras

    def compute(self, dt: float | torch.Tensor, env_ids: torch.Tensor | None = None) -> None:
        """Advance by one control step: all environments, or those just reset by hand."""
        self._update_command(env_ids)

    def _update_command(self, env_ids: torch.Tensor | None) -> None:
        if env_ids is None:
            self.time_s += self._env.step_dt
            self.sampler.step()
            self._steps_to_log -= 1
            if self._steps_to_log <= 0:
                self._sampler_metrics = self.sampler.metrics()
                self._steps_to_log = _SAMPLER_LOG_INTERVAL
        else:
            self.time_s[env_ids] += self._env.step_dt
        if self.cfg.wrap:
            ended = (self.time_s > self.duration_s + 1e-6).nonzero().flatten()
            if len(ended):
                self._record(ended, torch.zeros_like(ended, dtype=torch.bool))
                self._begin(ended)
                self._env.sim.forward()
        self._refresh(env_ids)

    def _resample_command(self, env_ids: torch.Tensor) -> None:
        self._begin(env_ids)

    def _update_metrics(self) -> None:
        """Metrics are taken when a step is scored; see `state`."""

    def _debug_vis_impl(self, visualizer: Any) -> None:
        from mimiclab.tasks.tracking.drawing import draw

        draw(self, visualizer)

    # Parts.

    def _refresh(self, env_ids: torch.Tensor | None) -> None:
        """Look up the reference and start a new state for observations.

        A control step passed in all environments (None), or in some.
        """
        self.reference.update(self.clip, self.time_s)
        if isinstance(self.received, ReceivedReference):
            self.received.update(env_ids)
        self._state = self._new_state(None)
        if self.cfg.stale_targets:
            _ = self._state.targets  # now, while the robot is where it is

    def _new_state(self, lender: TrackingState | None) -> TrackingState:
        self._state_step = self._env._sim_step_counter
        return TrackingState(self.frame, self._reader, self.anchor_index, lender)

    def _record(self, env_ids: torch.Tensor, failed: torch.Tensor) -> None:
        self.sampler.record(
            self.clip[env_ids], self.start_time_s[env_ids], self.time_s[env_ids], failed
        )

    def _begin(self, env_ids: torch.Tensor) -> None:
        """Choose a start for these environments and write that state to the simulation."""
        if self._forced is not None:
            (clip, time_s), scale = self._forced, 0.0
            self._forced = None
        else:
            clip, time_s = self.sampler.sample(env_ids)
            scale = self.cfg.reset_noise * self.difficulty
        self.clip[env_ids] = clip
        self.time_s[env_ids] = time_s
        self.start_time_s[env_ids] = time_s
        self.duration_s[env_ids] = self.library.durations_s[clip]
        self._one_hot = None
        if isinstance(self.received, ReceivedReference):
            self.received.restart(env_ids)
        self._write_state(env_ids, self.library.frames(clip, time_s), scale)

    def _write_state(self, env_ids: torch.Tensor, frame: MotionFrame, scale: float) -> None:
        drawn = 2 * self.unit_noise(env_ids, len(self._spread)) - 1
        origins = self._env.scene.env_origins[env_ids]
        joint_pos, root = disturbed(frame, origins, scale * self._spread * drawn.to(self._spread))
        if scale > 0:
            lower, upper = (limit[env_ids] for limit in self.soft_limits)
            joint_pos = joint_pos.clamp(lower, upper)
        self.entity.write_joint_state_to_sim(joint_pos, frame.joint_vel, env_ids=env_ids)
        self.entity.write_root_state_to_sim(root, env_ids=env_ids)
        self.entity.reset(env_ids=env_ids)
        # Motors whose targets come late hold this pose until the first one arrives.
        self.entity.set_joint_position_target(joint_pos, env_ids=env_ids)

    def _check_robot(self) -> None:
        if self.library.robot != self.robot.name:
            raise RobotError(
                f"the motions are for robot {self.library.robot!r}, the task is for "
                f"{self.robot.name!r}; retarget them or change the task's robot"
            )
        if tuple(self.entity.joint_names) != self.library.joint_names:
            raise RobotError(
                f"the scene's robot has joints {list(self.entity.joint_names)}, the motions have "
                f"{list(self.library.joint_names)}; use the robot's own entity_cfg()"
            )


def _uniform(env_ids: torch.Tensor, width: int) -> torch.Tensor:
    return torch.rand(len(env_ids), width)


def open_library(source: MotionLibrary | str, robot: str, step_s: float) -> MotionLibrary:
    """A library as it is, from a file, or of built-in motions (`builtin:NAME`) at the task rate."""
    if isinstance(source, MotionLibrary):
        return source
    from mimiclab.motions.library.open import open_motions

    return open_motions(source, robot=robot, fps=round(1.0 / step_s, 9))
