"""Observation terms. Each names the command term; shapes (N, size)."""

from typing import TYPE_CHECKING

import torch
from mjlab.envs import ManagerBasedRlEnv

from mimiclab.maths.frames import bodies_in_frame

if TYPE_CHECKING:
    from mimiclab.tasks.tracking.command import TrackingCommand


def tracking(env: ManagerBasedRlEnv, command_name: str = "motion") -> "TrackingCommand":
    """The tracking command term."""
    return env.command_manager.get_term(command_name)  # pyright: ignore[reportReturnType]


def command(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Reference joint angles and velocities. Size 2 J."""
    return tracking(env).command


def motion_id(env: ManagerBasedRlEnv) -> torch.Tensor:
    """One-hot clip. Size C."""
    term = tracking(env)
    return term.clip_one_hot


def motion_future(env: ManagerBasedRlEnv) -> torch.Tensor:
    """The reference at times ahead, seen from the reference now: needs no state estimation.

    For each time, in order: joint angles (J), anchor position (3) and orientation columns (6) in
    the frame of the present reference anchor. Size H (J + 9).
    """
    term = tracking(env)
    future, now, anchor = term.future, term.frame, term.anchor_index
    pos, ori = bodies_in_frame(
        now.body_pos_w[:, anchor],
        now.body_quat_w[:, anchor],
        future.body_pos_w[:, :, anchor],
        future.body_quat_w[:, :, anchor],
    )
    return torch.cat([future.joint_pos, pos, ori], dim=-1).flatten(1)


def motion_anchor_pos_b(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Reference anchor position in the robot anchor's frame, m. Size 3."""
    return tracking(env).state.anchor_error_b[0]


def motion_anchor_ori_b(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Reference anchor orientation in the robot anchor's frame, two matrix columns. Size 6."""
    return tracking(env).state.anchor_ori_b


def body_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Tracked bodies in the anchor's frame, m. Size 3 B."""
    return tracking(env).state.bodies_b[0].flatten(1)


def body_ori(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Orientations of tracked bodies in the anchor's frame, two matrix columns. Size 6 B."""
    return tracking(env).state.bodies_b[1].flatten(1)


def base_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Root linear velocity in the root frame, m/s. Size 3."""
    return tracking(env).state.base_lin_vel_b


def base_ang_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Root angular velocity in the root frame, rad/s. Size 3."""
    return tracking(env).state.base_ang_vel_b


def joint_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint angles relative to the default pose of each environment, rad. Size J."""
    term = tracking(env)
    return term.state.joint_pos - term.default_joint_pos


def joint_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint velocities, rad/s. Size J."""
    return tracking(env).state.joint_vel


def actions(env: ManagerBasedRlEnv) -> torch.Tensor:
    """The previous raw action. Size J."""
    return env.action_manager.action
