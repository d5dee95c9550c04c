"""Termination terms. Parameter names are read by the policy contract."""

import torch
from mjlab.envs import ManagerBasedRlEnv

from mimiclab.tasks.tracking import terminations
from mimiclab.tasks.tracking.mdp.observations import tracking


def anchor_pos(env: ManagerBasedRlEnv, threshold: float) -> torch.Tensor:
    """Anchor height off by more than `threshold` m."""
    state = tracking(env).state
    return terminations.height_error(
        state.ref_anchor_pos_w[:, 2], state.anchor_pos_w[:, 2], threshold
    )


def anchor_ori(env: ManagerBasedRlEnv, threshold: float) -> torch.Tensor:
    """Gravity in the anchor frames differs by more than `threshold` in z."""
    state = tracking(env).state
    return terminations.tilt_error(state.ref_anchor_quat_w, state.anchor_quat_w, threshold)


def ee_body_pos(env: ManagerBasedRlEnv, threshold: float) -> torch.Tensor:
    """Any end effector's height off by more than `threshold` m."""
    term = tracking(env)
    state, ends = term.state, term.end_effector_indices
    return terminations.height_error(
        state.ref.body_pos_w[:, ends, 2], state.body_pos_w[:, ends, 2], threshold
    )


def clip_end(env: ManagerBasedRlEnv) -> torch.Tensor:
    """The last frame of the clip has been scored; a time-out, so values are bootstrapped."""
    term = tracking(env)
    return terminations.clip_ended(term.time_s, term.duration_s)
