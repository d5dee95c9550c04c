"""Who teaches where, what they see, and teachers that do not fit."""

from typing import Any

import pytest
import torch
from tensordict import TensorDict
from toy_teachers import teacher, unit_space

from mimiclab.errors import CheckpointError, MimiclabError, UnknownNameError
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.routing import Lesson, TeacherRouter, TeachingPlan
from mimiclab.learning.teachers.teacher import Teacher
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

TASK = TrackingTask()
TERMS = {"command": 58, "joint_pos": 29}


def g1(task: TrackingTask | None = TASK, **changes: Any) -> Teacher:
    facts: dict[str, Any] = {
        "name": "runs/expert",
        "robot": "unitree_g1",
        "control_hz": 50.0,
        "task": task,
        "expects": TERMS,
        "action_space": ActionSpace.of_task(task or TASK),
    }
    return teacher(**(facts | changes))


def plan(*lessons: tuple[Teacher, TeacherCfg], task: TrackingTask = TASK) -> TeachingPlan:
    return TeachingPlan([Lesson(*lesson) for lesson in lessons], task, ("adaptor", "gmt", "rest"))


def cfg(group: str = "", **changes: Any) -> TeacherCfg:
    return TeacherCfg(path="runs/expert", group=group, **changes)


def steps(groups: list[float]) -> TensorDict:
    count = len(groups)
    obs = torch.arange(float(count)).unsqueeze(1).repeat(1, 2)
    return TensorDict(
        {
            "actor": obs,
            "critic": obs,
            "teacher_0": 10.0 + obs,
            "motion_group": torch.tensor(groups).unsqueeze(1),
        },
        batch_size=[count],
    )


def route(*lessons: tuple[str, Any], keys: list[str], **kwargs: Any) -> TeacherRouter:
    made = [
        Lesson(who if isinstance(who, Teacher) else teacher(who), cfg(group))
        for group, who in lessons
    ]
    return TeacherRouter(made, keys, unit_space(), ("a", "b", "c"), **kwargs)


def test_each_group_hears_its_own_teacher_who_sees_its_own_observations() -> None:
    router = route(("b", lambda o: 2.0 * o), ("a", lambda o: -o), keys=["teacher_0", "actor"])
    seen = router.annotate(steps([0.0, 1.0, 2.0, 1.0]))
    assert set(seen.keys()) == {
        "actor", "critic", "motion_group", "teacher_mean", "teacher_index",
    }  # fmt: skip
    expected = torch.tensor([[-0.0], [22.0], [0.0], [26.0]]).repeat(1, 2)
    torch.testing.assert_close(seen["teacher_mean"], expected)
    assert seen["teacher_index"].flatten().tolist() == [1.0, 0.0, -1.0, 0.0]


def test_a_teacher_without_group_takes_the_rest() -> None:
    router = route(("", lambda o: o + 1.0), ("c", lambda o: o - 1.0), keys=["actor", "actor"])
    seen = router.annotate(steps([0.0, 1.0, 2.0]))
    assert seen["teacher_mean"][:, 0].tolist() == [1.0, 2.0, 1.0]
    assert seen["teacher_index"].flatten().tolist() == [0.0, 0.0, 1.0]


def test_deviations_come_in_the_students_units() -> None:
    half = ActionSpace(default=torch.zeros(2), scale=torch.full((2,), 0.5))
    router = route(("a", teacher(lambda o: o, action_space=half)), keys=["actor"], needs_std=True)
    seen = router.annotate(steps([0.0, 1.0]))
    torch.testing.assert_close(seen["teacher_std"], torch.tensor([[0.05, 0.1], [1.0, 1.0]]))
    torch.testing.assert_close(seen["teacher_mean"][0], torch.tensor([0.0, 0.0]))


class Counter:
    """A teacher that remembers how many steps each environment has had."""

    is_recurrent = True

    def __init__(self) -> None:
        self.count = torch.zeros(3, 1)

    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        self.count = self.count + 1.0
        return self.count.repeat(1, 2)

    def reset(self, dones: torch.Tensor | None = None) -> None:
        self.count = torch.where(dones.bool().unsqueeze(1), 0.0, self.count)


def test_a_teacher_with_memory_sees_every_step_and_forgets_ended_episodes() -> None:
    router = route(("a", Counter()), keys=["actor"])
    router.annotate(steps([0.0, 1.0, 1.0]))
    router.reset(torch.tensor([0, 1, 0]))
    seen = router.annotate(steps([1.0, 0.0, 0.0]))  # the clips have changed
    assert seen["teacher_mean"][:, 0].tolist() == [0.0, 1.0, 2.0]


