"""What a unit of action means, and the same joint targets in another policy's units."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask


@dataclass(frozen=True, kw_only=True)
class ActionSpace:
    """Joint targets are `q = offset + scale * action`, joints in the robot's order."""

    default: torch.Tensor
    """Nominal default pose, rad. Shape (A,)."""
    scale: torch.Tensor
    """rad for each unit of action. Shape (A,)."""
    offset: Literal["default", "reference"] = "default"
    """What an action of zero means: the default pose, or the reference joint angles. A random joint
    offset of an environment shifts both alike, so it has no part in a conversion."""

    @classmethod
    def of_task(cls, task: "TrackingTask", device: str | torch.device = "cpu") -> "ActionSpace":
        """The actions of a policy trained on `task`."""
        from mimiclab.robots import get_robot

        robot = get_robot(task.robot)
        scale = torch.as_tensor(robot.action_scale * task.action_scale, dtype=torch.float32)
        return cls(
            default=torch.as_tensor(robot.default_pose, dtype=torch.float32, device=device),
            scale=scale.to(device),
            offset="reference" if task.residual_action else "default",
        )

    def to(self, device: str | torch.device) -> "ActionSpace":
        """The same on another device."""
        return replace(self, default=self.default.to(device), scale=self.scale.to(device))

    def equals(self, other: "ActionSpace") -> bool:
        """Whether an action means the same joint targets in both."""
        same = self.offset == other.offset and torch.equal(self.scale, other.scale)
        return same and (self.offset == "reference" or torch.equal(self.default, other.default))

    def offset_at(self, reference: torch.Tensor | None) -> torch.Tensor:
        """Joint angles of a zero action: (A,), or (N, A) equal to `reference`."""
        if self.offset == "default":
            return self.default
        if reference is None:
            raise ValueError("actions are offsets from the reference, whose joint angles are None")
        return reference

    def convert(
        self,
        actions: torch.Tensor,
        to: "ActionSpace",
        reference: torch.Tensor | None = None,
        to_reference: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Actions (N, A) of this space in units of `to`: the same joint targets.

        Args:
            actions: actions of this space.
            to: the other space.
            reference: reference joint angles now, rad, (N, A); not needed unless one of the two
                spaces counts from them.
            to_reference: those that the other space counts from, if an interface has changed them.
        """
        to_reference = reference if to_reference is None else to_reference
        if self.equals(to) and (self.offset == "default" or reference is to_reference):
            return actions
        target = self.scale * actions
        if self.offset != to.offset or reference is not to_reference or self.offset == "default":
            target = target + self.offset_at(reference) - to.offset_at(to_reference)
        return target / to.scale

    def convert_std(self, std: torch.Tensor, to: "ActionSpace") -> torch.Tensor:
        """Standard deviations (A,) of actions of this space, in units of `to`."""
        return std * (self.scale / to.scale)
