"""The velocity command and the gait clock that goes with it.

Order of one control step, as in Holosoma: physics; terminations and rewards use the command and the
phase that the policy saw; finished environments are reset; then the clock advances, commands are
renewed where it is time, and observations show both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from mjlab.entity import Entity
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import CommandTerm, CommandTermCfg

from mimiclab.maths.rotations import quat_rotate, quat_yaw
from mimiclab.robots import get_robot
from mimiclab.tasks.velocity.gait import is_standing, wrapped
from mimiclab.tasks.velocity.state import WalkerState

NAME = "velocity"
"""Name of the command term."""


@dataclass(kw_only=True)
class GaitCfg:
    """Settings of the gait clock."""

    hz: float = 1.0
    """Mean frequency, Hz."""
    width_hz: float = 0.0
    """Largest difference from it; drawn with each command."""
    random_start: bool = True
    """The left foot begins anywhere; otherwise at phase 0, and the right one on the ground."""


@dataclass(kw_only=True)
class VelocityCommandCfg(CommandTermCfg):
    """Settings of `VelocityCommand`."""

    ranges: tuple[tuple[float, float], ...]
    """Lowest and highest velocity in x, y (m/s) and about z (rad/s)."""
    standing: float = 0.2
    """Share of commands that are 0."""
    entity_name: str = "robot"
    """Name of the robot in the scene."""
    robot: str = "unitree_g1"
    """Registry name of the robot."""
    gait: GaitCfg = field(default_factory=GaitCfg)
    """The gait clock."""

    def build(self, env: ManagerBasedRlEnv) -> "VelocityCommand":
        """Make the term."""
        return VelocityCommand(self, env)


class VelocityCommand(CommandTerm):
    """Velocity in x, y (m/s) and about z (rad/s) in the root's frame, and a phase for each foot.

    The clock adds up its frequency, which may change with a command; Holosoma multiplies it with
    the time since the reset, so that its phases jump there.
    """

    def __init__(self, cfg: VelocityCommandCfg, env: ManagerBasedRlEnv) -> None:
        """Find the robot and start the clocks."""
        super().__init__(cfg, env)
        self._gait, self._standing = cfg.gait, cfg.standing
        self.robot: Entity = env.scene[cfg.entity_name]
        """The robot in the scene."""
        self._low, self._high = torch.tensor(cfg.ranges, device=self.device).T
        self._command = torch.zeros(self.num_envs, 3, device=self.device)
        self.metrics = {
            name: torch.zeros(self.num_envs, device=self.device)
            for name in ("error_vel_xy", "error_vel_yaw")
        }
        self.walker = WalkerState(env.sim, self.robot, get_robot(cfg.robot))
        """What rewards and observations read of the robot."""
        self.frequency_hz = torch.full((self.num_envs,), cfg.gait.hz, device=self.device)
        """Of the gait, of each environment. Shape (N,)."""
        self._clock = torch.zeros(self.num_envs, device=self.device)
        self._held = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        self._fixed = torch.zeros(self.num_envs, 3, device=self.device)
        self._opposite = torch.tensor([0.0, math.pi], device=self.device)
        self._steps = torch.zeros(self.num_envs, device=self.device)

    @property
    def command(self) -> torch.Tensor:
        """Velocities that are asked for. Shape (N, 3)."""
        return self._command

    @property
    def phase(self) -> torch.Tensor:
        """Phases of the left and right foot, in [-pi, pi); pi when standing. Shape (N, 2)."""
        walking = wrapped(self._clock[:, None] + self._opposite)
        return torch.where(is_standing(self.command)[:, None], math.pi, walking)

    def hold(
        self, velocity: torch.Tensor | None, env_ids: torch.Tensor | slice | None = None
    ) -> None:
        """Ask for given velocities from now on, also after resets; None to draw them again.

        Args:
            velocity: x, y (m/s), yaw (rad/s), (n, 3) or (3,).
            env_ids: the n environments; all if None.
        """
        ids = slice(None) if env_ids is None else env_ids
        self._held[ids] = velocity is not None
        if velocity is not None:
            self._fixed[ids] = velocity.to(self.device)
        self._apply_held()

    def reset(self, env_ids: torch.Tensor | slice | None) -> dict[str, float]:
        """Draw command and phase of environments whose episode begins."""
        ids = slice(None) if env_ids is None else env_ids
        steps = self._steps[ids].clamp_min(1.0)
        for values in self.metrics.values():
            values[ids] /= steps
        self._steps[ids] = 0.0
        if self._gait.random_start:
            self._clock[ids] = torch.empty_like(self._clock[ids]).uniform_(-math.pi, math.pi)
        else:
            self._clock[ids] = 0.0
        return super().reset(env_ids)

    def compute(self, dt: float | torch.Tensor, env_ids: torch.Tensor | None = None) -> None:
        """Advance the clock by `dt` s, and renew commands whose time has come."""
        if env_ids is None:
            self._clock = wrapped(self._clock + 2.0 * math.pi * dt * self.frequency_hz)
        super().compute(dt, env_ids)

    def _resample_command(self, env_ids: torch.Tensor) -> None:
        n, gait = len(env_ids), self._gait
        drawn = self._low + (self._high - self._low) * torch.rand(n, 3, device=self.device)
        drawn[torch.rand(n, device=self.device) < self._standing] = 0.0
        self._command[env_ids] = drawn
        if gait.width_hz:
            spread = 2.0 * torch.rand(n, device=self.device) - 1.0
            self.frequency_hz[env_ids] = gait.hz + gait.width_hz * spread
        self._apply_held()

    def _update_command(self, env_ids: torch.Tensor | None) -> None:
        """Commands do not change in between."""

    def _apply_held(self) -> None:
        if self._held.any():
            self._command[self._held] = self._fixed[self._held]

    def _update_metrics(self) -> None:
        """Sum the errors of velocity, of which a reset takes the mean."""
        self._steps += 1.0
        error = self._command[:, :2] - self.walker.lin_vel_b[:, :2]
        self.metrics["error_vel_xy"] += error.norm(dim=-1)
        self.metrics["error_vel_yaw"] += (self._command[:, 2] - self.walker.ang_vel_b[:, 2]).abs()

    def create_gui(
        self,
        name: str,
        server: Any,
        get_env_idx: Callable[[], int],
        on_change: Callable[[], None] | None = None,
        request_action: Callable[[str, Any], None] | None = None,
    ) -> None:
        """Sliders in mjlab's viewer, which set the command of the environment in view."""
        del on_change, request_action
        with server.gui.add_folder(name.capitalize()):
            use = server.gui.add_checkbox("Set velocity", initial_value=False)
            limits = zip(("forward", "left", "turn left"), self._low, self._high, strict=True)
            sliders = [
                server.gui.add_slider(
                    label, min=float(low), max=float(high), step=0.05, initial_value=0.0
                )
                for label, low, high in limits
            ]

        def update(_: Any) -> None:
            wanted = torch.tensor([slider.value for slider in sliders]) if use.value else None
            self.hold(wanted, torch.tensor([get_env_idx()], device=self.device))

        for handle in (use, *sliders):
            handle.on_update(update)

    def _debug_vis_impl(self, visualizer: Any) -> None:
        """Draw the velocity that is asked for, blue, and the present one, green."""
        place = self.robot.data.root_link_pos_w
        above = torch.tensor([0.0, 0.0, 0.5], device=self.device)
        heading = quat_yaw(self.walker.root_quat_w)
        wanted = torch.cat([self.command[:, :2], torch.zeros_like(place[:, :1])], dim=-1)
        velocities = (
            (quat_rotate(heading, wanted), (0.2, 0.2, 0.8, 0.7)),
            (self.robot.data.root_link_lin_vel_w, (0.2, 0.7, 0.3, 0.7)),
        )
        for i in visualizer.get_env_indices(self.num_envs):
            start = (place[i] + above).cpu().numpy()
            for velocity, color in velocities:
                end = start + 0.5 * velocity[i].cpu().numpy()
                visualizer.add_arrow(start=start, end=end, color=color, width=0.015)


def velocity_command(env: ManagerBasedRlEnv) -> VelocityCommand:
    """The command term of a velocity task's environment."""
    manager: Any = env.command_manager
    return cast(VelocityCommand, manager.get_term(NAME))
