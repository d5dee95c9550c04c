"""From a foreign layout to our terms, our task and our action space."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from mimiclab.errors import ContractError
from mimiclab.learning.networks.layout import TermSlot
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.layout_terms import SourceTerm, in_our_terms, term_sizes
from mimiclab.learning.teachers.layouts import ForeignLayout
from mimiclab.robots import Robot, get_robot

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask


def layout_fields(layout: ForeignLayout, width: int, file: str) -> dict[str, Any]:
    """Fields of a `PolicySource` that a layout decides.

    Args:
        layout: the policy's conventions.
        width: numbers that its network observes.
        file: name for errors.

    Raises:
        ContractError: joints or bodies that are not the robot's, a term that we cannot give, or
            sizes that do not add up.
    """
    if not layout.follows_motion:
        raise ContractError(
            f"{file} follows a commanded velocity and no motion, so it cannot be scored on one or "
            "teach; run it with `mimiclab sim2sim FILE --contract ...`"
        )
    ours = in_our_terms(layout, width, file)
    return {
        "task": _task(layout, ours.terms, ours.robot),
        "terms": ours.terms,
        "actions": ActionSpace(
            default=torch.tensor(ours.default_joint_pos, dtype=torch.float32),
            scale=torch.tensor(ours.action_scale, dtype=torch.float32),
        ),
        "joints": ours.joints,
        "remarks": ours.remarks,
    }


def view_slots(task: "TrackingTask") -> tuple[TermSlot, ...]:
    """What an actor of `task` observes, as `term_slots` tells it of an environment.

    Only for tasks made by `layout_fields`: without a one-hot clip or a horizon.
    """
    from mimiclab.tasks.tracking.observation_cfg import actor_cfg

    robot = get_robot(task.robot)
    command = robot.num_joints * task.command_frames * (2 if task.command_velocity else 1)
    sizes = term_sizes(robot, command)
    slots, start = [], 0
    for name in actor_cfg(task).terms:
        slots.append(TermSlot(name, start, sizes[name], task.history))
        start += sizes[name] * task.history
    return tuple(slots)


def _task(layout: ForeignLayout, terms: Sequence[SourceTerm], robot: Robot) -> "TrackingTask":
    """The task of ours whose actor observes all of the terms."""
    from mimiclab.tasks.tracking import TrackingTask

    sizes = {term.name: term.size for term in terms}
    command = sizes.get("command", 2 * robot.num_joints)
    privileged = bool({"body_pos", "body_ori", "ref_base_lin_vel"} & set(sizes))
    return TrackingTask(
        robot=robot.name,
        control_hz=layout.control_hz,
        state_estimation="motion_anchor_pos_b" in sizes
        or ("base_lin_vel" in sizes and not privileged),
        privileged=privileged,
        reference_velocity="ref_base_lin_vel" in sizes,
        reference_gravity="ref_projected_gravity" in sizes,
        history=max(term.history for term in terms),
        command_velocity=command != robot.num_joints,
        command_frames=max(1, command // (2 * robot.num_joints)),
    )