def test_plan_names_what_the_environment_must_show() -> None:
    simple = plan((g1(), cfg()))
    assert simple.views == {"teacher_0": TASK} and simple.extra == ()
    other = TrackingTask(history=5, residual_action=True)
    two = plan((g1(), cfg("gmt")), (g1(other), cfg("adaptor")))
    assert two.views == {"teacher_0": TASK, "teacher_1": other}
    assert two.extra == ("motion_group", "reference_joint_pos")
    assert two.untaught == ("rest",)
    shared = plan((g1(), cfg("gmt")), (g1(), cfg("adaptor")), (g1(), cfg(sees="student")))
    assert shared.views == {"teacher_0": TASK} and shared.untaught == ()
    streamed = TrackingTask(residual_action=True, interface=InterfaceCfg(delay_s=(0.1, 0.1)))
    assert "received_joint_pos" in plan((g1(), cfg()), task=streamed).extra
    assert plan((g1(streamed), cfg(sees="student")), task=streamed).extra == ()
    assert plan((g1(streamed), cfg()), task=TrackingTask(residual_action=True)).extra == ()


def test_teachers_that_do_not_fit_are_refused_with_the_difference() -> None:
    with pytest.raises(CheckpointError, match=r"'unitree_h1', the student is a 'unitree_g1'"):
        plan((g1(robot="unitree_h1"), cfg()))
    with pytest.raises(CheckpointError, match="acts at 25 Hz, the student at 50 Hz"):
        plan((g1(control_hz=25.0), cfg()))
    with pytest.raises(CheckpointError, match="sees=student"):
        plan((g1(None), cfg()))
    with pytest.raises(UnknownNameError, match="did you mean 'gmt'"):
        plan((g1(), cfg("gtm")))
    with pytest.raises(MimiclabError, match="both teach motion group 'gmt'"):
        plan((g1(), cfg("gmt")), (g1(), cfg("gmt")))
    with pytest.raises(MimiclabError, match="both teach all motions"):
        plan((g1(), cfg()), (g1(), cfg()))


def layout(key: str, terms: dict[str, int], history: dict[str, int] | None = None) -> dict:
    return {"observations": {key: terms}, "history": {key: history} if history else {}}


@pytest.mark.parametrize(
    "terms, history, told",
    [
        ({"command": 58}, {}, "joint_pos: 29 in the checkpoint, absent here"),
        ({"command": 290, "joint_pos": 29}, {}, "command: 58 in the checkpoint, 290 here"),
        ({"joint_pos": 29, "command": 58}, {}, "order"),
        (TERMS, {"command": 2}, "command: absent in the checkpoint, 2 here"),
    ],
)
@pytest.mark.parametrize("sees, key", [("clean", "teacher_0"), ("student", "actor")])
def test_other_observations_are_refused_with_the_difference(
    terms: dict, history: dict, told: str, sees: Any, key: str
) -> None:
    made = plan((g1(), cfg(sees=sees)))
    made.router(layout(key, TERMS), device="cpu", needs_std=False)
    with pytest.raises(CheckpointError, match=told):
        made.router(layout(key, terms, history), device="cpu", needs_std=False)


@pytest.mark.parametrize(
    "task, told",
    [
        (TrackingTask(residual_action=True), "offsets from the reference joint angles"),
        (TrackingTask(action_scale=2.0), "moves joint 0 by 1.095 rad for it, by 0.5475 for"),
    ],
)
def test_previous_actions_in_other_units_are_refused(task: TrackingTask, told: str) -> None:
    terms = {"command": 58, "actions": 29}
    for sees, key in (("clean", "teacher_0"), ("student", "actor")):
        made = plan((g1(task, expects=terms), cfg(sees=sees)))
        if sees == "clean":  # its view has them in its own units
            made.router(layout(key, terms), device="cpu", needs_std=False)
        else:
            with pytest.raises(CheckpointError, match=told):
                made.router(layout(key, terms), device="cpu", needs_std=False)


def test_kl_needs_the_teachers_deviation() -> None:
    made = plan((g1(std=None), cfg()))
    with pytest.raises(CheckpointError, match="use loss mse"):
        made.router(layout("teacher_0", TERMS), device="cpu", needs_std=True)
