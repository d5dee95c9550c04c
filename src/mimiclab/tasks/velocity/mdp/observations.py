"""Observation terms, by the names that Holosoma publishes. Results (N, D)."""

from typing import cast

import torch
from mjlab.envs import ManagerBasedRlEnv

from mimiclab.tasks.velocity.actions import VelocityAction
from mimiclab.tasks.velocity.command import velocity_command


def action_term(env: ManagerBasedRlEnv) -> VelocityAction:
    """The action term of a velocity task's environment."""
    return cast(VelocityAction, env.action_manager.get_term("joint_pos"))


def actions(env: ManagerBasedRlEnv) -> torch.Tensor:
    """The previous action: clipped, not delayed, not scaled. Size J."""
    return action_term(env).raw_action


def base_ang_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Angular velocity of the root in its own frame, rad/s. Size 3."""
    return velocity_command(env).walker.ang_vel_b


def base_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Linear velocity of the root in its own frame, m/s. Size 3."""
    return velocity_command(env).walker.lin_vel_b


def command_ang_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Commanded turning, rad/s. Size 1."""
    return velocity_command(env).command[:, 2:3]


def command_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Commanded velocity in x and y, m/s. Size 2."""
    return velocity_command(env).command[:, :2]


def cos_phase(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Cosines of the phases of left and right foot. Size 2."""
    return velocity_command(env).phase.cos()


def sin_phase(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Sines of the phases of left and right foot. Size 2."""
    return velocity_command(env).phase.sin()


def dof_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint angles relative to the default pose, as the encoders tell them, rad. Size J."""
    term = velocity_command(env)
    data = term.robot.data
    return term.walker.joint_pos - data.default_joint_pos + data.encoder_bias


def dof_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint velocities, rad/s. Size J."""
    return velocity_command(env).walker.joint_vel


def projected_gravity(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Direction of gravity in the root's frame, (0, 0, -1) upright. Size 3."""
    return velocity_command(env).walker.gravity_b
