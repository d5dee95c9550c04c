"""Events: pushes and domain randomisation. Ranges: BeyondMimic, table of randomisation."""

import torch
from mjlab.envs import ManagerBasedRlEnv

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
