"""The ten reward terms with their weights. Source: Holosoma."""

from typing import Any

from mjlab.managers import RewardTermCfg

from mimiclab.errors import UnknownNameError
from mimiclab.tasks.velocity.mdp import rewards
from mimiclab.tasks.velocity.task import VelocityTask

PENALTIES = (
    "penalty_ang_vel_xy", "penalty_orientation", "penalty_action_rate", "pose",
    "penalty_close_feet_xy", "penalty_feet_ori",
)  # fmt: skip
"""Terms that the curriculum scales."""


def reward_cfgs(task: VelocityTask) -> dict[str, RewardTermCfg]:
    """The reward terms of the task, by name.

    Raises:
        UnknownNameError: a weight for a term that does not exist.
    """
    terms = {
        "tracking_lin_vel": _term(rewards.tracking_lin_vel, 2.0),
        "tracking_ang_vel": _term(rewards.tracking_ang_vel, 1.5),
        "penalty_ang_vel_xy": _term(rewards.penalty_ang_vel_xy, -1.0),
        "penalty_orientation": _term(rewards.penalty_orientation, -10.0),
        "penalty_action_rate": _term(rewards.penalty_action_rate, -2.0),
        "feet_phase": _term(rewards.feet_phase, 5.0, swing_height=task.swing_height_m),
        "pose": _term(rewards.Pose, -0.5),
        "penalty_close_feet_xy": _term(
            rewards.penalty_close_feet_xy, -10.0, least_m=task.feet_distance_m
        ),
        "penalty_feet_ori": _term(rewards.penalty_feet_ori, -5.0),
        "alive": _term(rewards.alive, task.alive_weight),
    }
    for name, weight in task.reward_weights.items():
        if name not in terms:
            raise UnknownNameError("reward term", name, terms)
        terms[name].weight = weight
    return terms


def _term(func: Any, weight: float, **params: float) -> RewardTermCfg:
    return RewardTermCfg(func=func, weight=weight, params=params)
