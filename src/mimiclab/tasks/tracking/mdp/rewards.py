"""Reward terms: shared errors of the tracking state through the formulas of `rewards`."""

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.sensor import ContactSensor

from mimiclab.tasks.tracking import rewards
from mimiclab.tasks.tracking.mdp.observations import tracking


def anchor_position(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Global anchor position, `std` in m."""
    return rewards.gaussian(tracking(env).state.anchor_pos_sq, std)


def anchor_orientation(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Global anchor orientation, `std` in rad."""
    return rewards.gaussian(tracking(env).state.anchor_angle.square(), std)


def body_position(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body positions against re-anchored targets, `std` in m."""
    return rewards.gaussian(tracking(env).state.body_pos_sq, std)


def body_orientation(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body orientations against re-anchored targets, `std` in rad."""
    return rewards.gaussian(tracking(env).state.body_angle.square(), std)


def body_linear_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body linear velocities in the world frame, `std` in m/s."""
    return rewards.gaussian(tracking(env).state.body_lin_vel_sq, std)


def body_angular_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body angular velocities in the world frame, `std` in rad/s."""
    return rewards.gaussian(tracking(env).state.body_ang_vel_sq, std)


def action_rate(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Squared change of the raw action."""
    return rewards.action_rate(env.action_manager.action, env.action_manager.prev_action)


def joint_limit(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Radians outside the soft joint limits."""
    term = tracking(env)
    return rewards.limit_excess(term.state.joint_pos, *term.soft_limits)


def undesired_contacts(
    env: ManagerBasedRlEnv, threshold: float, sensor_name: str = "body_contacts"
) -> torch.Tensor:
    """Bodies other than the end effectors that touch anything with more than `threshold` N."""
    sensor: ContactSensor = env.scene[sensor_name]
    data = sensor.data
    force = data.force if data.force_history is None else data.force_history
    assert force is not None  # the sensor is configured with this field
    return rewards.contact_count(force, threshold)
