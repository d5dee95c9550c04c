"""Which teacher speaks in which environment: by motion group, each from its own observations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from tensordict import TensorDict

from mimiclab.errors import CheckpointError, MimiclabError, UnknownNameError
from mimiclab.learning.checkpoint import layout_difference
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.teacher import Teacher

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask

STUDENT_GROUPS = ("actor", "critic")
"""Observation groups of the student itself; only these are stored and saved."""
TEACHER_MEAN = "teacher_mean"
"""Stored with each step: what the teacher would do, in the student's units. (N, A)."""
TEACHER_STD = "teacher_std"
"""Standard deviation of the teacher's actions, in the student's units. (N, A)."""
TEACHER_INDEX = "teacher_index"
"""Number of the teacher, -1 where nobody teaches. (N, 1)."""
GROUP_TERM, REFERENCE_TERM, RECEIVED_TERM = (
    "motion_group",
    "reference_joint_pos",
    "received_joint_pos",
)
"""More observation groups that routing may need, of one term each."""


@dataclass(frozen=True)
class Lesson:
    """A teacher and what it teaches."""

    teacher: Teacher
    cfg: TeacherCfg

    @property
    def group(self) -> str:
        """Name of its motion group in logs."""
        return self.cfg.group or "all"

    @property
    def view(self) -> "TrackingTask | None":
        """The task whose actor view it wants; None if it sees what the student sees."""
        return self.teacher.task if self.cfg.sees == "clean" else None


class TeachingPlan:
    """All lessons of a training: what they need of the environment, before it is made."""

    def __init__(
        self, lessons: Sequence[Lesson], task: "TrackingTask", group_names: Sequence[str]
    ) -> None:
        """Check that each teacher fits the student's task and motions.

        Args:
            lessons: teachers, each for all motions or for a motion group of its own.
            task: the student's task.
            group_names: motion groups of the clips.

        Raises:
            CheckpointError: a teacher of another robot or control rate, or without a view.
            UnknownNameError: a motion group that the clips do not have.
            MimiclabError: two teachers of one group.
        """
        self.lessons = tuple(lessons)
        self.task = task
        self.group_names = tuple(group_names)
        self.student = ActionSpace.of_task(task)
        self._views = _distinct([lesson.view for lesson in self.lessons])
        for lesson in self.lessons:
            _require_fit(lesson, task)
        groups = [lesson.cfg.group for lesson in self.lessons]
        for group in groups:
            if group and group not in self.group_names:
                raise UnknownNameError("motion group of a teacher", group, self.group_names)
            if groups.count(group) > 1:
                who = [x.teacher.name for x in self.lessons if x.cfg.group == group]
                what = f"motion group {group!r}" if group else "all motions"
                raise MimiclabError(
                    f"{' and '.join(who)} both teach {what}; give each a motion group of its own"
                )

    @property
    def views(self) -> dict[str, "TrackingTask"]:
        """Observation groups to add: name to the task whose actor sees them."""
        return {f"teacher_{i}": task for i, task in enumerate(self._views)}

    @property
    def extra(self) -> tuple[str, ...]:
        """Groups of single terms to add."""
        terms = []
        if any(lesson.cfg.group for lesson in self.lessons):
            terms.append(GROUP_TERM)
        if any(self._counts_from_reference(lesson) for lesson in self.lessons):
            terms.append(REFERENCE_TERM)
            if not self.task.interface.is_perfect:
                terms.append(RECEIVED_TERM)
        return tuple(terms)

    def _counts_from_reference(self, lesson: Lesson) -> bool:
        """Whether converting its actions takes reference joint angles."""
        offsets = {lesson.teacher.action_space.offset, self.student.offset}
        if len(offsets) == 2:
            return True
        # Both count from a reference, which is the same one unless an interface has changed it.
        return "reference" in offsets and not (
            self.task.interface.is_perfect or lesson.cfg.sees == "student"
        )

    @property
    def untaught(self) -> tuple[str, ...]:
        """Motion groups that nobody teaches."""
        taught = {lesson.cfg.group for lesson in self.lessons}
        return () if "" in taught else tuple(g for g in self.group_names if g not in taught)

    def router(self, layout: Mapping[str, Any], *, device: str, needs_std: bool) -> "TeacherRouter":
        """Ready to teach in an environment.

        Args:
            layout: all observation groups of the environment; see `env_state.layout_of`.
            device: where observations are.
            needs_std: whether the teachers' standard deviations are wanted.

        Raises:
            CheckpointError: a teacher would see other observations than it was trained on, or its
                standard deviation is wanted and not known.
        """
        keys = []
        for lesson in self.lessons:
            key = "actor" if lesson.view is None else f"teacher_{self._views.index(lesson.view)}"
            keys.append(key)
            _require_layout(lesson, layout, key)
            _require_same_units(lesson, self.student)
            if needs_std and lesson.teacher.std is None:
                raise CheckpointError(
                    f"loss kl compares distributions, but teacher {lesson.teacher.name} has no "
                    "standard deviation (ONNX files hold the mean alone); use loss mse"
                )
        return TeacherRouter(
            self.lessons, keys, self.student.to(device), self.group_names, needs_std=needs_std
        )


