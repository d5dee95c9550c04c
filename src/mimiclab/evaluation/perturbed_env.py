"""A perturbation of the robot as terms of mjlab's event manager, the same on both engines."""

import warnings
from typing import TYPE_CHECKING, Any

from mjlab.envs.mdp import dr
from mjlab.managers import EventTermCfg, SceneEntityCfg

from mimiclab.evaluation.perturbation import Perturbation
from mimiclab.tasks.foot_friction import foot_friction_cfg

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.robots import Robot


def perturb(cfg: "ManagerBasedRlEnvCfg", robot: "Robot", change: Perturbation) -> None:
    """Add payload, friction and motor strength of `change` to all environments, in place.

    Raises:
        MimiclabError: a change that this robot cannot have.
    """
    for number, (body, mass) in enumerate(change.payload_kg(robot).items()):
        cfg.events[f"payload_{number}"] = _at_startup(
            dr.body_mass,
            asset_cfg=SceneEntityCfg("robot", body_names=(body,)),
            operation="add",
            ranges=(mass, mass),
        )
    # A mass at the centre of mass adds no inertia about it, which is what mjlab warns of.
    warnings.filterwarnings("ignore", "dr.body_mass only randomizes mass")
    if change.friction is not None:
        value = change.friction
        cfg.events["foot_friction"] = foot_friction_cfg(robot, (value, value))
    if change.motor_strength != 1.0:
        share = (change.motor_strength, change.motor_strength)
        cfg.events["motor_gains"] = _at_startup(dr.pd_gains, kp_range=share, kd_range=share)
        cfg.events["motor_limits"] = _at_startup(dr.effort_limits, effort_limit_range=share)


def _at_startup(func: Any, **params: Any) -> EventTermCfg:
    params.setdefault("asset_cfg", SceneEntityCfg("robot"))
    return EventTermCfg(func=func, mode="startup", params=params)
