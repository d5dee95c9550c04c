"""MOSAIC's tasks (Sun et al. 2026, arXiv 2602.08594) as arguments of `TrackingTask`, and its ids.

All of them share rewards, terminations and randomisation; they differ in what the policy sees, the
rate, the clips and the learner. Nothing heavy is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mimiclab.errors import UnknownNameError
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.tasks.tracking.task import PHYSICS_HZ, TrackingTask

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

MosaicRunner = Literal[
    "ppo",
    "expert-hybrid",
    "hybrid",
    "distillation",
    "pure-distill",
    "rl-continue",
    "residual",
    "multi-teacher-residual",
]
_PHYSICS_HZ = {"unitree_h1_2": 500, "pnd_adam_lite": 500}


def mosaic_task(
    robot: str = "unitree_g1",
    *,
    state_estimation: bool = False,
    control_hz: int = 50,
    privileged: bool = False,
    single_clip: bool = False,
    **changes: Any,
) -> TrackingTask:
    """MOSAIC's world-frame tracking task.

    As there: 5 frames of history (none for an expert), a critic that sees the reference's velocity,
    the rewards of `reward="mosaic"`, slightly rough ground, friction up to 1.6, 500 Hz physics for
    H1_2 and Adam, starts sampled on two levels (one clip: within it). Unlike there, these samplers
    adapt, which all shipped configurations switch off; targets are not one step stale; contacts
    count in the last physics step, not in the last three; 25 Hz control plays clips at their own
    speed. `sampler=SamplerCfg(kind="mosaic-shipped")`, `stale_targets=True` and
    `contact_history=True` bring the first three back. An estimator of the reference's velocity
    inside the policy needs `reference_gravity=True`.

    Args:
        robot: registry name.
        state_estimation: the policy sees its position error and velocity.
        control_hz: 50, or 25 for MOSAIC's low frequency.
        privileged: the policy is an expert that sees the simulator's truth.
        single_clip: one clip, at whose end the robot is put to a new start inside the episode;
            otherwise the end of a clip is the end of the episode.
        changes: other fields of `TrackingTask`.
    """
    values: dict[str, Any] = {
        "history": 1 if privileged else 5,
        "reference_velocity": True,
        "reward": "mosaic",
        "ground": "rough",
        "friction": (0.3, 1.6),
        "physics_hz": _PHYSICS_HZ.get(robot, PHYSICS_HZ),
        "clip_end": "wrap" if single_clip else "terminate",
        "sampler": SamplerCfg(kind="beyondmimic-upstream" if single_clip else "two-level"),
    }
    return TrackingTask(
        robot=robot,
        state_estimation=state_estimation,
        control_hz=control_hz,
        privileged=privileged,
        **(values | changes),
    )


@dataclass(frozen=True, kw_only=True)
class MosaicId:
    """What one of MOSAIC's task ids stands for."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of `mosaic_task`."""
    runner: MosaicRunner = "ppo"
    """Its learner, see `learning.mosaic.mosaic_train`."""
    teacher: Literal["", "expert", "student"] = ""
    """What the observation group `teacher` holds: what an expert sees, or what the student sees,
    without noise; none if empty."""
    group_ratios: Mapping[str, float] = field(default_factory=dict)
    """Share of environments for each motion group that the clips must have."""
    same_as: str = ""
    """The id whose environment this one repeats, in MOSAIC too."""


def _tracking_ids(name: str, robot: str) -> dict[str, MosaicId]:
    """The six ids that every robot of MOSAIC has."""
    found = {}
    for prefix, single in (("", True), ("General-", False)):
        common = {"robot": robot, "single_clip": single}
        stem = f"{prefix}Tracking-Flat-{name}"
        found |= {
            f"{stem}-v0": MosaicId(arguments={**common, "state_estimation": True}),
            f"{stem}-Wo-State-Estimation-v0": MosaicId(arguments=common),
            f"{stem}-Low-Freq-v0": MosaicId(
                arguments={**common, "state_estimation": True, "control_hz": 25}
            ),
        }
    return found


