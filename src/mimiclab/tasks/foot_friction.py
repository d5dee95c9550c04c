"""Friction of the feet that reaches their contacts, whatever the model's floor and pairs say."""

import mujoco
import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import EventTermCfg
from mjlab.managers.event_manager import requires_model_fields

from mimiclab.errors import RobotError
from mimiclab.robots import Robot

_ROBOT = "robot"
"""Name of the robot in the scenes of all tasks."""


def foot_friction_cfg(robot: Robot, friction: tuple[float, float]) -> EventTermCfg:
    """A sliding friction for each environment, drawn once."""
    # Explicit contact pairs carry their own friction, and only models that have some can vary it.
    term = foot_friction_with_pairs if robot.model.npair else foot_friction
    return EventTermCfg(
        func=term, mode="startup", params={"range": friction, "geoms": robot.foot_geoms}
    )


@requires_model_fields("geom_friction")
def foot_friction(
    env: ManagerBasedRlEnv,
    env_ids: torch.Tensor | None,
    range: tuple[float, float],
    geoms: str,
) -> None:
    """Sliding friction of the feet, one value for each environment.

    MuJoCo has a single sliding coefficient and combines two geoms by the larger, unless one has
    priority.

    Raises:
        RobotError: the value would not reach the contacts, as the floor's friction wins or explicit
            contact pairs override it.
    """
    _randomise_geoms(env, env_ids, range, geoms)
    if _foot_pairs(env.sim.mj_model, _foot_geoms(env, geoms)):
        raise RobotError(
            "explicit contact pairs override the friction of the feet, which would stay as it is; "
            "use foot_friction_with_pairs"
        )


@requires_model_fields("geom_friction", "pair_friction")
def foot_friction_with_pairs(
    env: ManagerBasedRlEnv,
    env_ids: torch.Tensor | None,
    range: tuple[float, float],
    geoms: str,
) -> None:
    """Sliding friction of the feet and of all explicit contact pairs with them."""
    value = _randomise_geoms(env, env_ids, range, geoms)
    ids = _rows(env, env_ids)
    pairs = torch.tensor(_foot_pairs(env.sim.mj_model, _foot_geoms(env, geoms)), device=env.device)
    if len(pairs):
        for axis in (0, 1):  # both tangential directions
            env.sim.model.pair_friction[ids, pairs, axis] = value


def _randomise_geoms(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, range: tuple[float, float], geoms: str
) -> torch.Tensor:
    feet = _foot_geoms(env, geoms)
    _check_priority(env.sim.mj_model, feet)
    ids = _rows(env, env_ids)
    value = torch.empty(len(ids), 1, device=env.device).uniform_(*range)
    env.sim.model.geom_friction[ids, torch.tensor(feet, device=env.device), 0] = value
    return value


def _rows(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None) -> torch.Tensor:
    ids = torch.arange(env.num_envs, device=env.device) if env_ids is None else env_ids
    return ids.long()[:, None]


def _foot_geoms(env: ManagerBasedRlEnv, geoms: str) -> list[int]:
    entity = env.scene[_ROBOT]
    found, _ = entity.find_geoms(geoms)
    return entity.indexing.geom_ids[found].tolist()


def _check_priority(model: mujoco.MjModel, feet: list[int]) -> None:
    ground = [
        i
        for i in range(model.ngeom)
        if model.body_weldid[model.geom_bodyid[i]] == 0 and model.geom_contype[i]
    ]
    floor = max((int(model.geom_priority[i]) for i in ground), default=-1)
    weak = [model.geom(i).name for i in feet if model.geom_priority[i] <= floor]
    if weak:
        raise RobotError(
            f"foot geoms {weak[:4]} have no priority over the floor, so the larger of both "
            "frictions counts and randomising theirs has little effect; give them priority 1 in "
            "the robot's collision settings"
        )


def _foot_pairs(model: mujoco.MjModel, feet: list[int]) -> list[int]:
    feet_set = set(feet)
    return [
        i
        for i in range(model.npair)
        if {int(model.pair_geom1[i]), int(model.pair_geom2[i])} & feet_set
    ]
