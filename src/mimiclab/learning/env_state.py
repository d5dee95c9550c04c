"""State that the terms of an environment gather while training: sampler, curriculum, counters.

A term takes part by having `state_dict()` and `load_state_dict()`; so may its `sampler`.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from mimiclab.errors import CheckpointError
from mimiclab.learning import distributed


def layout_of(env: Any, *, robot: str, groups: Sequence[str] | None = None) -> dict[str, Any]:
    """What a policy must agree on with its environment: robot, rate, observations, actions.

    Observation groups map term names, in order, to their sizes; `history` tells how many frames of
    a term that is, where it is more than one. `groups` picks some groups: a run keeps those of its
    student, and not those of its teachers, which nobody else needs.
    """
    base = env.unwrapped
    observations, history = {}, {}
    manager = base.observation_manager
    for group, names in manager.active_terms.items():
        if groups is not None and group not in groups:
            continue
        sizes = manager.group_obs_term_dim[group]
        observations[group] = {name: int(size[-1]) for name, size in zip(names, sizes, strict=True)}
        frames = {name: manager.get_term_cfg(group, name).history_length for name in names}
        if long := {name: count for name, count in frames.items() if count > 1}:
            history[group] = long
    actions = base.action_manager
    return {
        "robot": robot,
        "control_hz": round(1.0 / base.step_dt, 6),
        "observations": observations,
        "history": history,
        "actions": dict(zip(actions.active_terms, map(int, actions.action_term_dim), strict=True)),
    }


def capture(env: Any) -> dict[str, Any]:
    """Everything that a resumed training must put back, in tensors and plain values."""
    base = env.unwrapped
    return {
        "steps": int(getattr(base, "common_step_counter", 0)),
        "terms": {name: term.state_dict() for name, term in _stateful(base).items()},
    }


@torch.inference_mode()
def restore(env: Any, state: dict[str, Any]) -> None:
    """Put back what `capture` returned.

    Raises:
        CheckpointError: the environment has other stateful terms, for example another sampler.
    """
    base = env.unwrapped
    terms = _stateful(base)
    if set(terms) != set(state["terms"]):
        raise CheckpointError(
            f"the checkpoint holds the state of {sorted(state['terms'])}, the environment has "
            f"{sorted(terms)}; use the task settings of the run"
        )
    if hasattr(base, "common_step_counter"):  # first: terms measure time from it
        base.common_step_counter = state["steps"]
    for name, term in terms.items():
        term.load_state_dict(state["terms"][name])


@torch.inference_mode()
def average_over_processes(env: Any, *, sharded: bool) -> None:
    """Give all processes the mean of their curricula and, for equal clips, of their samplers."""
    if distributed.is_grouped():
        for name, term in _stateful(env.unwrapped).items():
            if not (sharded and name.startswith(("command.", "environment"))):
                term.load_state_dict(distributed.mean_state(term.state_dict()))


def sampler_metrics(env: Any) -> dict[str, float]:
    """Log entries of the start sampler, if the environment has one."""
    manager = getattr(env.unwrapped, "command_manager", None)
    owners = [env.unwrapped]
    if manager is not None:
        owners = [manager.get_term(name) for name in manager.active_terms]
    for owner in owners:
        sampler = getattr(owner, "sampler", None)
        if sampler is not None:
            return {key: float(value) for key, value in sampler.metrics().items()}
    return {}


def _stateful(base: Any) -> dict[str, Any]:
    if hasattr(base, "state_dict"):
        return {"environment": base}
    found = {}
    for kind in ("command", "action"):
        manager = getattr(base, f"{kind}_manager", None)
        for name in getattr(manager, "active_terms", ()):
            term = manager.get_term(name)  # type: ignore[union-attr]
            term = term if hasattr(term, "state_dict") else getattr(term, "sampler", None)
            if hasattr(term, "state_dict"):
                found[f"{kind}.{name}"] = term
    for kind in ("curriculum", "event", "reward", "termination"):
        manager = getattr(base, f"{kind}_manager", None)
        names = getattr(manager, "active_terms", ())
        # Event terms are grouped by mode.
        groups = names.values() if isinstance(names, dict) else [names]
        for name in itertools.chain.from_iterable(groups):
            term = manager.get_term_cfg(name).func  # type: ignore[union-attr]
            if hasattr(term, "state_dict"):
                found[f"{kind}.{name}"] = term
    return found
