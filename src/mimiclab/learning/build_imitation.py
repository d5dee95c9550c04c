"""From settings to teachers and losses: those known before the environment is made, and after."""

from typing import TYPE_CHECKING, Any

import torch

from mimiclab.errors import MimiclabError
from mimiclab.learning.algorithms.auxiliary import AuxiliaryLoss
from mimiclab.learning.algorithms.imitation import Imitation, TeacherLoss
from mimiclab.learning.algorithms.recording import RecordingLoss
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.load import load_teacher
from mimiclab.learning.teachers.routing import Lesson, TeachingPlan
from mimiclab.locations import local_path

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.task import Task


def plan_teaching(
    cfg: TrainCfg, task: "Task", library: "MotionLibrary | None", device: str
) -> TeachingPlan | None:
    """Load the teachers and check them against task and motions; None for a task without motions.

    Raises:
        MimiclabError: settings that contradict each other, or under distil a motion group that
            nobody teaches: its states would teach the student nothing.
        CheckpointError: a teacher is missing, or made for another robot or rate.
        UnknownNameError: a teacher of a motion group that the clips do not have.
    """
    from mimiclab.tasks.tracking import TrackingTask

    cfg.check()
    if library is None or not isinstance(task, TrackingTask):
        _require_nothing_to_imitate(cfg, task)
        return None
    imitation = cfg.imitation
    lessons = [Lesson(load_teacher(teacher, device), teacher) for teacher in imitation.teachers]
    plan = TeachingPlan(lessons, task, library.group_names)
    if imitation.mode == "distil" and lessons and plan.untaught:
        raise MimiclabError(
            f"nobody teaches the motion groups {', '.join(plan.untaught)}, and mode distil learns "
            "from teachers alone; add --teacher GROUP=PATH for each, leave their motions out, or "
            "choose --imitation.mode hybrid"
        )
    if imitation.recording is not None and cfg.network.kind == "recurrent":
        raise MimiclabError(
            "a recording is read as single steps, from which a recurrent network cannot learn; "
            "leave out --imitation.recording, or choose another --network.kind"
        )
    return plan


def _require_nothing_to_imitate(cfg: TrainCfg, task: "Task") -> None:
    given = {
        "--teacher": bool(cfg.imitation.teachers),
        "--imitation.recording": cfg.imitation.recording is not None,
        "--residual.base": cfg.residual.base is not None,
        "--network.estimator": cfg.network.estimator is not None,
    }
    if wrong := [option for option, is_given in given.items() if is_given]:
        raise MimiclabError(
            f"{' and '.join(wrong)} are for tasks that track motions, this one is {task.kind!r}; "
            "leave them out"
        )


def build_imitation(
    cfg: TrainCfg, plan: TeachingPlan | None, layout: dict[str, Any], *, device: str, seed: int
) -> Imitation | None:
    """Teachers and losses in an environment; none if nobody is imitated.

    Args:
        cfg: settings.
        plan: the teachers.
        layout: all observation groups of the environment; see `env_state.layout_of`.
        device: torch device of observations and networks.
        seed: of the order in which recorded steps are drawn.

    Raises:
        CheckpointError: a teacher would see other observations than it was trained on.
        RecordingError: a recording of other observations or actions than the student's.
    """
    if plan is None:
        return None
    imitation = cfg.imitation
    router = None
    losses: list[AuxiliaryLoss] = []
    if plan.lessons:
        router = plan.router(layout, device=device, needs_std=imitation.loss == "kl")
        groups = [lesson.group for lesson in plan.lessons]
        weights = [lesson.cfg.weight for lesson in plan.lessons]
        losses.append(TeacherLoss(imitation, groups, weights, device))
    if imitation.recording is not None:
        losses.append(_recording_loss(cfg, plan.student, layout, device, seed))
    return Imitation(router, losses) if losses else None


def _recording_loss(
    cfg: TrainCfg, student: ActionSpace, layout: dict[str, Any], device: str, seed: int
) -> RecordingLoss:
    from mimiclab.datasets.recordings import read_pairs

    assert cfg.imitation.recording is not None
    arrays = read_pairs(
        local_path(cfg.imitation.recording),
        layout,
        action_offset=student.offset,
        action_scale=student.scale.tolist(),
    )
    obs, mean, std = (None if a is None else torch.as_tensor(a).to(device) for a in arrays)
    assert obs is not None and mean is not None
    return RecordingLoss(cfg.imitation, obs, mean, std, seed=seed)
