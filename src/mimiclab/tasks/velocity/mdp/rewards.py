"""Reward terms: the robot's state through the formulas of `rewards`."""

import re

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import RewardTermCfg

from mimiclab.errors import RobotError
from mimiclab.tasks import formulas
from mimiclab.tasks.velocity import rewards
from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.gait import swing_target
from mimiclab.tasks.velocity.mdp.observations import action_term

POSE_WEIGHTS = {
    r".*hip.*pitch.*": 0.01,
    r".*hip.*roll.*": 1.0,
    r".*hip.*yaw.*": 5.0,
    r".*knee.*": 0.01,
    r".*ankle.*": 5.0,
}
"""Weights of leg joints in `Pose` by their names, without regard to case. Source: Holosoma."""
OTHER_POSE_WEIGHT = 50.0
"""Weight of all other joints."""


def tracking_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Commanded velocity in x and y of the root's frame."""
    term = velocity_command(env)
    return rewards.velocity_match(term.command[:, :2], term.walker.lin_vel_b[:, :2])


def tracking_ang_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Commanded turning about z of the root's frame."""
    term = velocity_command(env)
    return rewards.velocity_match(term.command[:, 2], term.walker.ang_vel_b[:, 2])


def penalty_ang_vel_xy(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Squared rolling and pitching, (rad/s)^2."""
    return rewards.xy_square(velocity_command(env).walker.ang_vel_b)


def penalty_orientation(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Squared sine of the root's tilt."""
    return rewards.xy_square(velocity_command(env).walker.gravity_b)


def penalty_action_rate(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Squared change of the clipped action."""
    term = action_term(env)
    return formulas.action_rate(term.raw_action, term.previous)


def feet_phase(env: ManagerBasedRlEnv, swing_height: float) -> torch.Tensor:
    """Feet at the heights that the gait's phases ask for; `swing_height` in m."""
    term = velocity_command(env)
    return rewards.swing_match(term.walker.foot_height, swing_target(term.phase, swing_height))


class Pose:
    """Weighted squared distance of joints from the default pose, rad^2."""

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Give each joint its weight.

        Raises:
            RobotError: no joint is of a leg, going by its name.
        """
        del cfg
        entity = velocity_command(env).robot
        weights = [pose_weight(name) for name in entity.joint_names]
        if min(weights) == OTHER_POSE_WEIGHT:
            raise RobotError(
                "none of the robot's joints is called after hip, knee or ankle: "
                f"{', '.join(entity.joint_names)}. The reward for the pose cannot tell its legs"
            )
        self._weights = torch.tensor(weights, device=env.device)
        self._default = entity.data.default_joint_pos

    def __call__(self, env: ManagerBasedRlEnv) -> torch.Tensor:
        """Not negative."""
        pos = velocity_command(env).walker.joint_pos
        return rewards.weighted_square(pos, self._default, self._weights)


def penalty_close_feet_xy(env: ManagerBasedRlEnv, least_m: float) -> torch.Tensor:
    """Feet that are less than `least_m` apart sideways."""
    return rewards.too_close(velocity_command(env).walker.feet_apart, least_m)


def penalty_feet_ori(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Feet that are not level."""
    return rewards.foot_tilt(velocity_command(env).walker.feet_gravity)


def alive(env: ManagerBasedRlEnv) -> torch.Tensor:
    """1 at each step."""
    return torch.ones(env.num_envs, device=env.device)


def pose_weight(joint: str) -> float:
    """Weight of a joint in `Pose`."""
    for pattern, weight in POSE_WEIGHTS.items():
        if re.fullmatch(pattern, joint, re.IGNORECASE):
            return weight
    return OTHER_POSE_WEIGHT