class TeacherRouter:
    """Adds to each step what its teacher would do; teachers' own observations are then dropped."""

    def __init__(
        self,
        lessons: Sequence[Lesson],
        keys: Sequence[str],
        student: ActionSpace,
        group_names: Sequence[str] = (),
        *,
        needs_std: bool = False,
    ) -> None:
        """Route, without further checks.

        Args:
            lessons: teachers.
            keys: observation group that each teacher sees.
            student: meaning of the student's actions, on the device of the observations.
            group_names: motion groups by number.
            needs_std: whether to add `TEACHER_STD`.
        """
        self.lessons = tuple(lessons)
        self.keys = tuple(keys)
        self.student = student
        groups = [lesson.cfg.group for lesson in self.lessons]
        rest = groups.index("") if "" in groups else -1
        taught = [groups.index(name) if name in groups else rest for name in group_names]
        self._by_group = torch.tensor(taught, dtype=torch.long, device=student.scale.device)
        self._for_all = groups == [""]
        self._stds: list[torch.Tensor] = []
        if needs_std:
            for lesson in self.lessons:
                std = lesson.teacher.std_to_student(student)
                assert std is not None
                self._stds.append(std.to(student.scale.device))

    def annotate(self, obs: TensorDict) -> TensorDict:
        """The student's groups of `obs` (N, ...), and what the teachers would do there."""
        seen = obs.select(*(group for group in (*STUDENT_GROUPS, GROUP_TERM) if group in obs))
        count, size = seen.batch_size[0], len(self.student.scale)
        which = self._which(obs, count)
        mean = torch.zeros(count, size, device=which.device)
        std = torch.ones_like(mean) if self._stds else None
        for number, lesson in enumerate(self.lessons):
            rows = None if self._for_all else (which == number).nonzero().flatten()
            if rows is not None and not len(rows) and not lesson.teacher.is_recurrent:
                continue
            actions = self._ask(number, obs, rows)
            if rows is None:
                mean = actions
            else:
                mean[rows] = actions
            if std is not None:
                std[slice(None) if rows is None else rows] = self._stds[number]
        seen[TEACHER_MEAN] = mean
        seen[TEACHER_INDEX] = which.float().unsqueeze(1)
        if std is not None:
            seen[TEACHER_STD] = std
        return seen

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Episodes with a flag in `dones` (N,), or all, have ended."""
        for lesson in self.lessons:
            lesson.teacher.reset(dones)

    def _which(self, obs: TensorDict, count: int) -> torch.Tensor:
        if self._for_all:
            return torch.zeros(count, dtype=torch.long, device=self.student.scale.device)
        return self._by_group[obs[GROUP_TERM].squeeze(1).long()]

    def _ask(self, number: int, obs: TensorDict, rows: torch.Tensor | None) -> torch.Tensor:
        """Actions of a teacher in `rows`, or everywhere, in the student's units."""
        lesson = self.lessons[number]
        teacher = lesson.teacher

        def of(key: str) -> torch.Tensor | None:
            value = obs.get(key)
            return value if value is None or rows is None else value[rows]

        if teacher.is_recurrent or rows is None:  # who remembers must see every step
            actions = teacher(obs[self.keys[number]])
            actions = actions if rows is None else actions[rows]
        else:
            actions = teacher(obs[self.keys[number]][rows])
        truth, received = of(REFERENCE_TERM), of(RECEIVED_TERM)
        received = truth if received is None else received
        own = received if lesson.cfg.sees == "student" else truth
        return teacher.to_student(actions, self.student, own, received)


def _distinct(tasks: Sequence["TrackingTask | None"]) -> list["TrackingTask"]:
    found: list[TrackingTask] = []
    for task in tasks:
        if task is not None and task not in found:
            found.append(task)
    return found


def _require_fit(lesson: Lesson, task: "TrackingTask") -> None:
    teacher = lesson.teacher
    if teacher.robot != task.robot:
        raise CheckpointError(
            f"teacher {teacher.name} was trained for robot {teacher.robot!r}, the student is a "
            f"{task.robot!r}; give a teacher of that robot"
        )
    if abs(teacher.control_hz - task.control_hz) > 1e-3:
        raise CheckpointError(
            f"teacher {teacher.name} acts at {teacher.control_hz:g} Hz, the student at "
            f"{task.control_hz} Hz; give a teacher of that rate, or set --control-hz"
        )
    if lesson.cfg.sees == "clean" and teacher.task is None:
        raise CheckpointError(
            f"teacher {teacher.name} has no task whose observations it could be given; "
            "let it see what the student sees (sees=student)"
        )


def _require_same_units(lesson: Lesson, student: ActionSpace) -> None:
    """Of what the student sees, the previous action is in its own units."""
    if lesson.cfg.sees == "clean" or "actions" not in lesson.teacher.expects:
        return
    space, name = lesson.teacher.action_space.to(student.scale.device), lesson.teacher.name
    if space.offset != student.offset:
        raise CheckpointError(
            f"teacher {name} is to see what the student sees, its previous action included, but "
            f"its actions are offsets from the {space.offset} joint angles, the student's from the "
            f"{student.offset} ones; let it see its own (sees=clean)"
        )
    if not torch.allclose(space.scale, student.scale, rtol=1e-2):
        worst = int((space.scale / student.scale).log().abs().argmax())
        raise CheckpointError(
            f"teacher {name} is to see what the student sees, its previous action included, but a "
            f"unit of action moves joint {worst} by {float(space.scale[worst]):.4g} rad for it, by "
            f"{float(student.scale[worst]):.4g} for the student; let it see its own (sees=clean)"
        )


def _require_layout(lesson: Lesson, layout: Mapping[str, Any], key: str) -> None:
    teacher = lesson.teacher
    lines = layout_difference(teacher.expects, layout["observations"][key])
    if not lines:
        lines = layout_difference(teacher.history, layout.get("history", {}).get(key, {}))
    if lines:
        where = {
            "student": "it is to see what the student sees; let it see its own (sees=clean)",
            "clean": "its task on these motions gives other observations",
        }[lesson.cfg.sees]
        raise CheckpointError(
            f"teacher {teacher.name} was trained on other observations, and {where}:\n  "
            + "\n  ".join(lines)
        )
