"""A frozen policy that shows a student what to do."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from mimiclab.learning.teachers.action_space import ActionSpace

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask


class Teacher:
    """Observations in, mean actions out, in the teacher's own units; never learns."""

    def __init__(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        *,
        name: str,
        robot: str,
        control_hz: float,
        task: "TrackingTask | None",
        expects: Mapping[str, int],
        action_space: ActionSpace,
        history: Mapping[str, int] | None = None,
        std: torch.Tensor | None = None,
        digest: str = "",
        remarks: Sequence[str] = (),
    ) -> None:
        """Describe a teacher.

        Args:
            network: observations (N, D) to mean actions (N, A), normaliser included. A recurrent
                one keeps its state and has `reset(dones)`.
            name: what messages call it, for example its path.
            robot: registry name of the robot.
            control_hz: rate at which it was trained, Hz.
            task: the task whose actor view it wants, if it may see other things than the student;
                None if it is fed what the student sees.
            expects: its observation terms in order, with all their frames: name to size.
            action_space: meaning of its actions, joints in the robot's order.
            history: frames of the terms that have more than one.
            std: standard deviation of its actions (A,), in its units; None if unknown.
            digest: SHA-256 of the file that it was read from.
            remarks: what a user should know of it.
        """
        self.network = network
        self.name = name
        self.robot = robot
        self.control_hz = control_hz
        self.task = task
        self.expects = dict(expects)
        self.history = {k: v for k, v in (history or {}).items() if v > 1}
        self.action_space = action_space
        self.std = std
        self.digest = digest
        self.remarks = tuple(remarks)

    @property
    def observation_size(self) -> int:
        """Length D of its observation vector."""
        return sum(self.expects.values())

    @property
    def is_recurrent(self) -> bool:
        """Whether it remembers; then it must see every step of every environment."""
        return bool(getattr(self.network, "is_recurrent", False))

    @torch.no_grad()
    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        """Mean actions (N, A) in its own units, from observations (N, D)."""
        return self.network(obs)

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Forget what it remembers of environments whose flag in `dones` (N,) is set, or of all."""
        reset = getattr(self.network, "reset", None)
        if reset is not None:
            reset(dones)

    def to_student(
        self,
        actions: torch.Tensor,
        student: ActionSpace,
        reference: torch.Tensor | None = None,
        received: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Its actions (N, A) in the student's units: the same joint targets.

        Args:
            actions: what `__call__` returned.
            student: meaning of the student's actions.
            reference: reference joint angles now, rad, (N, A); needed if either counts from them.
            received: those that the student counts from, if an interface has changed them.
        """
        return self.action_space.convert(actions, student, reference, received)

    def std_to_student(self, student: ActionSpace) -> torch.Tensor | None:
        """Its standard deviation (A,) in the student's units; None if unknown."""
        return None if self.std is None else self.action_space.convert_std(self.std, student)
