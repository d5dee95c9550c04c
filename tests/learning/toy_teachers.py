"""Teachers of the toy problem, which know its solution, and an environment that they can see."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from tensordict import TensorDict
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.learning.algorithms.imitation import Imitation, TeacherLoss
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.runner import Runner
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.routing import Lesson, TeacherRouter
from mimiclab.learning.teachers.teacher import Teacher

GROUPED = {**LAYOUT, "observations": {"actor": {"error": 2, "target_vel": 2, "group": 1},
                                      "critic": {"pos": 2, "actor": 5}}}  # fmt: skip
"""Layout of `Classroom` with groups."""


def unit_space() -> ActionSpace:
    return ActionSpace(default=torch.zeros(2), scale=torch.ones(2))


def solution(obs: torch.Tensor) -> torch.Tensor:
    """Nearly perfect actions from [error, target_vel]."""
    return obs[:, 2:4] + 10.0 * obs[:, :2]


def teacher(network: Callable[[torch.Tensor], torch.Tensor] = solution, **changes: Any) -> Teacher:
    facts: dict[str, Any] = {
        "name": "sage",
        "robot": "point",
        "control_hz": 20.0,
        "task": None,
        "expects": LAYOUT["observations"]["actor"],
        "action_space": unit_space(),
        "std": torch.tensor([0.1, 0.2]),
    }
    return Teacher(network, **(facts | changes))


class Classroom(ToyTracking):
    """The toy problem with a clean view for teachers; odd environments are of group 1."""

    grouped = False

    def get_observations(self) -> TensorDict:
        obs = super().get_observations()
        obs["teacher_0"] = obs["actor"].clone()
        group = (torch.arange(self.num_envs) % 2).float().unsqueeze(1)
        obs["motion_group"] = group
        if self.grouped:
            obs["actor"] = torch.cat([obs["actor"], group], -1)
            obs["critic"] = torch.cat([obs["critic"], group], -1)
        return obs


def class_of(
    cfg: TrainCfg,
    teachers: Sequence[tuple[str, Teacher]] = (),
    losses: Sequence[Any] = (),
    *,
    seed: int = 0,
    grouped: bool = False,
    room: "type[Classroom]" = Classroom,
    **kwargs: Any,
) -> Runner:
    """A runner of the toy problem with teachers of motion groups ("" for all)."""
    torch.manual_seed(seed)
    lessons = [Lesson(who, TeacherCfg(path=who.name, group=group)) for group, who in teachers]
    everything = list(losses)
    router = None
    if lessons:
        router = TeacherRouter(
            lessons,
            ["teacher_0"] * len(lessons),
            unit_space(),
            ("even", "odd"),
            needs_std=cfg.imitation.loss == "kl",
        )
        names = [lesson.group for lesson in lessons]
        everything.append(TeacherLoss(cfg.imitation, names, [1.0] * len(names)))
    env = room(cfg.num_envs, seed)
    env.grouped = grouped
    layout = GROUPED if grouped else LAYOUT
    imitation = Imitation(router, everything) if everything else None
    return Runner(env, cfg, layout=layout, imitation=imitation, **kwargs)


def taught(cfg: TrainCfg, mode: str, **changes: Any) -> TrainCfg:
    """Settings of a mode of imitation."""
    return replace(cfg, imitation=replace(cfg.imitation, mode=mode, **changes))
