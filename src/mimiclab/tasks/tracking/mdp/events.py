"""Events: pushes and domain randomisation. Ranges: BeyondMimic, table of randomisation."""

import mujoco
import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers.event_manager import requires_model_fields

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_rotate_inverse
from mimiclab.tasks.tracking.disturbance import PUSH_VELOCITY
from mimiclab.tasks.tracking.mdp.observations import tracking


def push(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, scale: float = 1.0) -> None:
    """Add a random increment to the root velocity in the world frame.

    It is added to the generalised velocity itself: derived velocities are one physics step old
    here.
    """
    term = tracking(env)
    if env_ids is None:
        env_ids = torch.arange(env.num_envs, device=env.device)
    data, indexing = term.entity.data.data, term.entity.indexing
    limits = torch.tensor(PUSH_VELOCITY, device=env.device) * (scale * term.difficulty)
    kick = limits * (2 * torch.rand(len(env_ids), 6, device=env.device) - 1)
    rows = env_ids[:, None]
    quat = data.qpos[rows, indexing.free_joint_q_adr[3:7]]
    kick = torch.cat([kick[:, :3], quat_rotate_inverse(quat, kick[:, 3:])], dim=-1)
    data.qvel[rows, indexing.free_joint_v_adr] += kick


def joint_offset(
    env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, range_rad: tuple[float, float]
) -> None:
    """Shift the default pose of each environment: encoders whose zero is slightly off.

    Observed joint angles and action targets shift together. The nominal pose stays in the command
    term, for export.
    """
    term = tracking(env)
    ids = slice(None) if env_ids is None else env_ids
    nominal = term.nominal_joint_pos[ids]
    pose = term.entity.data.default_joint_pos.clone()
    pose[ids] = nominal + torch.empty_like(nominal).uniform_(*range_rad)
    term.entity.data.default_joint_pos = pose


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
    entity = tracking(env).entity
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
