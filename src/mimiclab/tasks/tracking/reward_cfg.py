"""The sets of reward terms, with their weights and widths."""

from mjlab.managers import RewardTermCfg

from mimiclab.tasks.tracking.mdp import rewards
from mimiclab.tasks.tracking.task import TrackingTask


def reward_cfgs(task: TrackingTask) -> dict[str, RewardTermCfg]:
    """The reward terms of the task, by name.

    `beyondmimic` is that paper's table. `mosaic` is the set that all of MOSAIC's tasks share; a
    perfect follower earns 12 a second, 10 of them from terms that ask for the right place and
    heading in the world.
    """
    terms = {
        "anchor_position": _term("anchor_position", 0.5, std=0.3),
        "anchor_orientation": _term("anchor_orientation", 0.5, std=0.4),
        "body_position": _term("body_position", 1.0, std=0.3),
        "body_orientation": _term("body_orientation", 1.0, std=0.4),
        "body_linear_velocity": _term("body_linear_velocity", 1.0, std=1.0),
        "body_angular_velocity": _term("body_angular_velocity", 1.0, std=3.14),
        "action_rate": _term("action_rate", task.action_rate_weight),
        "joint_limit": _term("joint_limit", -10.0),
        "undesired_contacts": _term("undesired_contacts", -0.1, threshold=1.0),
    }
    if task.reward == "beyondmimic":
        return terms
    return terms | {
        "body_linear_velocity": _term("body_linear_velocity", 1.5, std=1.0),
        "body_angular_velocity": _term("body_angular_velocity", 1.5, std=3.14),
        "anchor_linear_velocity": _term("anchor_linear_velocity", 1.0, std=1.0),
        "world_position": _term("WorldPosition", 1.0, std=0.5),
        "head_and_hands": _term("HeadAndHands", 0.5, std=0.5),
        "feet_position": _term("FeetPosition", 1.0, std=0.5),
        "world_orientation": _term("world_orientation", 0.5, std=0.5),
        "world_angular_velocity": _term("world_angular_velocity", 0.5, std=3.14),
        "world_linear_velocity": _term("world_linear_velocity", 0.5, std=1.0),
        "undesired_contacts": _term("undesired_contacts", -0.05, threshold=1.0),
        "joint_acceleration": _term("JointAcceleration", -2.5e-7),
        "joint_torque": _term("JointTorque", -1e-5),
    }


def _term(name: str, weight: float, **params: float) -> RewardTermCfg:
    return RewardTermCfg(func=getattr(rewards, name), weight=weight, params=params)
