"""Which terms each group of observations holds, in order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mjlab.managers import ObservationGroupCfg, ObservationTermCfg

from mimiclab.errors import MimiclabError
from mimiclab.tasks.tracking.mdp import observations
from mimiclab.tasks.tracking.noise import ScaledUniformNoiseCfg
from mimiclab.tasks.tracking.task import TrackingTask

_NOISE = {
    "motion_anchor_pos_b": 0.25,
    "motion_anchor_ori_b": 0.05,
    "base_lin_vel": 0.5,
    "base_ang_vel": 0.2,
    "joint_pos": 0.01,
    "joint_vel": 0.5,
}
"""Half-widths of the actor's uniform noise. Source: BeyondMimic and MOSAIC."""
_OF_THE_REFERENCE = {
    "command", "motion_future", "motion_anchor_pos_b", "motion_anchor_ori_b", "ref_base_lin_vel",
    "ref_projected_gravity",
}  # fmt: skip
EXTRA_GROUPS = ("motion_group", "reference_joint_pos", "received_joint_pos")
"""Groups of a single term that `tracking_env_cfg` can add."""


def observation_cfgs(
    task: TrackingTask, views: Mapping[str, TrackingTask], extra: tuple[str, ...]
) -> dict[str, ObservationGroupCfg]:
    """The groups `actor` and `critic`, one for each of `views`, and the single terms of `extra`.

    Raises:
        MimiclabError: a view or a single term that this task cannot show.
    """
    groups = {
        "actor": actor_cfg(task),
        "critic": _group(task, _critic_terms(task)),
    }
    for name, view in views.items():
        _check_view(task, name, view, groups)
        groups[name] = actor_cfg(replace(view, noise=False), truth=True)
        groups[name].terms["actions"] = _actions_of(task, view)
    for name in extra:
        if name not in EXTRA_GROUPS:
            raise MimiclabError(
                f"no observation group {name!r} can be added, expected some of "
                f"{', '.join(EXTRA_GROUPS)}"
            )
        groups[name] = ObservationGroupCfg({name: _term(task, name)})
    return groups


def actor_cfg(task: TrackingTask, *, truth: bool = False) -> ObservationGroupCfg:
    """What the policy sees; with `truth`, as if the interface were perfect.

    A privileged policy sees no noise and the true reference, like a critic.
    """
    names = [
        "motion_anchor_pos_b" if task.state_estimation else "",
        "motion_anchor_ori_b",
        *(("body_pos", "body_ori") if task.privileged else ()),
        "base_lin_vel" if task.state_estimation or task.privileged else "",
        "ref_base_lin_vel" if task.privileged and task.reference_velocity else "",
        "base_ang_vel",
        "joint_pos",
        "joint_vel",
        "actions",
    ]
    group = _group(
        task,
        (*(("ref_projected_gravity",) if task.reference_gravity else ()), *filter(None, names)),
        observed=not truth and not task.privileged and not task.interface.is_perfect,
        noise=task.noise and not task.privileged,
    )
    if task.history > 1:
        group.history_length = task.history
    return group


def _critic_terms(task: TrackingTask) -> tuple[str, ...]:
    return (
        "motion_anchor_pos_b",
        "motion_anchor_ori_b",
        "body_pos",
        "body_ori",
        "base_lin_vel",
        *(("ref_base_lin_vel",) if task.reference_velocity else ()),
        "base_ang_vel",
        "joint_pos",
        "joint_vel",
        "actions",
    )


def _group(
    task: TrackingTask, names: tuple[str, ...], *, observed: bool = False, noise: bool = False
) -> ObservationGroupCfg:
    first = ["command"]
    first += ["motion_id"] * task.motion_id
    first += ["motion_future"] * bool(task.horizon_s)
    return ObservationGroupCfg(
        terms={name: _term(task, name, observed, noise) for name in (*first, *names)},
        enable_corruption=noise,
    )


def _term(
    task: TrackingTask, name: str, observed: bool = False, noise: bool = False
) -> ObservationTermCfg:
    params: dict[str, Any] = {}
    if name == "command" and (task.command_frames > 1 or not task.command_velocity):
        params |= {"frames": task.command_frames, "velocity": task.command_velocity}
    if observed and name in _OF_THE_REFERENCE:
        params["observed"] = True
    width = _NOISE.get(name, 0.0) if noise else 0.0
    return ObservationTermCfg(
        func=getattr(observations, name),
        params=params,
        noise=ScaledUniformNoiseCfg(n_min=-width, n_max=width) if width else None,
    )


def _actions_of(task: TrackingTask, view: TrackingTask) -> ObservationTermCfg:
    """The previous action in the units of the view's policy."""
    same_offset = task.residual_action == view.residual_action
    moved = task.residual_action and not task.interface.is_perfect
    if same_offset and not moved and task.action_scale == view.action_scale:
        return _term(task, "actions")
    ratio = view.action_scale / task.action_scale
    return ObservationTermCfg(
        func=observations.actions_as,
        params={"residual": view.residual_action, "scale_ratio": ratio},
    )


def _check_view(
    task: TrackingTask, name: str, view: TrackingTask, taken: Mapping[str, ObservationGroupCfg]
) -> None:
    if name in taken or name in EXTRA_GROUPS:
        raise MimiclabError(f"an observation group is called {name!r} already; rename the view")
    for field in ("robot", "control_hz"):
        if getattr(view, field) != getattr(task, field):
            raise MimiclabError(
                f"view {name!r} is of a task with {field} {getattr(view, field)!r}, this task has "
                f"{getattr(task, field)!r}; use a teacher of the same {field}"
            )
    if view.horizon_s and view.horizon_s != task.horizon_s:
        raise MimiclabError(
            f"view {name!r} looks {view.horizon_s} s ahead, this task {task.horizon_s or 'not'}; "
            "give both the same horizon_s"
        )
