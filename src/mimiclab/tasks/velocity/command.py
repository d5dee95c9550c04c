"""The velocity command and the gait clock that goes with it.

Order of one control step, as in Holosoma: physics; terminations and rewards use the command and the
phase that the policy saw; finished environments are reset; then the clock advances, commands are
renewed where it is time, and observations show both.
"""

import math
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.tasks.velocity.mdp.velocity_command import (
    UniformVelocityCommand,
    UniformVelocityCommandCfg,
)

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
class VelocityCommandCfg(UniformVelocityCommandCfg):
    """Settings of `VelocityCommand`."""

    robot: str = "unitree_g1"
    """Registry name of the robot."""
    gait: GaitCfg = field(default_factory=GaitCfg)
    """The gait clock."""

    def build(self, env: ManagerBasedRlEnv) -> "VelocityCommand":
        """Make the term."""
        return VelocityCommand(self, env)


class VelocityCommand(UniformVelocityCommand):
    """Velocity in x, y (m/s) and about z (rad/s) in the root's frame, and a phase for each foot.

    The clock adds up its frequency, which may change with a command; Holosoma multiplies it with
    the time since the reset, so that its phases jump there.
    """

    def __init__(self, cfg: VelocityCommandCfg, env: ManagerBasedRlEnv) -> None:
        """Find the robot and start the clocks."""
        super().__init__(cfg, env)
        self._gait = cfg.gait
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
        super()._resample_command(env_ids)
        gait = self._gait
        if gait.width_hz:
            drawn = torch.empty(len(env_ids), device=self.device)
            self.frequency_hz[env_ids] = drawn.uniform_(
                gait.hz - gait.width_hz, gait.hz + gait.width_hz
            )
        self._update_command(env_ids)

    def _update_command(self, env_ids: torch.Tensor | None = None) -> None:
        super()._update_command(env_ids)
        self._apply_held()

    def _apply_held(self) -> None:
        if self._held.any():
            self.vel_command_b[self._held] = self._fixed[self._held]

    def _update_metrics(self) -> None:
        """Sum the errors of velocity, of which a reset takes the mean."""
        self._steps += 1.0
        error = self.vel_command_b[:, :2] - self.walker.lin_vel_b[:, :2]
        self.metrics["error_vel_xy"] += error.norm(dim=-1)
        self.metrics["error_vel_yaw"] += (
            self.vel_command_b[:, 2] - self.walker.ang_vel_b[:, 2]
        ).abs()


def velocity_command(env: ManagerBasedRlEnv) -> VelocityCommand:
    """The command term of a velocity task's environment."""
    manager: Any = env.command_manager
    return cast(VelocityCommand, manager.get_term(NAME))
