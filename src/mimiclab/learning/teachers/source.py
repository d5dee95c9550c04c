"""Any policy as something to build on: its network, what it observes, what its actions mean.

A source is attached to an observation layout and an action space, which gives a `FrozenPolicy`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mimiclab.errors import ContractError
from mimiclab.learning.networks.frozen import ColumnMap, FrozenPolicy
from mimiclab.learning.networks.layout import TermSlot
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.layout_terms import SourceTerm as SourceTerm

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask


@dataclass(frozen=True, kw_only=True)
class PolicySource:
    """A deterministic policy, opened from a file."""

    path: str
    network: nn.Module
    """Its observations (N, D) to its actions (N, A)."""
    spec: dict[str, Any]
    """How `frozen.rebuild` makes the network again, without its numbers: plain values."""
    normaliser: tuple[torch.Tensor, torch.Tensor]
    """Scale and shift (D,) that the network applies to its observations first."""
    task: "TrackingTask"
    """Ours, whose actor observes at least what the policy does."""
    terms: tuple[SourceTerm, ...]
    """Its observations, in its order."""
    actions: ActionSpace
    """Meaning of its actions, joints in our order."""
    joints: tuple[int, ...] | None = None
    """For each of its joints, our number of it; None for our order."""
    digest: str = ""
    """SHA-256 of the file."""
    remarks: tuple[str, ...] = field(default=())
    """What a user should know."""

    @property
    def observation_size(self) -> int:
        """Length D of its observation vector."""
        return sum(term.size * term.history for term in self.terms)

    def attach(self, slots: Sequence[TermSlot], student: ActionSpace) -> FrozenPolicy:
        """The policy behind observations laid out as `slots`, acting in units of `student`.

        Raises:
            ContractError: an observation term that is missing there, or of another size or with
                fewer frames; or actions that count from elsewhere.
        """
        if student.offset != self.actions.offset:
            raise ContractError(
                f"{self.path}: its actions are offsets from the {_FROM[self.actions.offset]}, here "
                f"they are offsets from the {_FROM[student.offset]}; set residual_action of the "
                f"task to {self.actions.offset == 'reference'}"
            )
        count = len(student.scale)
        joints = self.joints or range(count)
        place = {ours: theirs for theirs, ours in enumerate(joints)}
        scale, shift = _conversion(self.actions, student)
        outputs = ColumnMap([place[i] for i in range(count)], scale.tolist(), shift.tolist())
        return FrozenPolicy(self.network, self._inputs(slots, student), outputs, self.normaliser)

    def _inputs(self, slots: Sequence[TermSlot], student: ActionSpace) -> ColumnMap:
        there = {slot.name: slot for slot in slots}
        lines = [line for term in self.terms if (line := _misfit(term, there))]
        if lines:
            raise ContractError(
                f"{self.path} observes what is not observed here:\n  "
                + "\n  ".join(lines)
                + "\nGive the task these observations, or choose another policy"
            )
        columns: list[int] = []
        scales: list[float] = []
        shifts: list[float] = []
        for term in self.terms:
            slot = there[term.name]
            first = slot.start + (slot.history - term.history) * term.size
            order = term.order or range(term.size)
            scale, shift = self._units(term, student)
            for frame in range(term.history):
                columns += [first + frame * term.size + i for i in order]
                scales += [term.scale * float(scale[i]) for i in order]
                shifts += [term.scale * float(shift[i]) for i in order]
        return ColumnMap(columns, scales, shifts)

    def _units(self, term: SourceTerm, student: ActionSpace) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift (size,) from what is observed here to what the policy knows."""
        if term.name == "actions":
            return _conversion(student, self.actions)
        one, none = torch.ones(term.size), torch.zeros(term.size)
        return one, student.default - self.actions.default if term.name == "joint_pos" else none


_FROM = {"default": "default pose", "reference": "reference joint angles"}


def _conversion(here: ActionSpace, there: ActionSpace) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift (A,) of actions from one space to another that counts from the same."""
    zero = torch.zeros_like(here.scale)
    return here.scale / there.scale, here.convert(zero, there)


def _misfit(term: SourceTerm, there: Mapping[str, TermSlot]) -> str:
    slot = there.get(term.name)
    if slot is None:
        return f"{term.name}: absent here; there is {', '.join(there)}"
    if slot.size != term.size:
        return f"{term.name}: {term.size} numbers in the policy, {slot.size} here"
    if slot.history < term.history:
        return f"{term.name}: {term.history} frames in the policy, {slot.history} here"
    return ""