_EXPERT = "Expert-General-Tracking-Flat-G1-v0"
_DISTILLATION = "Distillation-General-Tracking-Flat-G1-v0"


def _student(runner: MosaicRunner) -> MosaicId:
    return MosaicId(runner=runner, teacher="expert", same_as=_DISTILLATION)


MOSAIC_IDS: Mapping[str, MosaicId] = {
    **_tracking_ids("G1", "unitree_g1"),
    _EXPERT: MosaicId(arguments={"privileged": True}),
    "Expert-General-Tracking-Flat-G1-MOSAIC-v0": MosaicId(
        arguments={"privileged": True}, runner="expert-hybrid", same_as=_EXPERT
    ),
    _DISTILLATION: MosaicId(runner="distillation", teacher="expert"),
    "MOSAIC-Distill-General-Tracking-Flat-G1-v0": _student("hybrid"),
    "MOSAIC-Pure-Distill-General-Tracking-Flat-G1-v0": _student("pure-distill"),
    "MOSAIC-RL-Continue-General-Tracking-Flat-G1-v0": _student("rl-continue"),
    "MOSAIC-Residual-General-Tracking-Flat-G1-v0": _student("residual"),
    "MOSAIC-MultiTeacher-Residual-Tracking-Flat-G1-v0": MosaicId(
        runner="multi-teacher-residual",
        teacher="student",
        group_ratios={"motions": 0.5, "teleop_motions": 0.5},
    ),
    "General-Tracking-Flat-G1-Wo-State-Estimation-v0-World-Coordinate-Reward": MosaicId(
        same_as="General-Tracking-Flat-G1-Wo-State-Estimation-v0"
    ),
    **_tracking_ids("H1_2", "unitree_h1_2"),
    **_tracking_ids("Adam", "pnd_adam_lite"),
}
"""MOSAIC's ids: fifteen for the G1, six each for H1_2 and Adam."""


def mosaic_id(name: str) -> MosaicId:
    """The entry of `MOSAIC_IDS`.

    Raises:
        UnknownNameError: no such id; the message lists the nearest.
    """
    if name not in MOSAIC_IDS:
        raise UnknownNameError("MOSAIC task id", name, MOSAIC_IDS)
    return MOSAIC_IDS[name]


def mosaic_task_of_id(name: str, **changes: Any) -> TrackingTask:
    """The task of one of MOSAIC's ids; `changes` are other fields of `TrackingTask`.

    Raises:
        UnknownNameError: no such id.
    """
    entry = mosaic_id(name)
    task = mosaic_task(**{**entry.arguments, **changes})
    if entry.group_ratios and "sampler" not in changes:
        task.sampler.group_ratios = dict(entry.group_ratios)
    return task


def mosaic_views_of_id(name: str) -> dict[str, TrackingTask]:
    """The observation groups that the id has beside `actor` and `critic`, for `tracking_env_cfg`.

    Raises:
        UnknownNameError: no such id.
    """
    teacher = mosaic_id(name).teacher
    if not teacher:
        return {}
    return {"teacher": mosaic_task(privileged=teacher == "expert")}


def mosaic_env_cfg(
    name: str, library: Any, *, num_envs: int, play: bool = False, **changes: Any
) -> "ManagerBasedRlEnvCfg":
    """The environment of one of MOSAIC's ids, as `tracking_env_cfg` makes it.

    Args:
        name: the id.
        library: as for `tracking_env_cfg`.
        num_envs: number of environments.
        play: watch a policy.
        changes: other fields of `TrackingTask`.

    Raises:
        UnknownNameError: no such id.
    """
    from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg

    return tracking_env_cfg(
        mosaic_task_of_id(name, **changes),
        library,
        num_envs=num_envs,
        play=play,
        views=mosaic_views_of_id(name),
    )
