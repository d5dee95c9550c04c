"""Largest actions that make sense: those whose target is the joint's farther limit."""

from typing import Any

import torch

from mimiclab.errors import MimiclabError


def bounds_to_limits(
    lower: torch.Tensor, upper: torch.Tensor, offset: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """max(|lower - offset|, |upper - offset|) / scale, (A,): the joint's own scale.

    Args:
        lower: lower joint limits, rad, (A,).
        upper: upper joint limits, rad, (A,).
        offset: targets of action 0, rad, (A,).
        scale: change of the target for a unit of action, rad, (A,).
    """
    return torch.maximum((lower - offset).abs(), (upper - offset).abs()) / scale.abs()


def action_bounds(env: Any, action_bound: float | None = None) -> torch.Tensor:
    """Bounds (A,) of the actions of an environment, in units of the action.

    Offsets and scales are those of its action terms. An action around a moving reference has to
    reach the limits from anywhere, so its bound is the whole range of the joint. An environment
    may have `action_bounds` (A,) of its own instead.

    Args:
        env: an environment of mjlab, or one with `action_bounds`.
        action_bound: bounds are at most this; none leaves them.

    Raises:
        MimiclabError: an action without joint limits, and no `action_bound` for it.
    """
    base = env.unwrapped
    own = getattr(base, "action_bounds", None)
    if own is None:
        manager = base.action_manager
        own = torch.cat([_of_term(manager.get_term(n), action_bound) for n in manager.active_terms])
    bounds = own if action_bound is None else own.clamp(max=action_bound)
    bad = (~torch.isfinite(bounds) | (bounds <= 0.0)).nonzero().flatten().tolist()
    if bad:
        raise MimiclabError(
            f"FastSAC bounds each action by joint limits, but actions {bad} have none that make "
            "sense; give --sac.action-bound, in units of the action"
        )
    return bounds


def _of_term(term: Any, action_bound: float | None) -> torch.Tensor:
    """Bounds of one action term; infinite where joints have no limits."""
    count = int(term.action_dim)
    scale = torch.as_tensor(getattr(term, "scale", 1.0), dtype=torch.float32)
    scale = (scale[0] if scale.ndim == 2 else scale).cpu().expand(count)
    entity, joints = getattr(term, "_entity", None), getattr(term, "target_ids", None)
    if entity is None or joints is None or not hasattr(entity.data, "default_joint_pos"):
        if action_bound is None:
            raise MimiclabError(
                f"FastSAC bounds each action by joint limits, but {type(term).__name__} does not "
                "act on joints; give --sac.action-bound, in units of the action"
            )
        return torch.full((count,), float("inf"))
    lower, upper = entity.data.joint_pos_limits[0, joints].cpu().unbind(-1)
    if getattr(term.cfg, "residual", False):
        return (upper - lower) / scale.abs()
    offset = entity.data.default_joint_pos[0, joints].cpu()
    return bounds_to_limits(lower, upper, offset, scale)
