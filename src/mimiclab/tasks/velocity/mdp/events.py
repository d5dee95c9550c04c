"""Events: where episodes begin, pushes, and masses. Source of the rules: Holosoma."""

from collections.abc import Sequence

import numpy as np
import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import EventTermCfg
from mjlab.managers.event_manager import RecomputeLevel, requires_model_fields

from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.ground_cfg import SpawnCfg

_GRID_M = 0.2
"""Distance of the 3 x 3 points of the spawn height `grid`, m."""


class Spawn:
    """Class term: puts robots on the ground in a varied state.

    The root is upright, at rest or up to 0.5 m/s and rad/s along each axis; joint angles are those
    of the default pose, each times 0.5 to 1.5. `noise` scales both spreads. The column of tiles of
    an environment is fixed.
    """

    def __init__(self, cfg: EventTermCfg, env: ManagerBasedRlEnv) -> None:
        """Give environments their columns of tiles."""
        origins: np.ndarray | None = cfg.params["origins"]
        self._origins = None
        if origins is not None:
            self._origins = torch.tensor(origins, dtype=torch.float32, device=env.device)
            index = torch.arange(env.num_envs, device=env.device)
            rows, columns = origins.shape[:2]
            self._column = index * columns // env.num_envs
            self._row = index % rows

    def __call__(
        self,
        env: ManagerBasedRlEnv,
        env_ids: torch.Tensor,
        height: float,
        origins: np.ndarray | None,
        spawn: SpawnCfg,
        noise: float,
    ) -> None:
        """Write the states of some environments; `height` of the root above the ground, m."""
        del origins
        term = velocity_command(env)
        data, n, device = term.robot.data, len(env_ids), env.device
        origin = self._origin(env, env_ids, spawn)
        xy = origin[:, :2] + spawn.offset_m * _unit((n, 2), device)
        ground = origin[:, 2] if spawn.height == "tile" else self._below(env, xy, spawn)
        state = data.default_root_state[env_ids].clone()
        state[:, :2] = xy
        state[:, 2] = ground + height
        state[:, 7:13] = 0.5 * noise * _unit((n, 6), device)
        term.robot.write_root_state_to_sim(state, env_ids=env_ids)
        joints = data.default_joint_pos[env_ids]
        joints = joints * (1.0 + 0.5 * noise * _unit(joints.shape, device))
        term.robot.write_joint_state_to_sim(joints, torch.zeros_like(joints), env_ids=env_ids)

    def _origin(
        self, env: ManagerBasedRlEnv, env_ids: torch.Tensor, spawn: SpawnCfg
    ) -> torch.Tensor:
        if self._origins is None:
            return env.scene.env_origins[env_ids]
        row = self._row[env_ids]
        if spawn.random_tile:
            row = torch.randint_like(row, len(self._origins))
        origin = self._origins[row, self._column[env_ids]]
        env.scene.env_origins[env_ids] = origin  # for the viewer
        return origin

    @staticmethod
    def _below(env: ManagerBasedRlEnv, xy: torch.Tensor, spawn: SpawnCfg) -> torch.Tensor:
        steps = torch.tensor([-_GRID_M, 0.0, _GRID_M] if spawn.height == "grid" else [0.0])
        around = torch.cartesian_prod(steps, steps).reshape(-1, 2).to(env.device)
        return velocity_command(env).walker.ground(xy[:, None] + around).amax(dim=1)


def push(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None, speed: float) -> None:
    """Replace the root's velocity in x and y of the world by up to `speed` m/s in each."""
    term = velocity_command(env)
    ids = torch.arange(env.num_envs, device=env.device) if env_ids is None else env_ids
    columns = term.robot.indexing.free_joint_v_adr[:2]
    env.sim.data.qvel[ids[:, None], columns] = speed * _unit((len(ids), 2), env.device)


@requires_model_fields("body_mass", "body_inertia", recompute=RecomputeLevel.set_const)
def masses(
    env: ManagerBasedRlEnv,
    env_ids: torch.Tensor | None,
    scaled: Sequence[str],
    scale: tuple[float, float],
    torso: str,
    added_kg: tuple[float, float],
) -> None:
    """Multiply masses of bodies, each by its own factor, and add a mass to the torso.

    Inertia changes by the same factor: a body becomes denser, not a different shape.
    """
    entity = velocity_command(env).robot
    ids = torch.arange(env.num_envs, device=env.device) if env_ids is None else env_ids
    names = [*dict.fromkeys((*scaled, torso))]
    bodies = entity.indexing.body_ids[[entity.body_names.index(name) for name in names]]
    nominal = env.sim.get_default_field("body_mass")[bodies]
    factor = torch.ones(len(ids), len(names), device=env.device)
    varied = [names.index(name) for name in scaled]
    factor[:, varied] = factor[:, varied].uniform_(*scale)
    added = torch.empty(len(ids), device=env.device).uniform_(*added_kg)
    factor[:, names.index(torso)] += added / nominal[names.index(torso)]
    rows = ids.long()[:, None]
    inertia = env.sim.get_default_field("body_inertia")[bodies]
    env.sim.model.body_mass[rows, bodies] = nominal * factor
    env.sim.model.body_inertia[rows, bodies] = inertia * factor[..., None]


def _unit(shape: Sequence[int], device: str) -> torch.Tensor:
    """Uniform between -1 and 1."""
    return 2.0 * torch.rand(*shape, device=device) - 1.0
