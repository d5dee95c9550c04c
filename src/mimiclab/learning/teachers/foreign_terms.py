"""From a foreign layout to our terms, our task and our action space."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mimiclab.errors import ContractError
from mimiclab.learning.networks.layout import TermSlot
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.adapters import ForeignLayout
from mimiclab.learning.teachers.source import SourceTerm
from mimiclab.robots import Robot, get_robot

if TYPE_CHECKING:
    from mimiclab.tasks.tracking import TrackingTask

_ROUNDING = 5e-4 + 1e-9
"""Metadata of other projects have three decimals."""
_LONGEST_HISTORY = 20
"""Frames up to which a history is guessed from the width alone."""


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
    robot = get_robot(layout.robot)
    joints = _order(layout.joint_names, robot.joint_names, "joints", robot, file)
    if layout.anchor_body not in ("", robot.anchor_body):
        raise ContractError(
            f"{file}: its anchor is {layout.anchor_body!r}, that of {robot.name} is "
            f"{robot.anchor_body!r}; observations of the anchor would mean something else"
        )
    remarks = list(layout.remarks)
    pose = _in_our_order(layout.default_joint_pos, joints, "default_joint_pos", file)
    scale = _in_our_order(layout.action_scale, joints, "action_scale", file)
    pose = _snapped(pose, robot.default_pose, robot, "default_joint_pos", remarks)
    scale = _snapped(scale, robot.action_scale, robot, "action_scale", remarks)
    terms = _terms(layout, width, robot, joints, remarks, file)
    return {
        "task": _task(layout, terms, robot),
        "terms": terms,
        "actions": ActionSpace(
            default=torch.tensor(pose, dtype=torch.float32),
            scale=torch.tensor(scale, dtype=torch.float32),
        ),
        "joints": joints,
        "remarks": tuple(remarks),
    }


def term_sizes(robot: Robot, command: int) -> dict[str, int]:
    """Numbers in one frame of each term that a foreign policy may observe."""
    joints, bodies = robot.num_joints, len(robot.tracked_bodies)
    return {
        "command": command,
        "motion_anchor_pos_b": 3,
        "motion_anchor_ori_b": 6,
        "body_pos": 3 * bodies,
        "body_ori": 6 * bodies,
        "base_lin_vel": 3,
        "ref_base_lin_vel": 3,
        "base_ang_vel": 3,
        "joint_pos": joints,
        "joint_vel": joints,
        "actions": joints,
        "ref_projected_gravity": 3,
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


def _terms(
    layout: ForeignLayout, width: int, robot: Robot, joints: tuple[int, ...], remarks: list[str],
    file: str,
) -> tuple[SourceTerm, ...]:  # fmt: skip
    sizes = term_sizes(robot, 0)
    unknown = [t.name for t in layout.observations if t.name not in sizes]
    if unknown:
        raise ContractError(
            f"{file}: it observes {', '.join(unknown)}, which our task does not give; it gives "
            f"{', '.join(sizes)}"
        )
    observed = layout.observations
    command = _command_size(observed, sizes, width, robot)
    if command is None and all(term.history == 1 for term in observed):
        for frames in range(2, _LONGEST_HISTORY + 1):
            stacked = tuple(replace(term, history=frames) for term in observed)
            command = _command_size(stacked, sizes, width, robot)
            if command is not None:
                observed = stacked
                remarks.append(
                    f"the metadata tell of no history, but {width} numbers are {frames} frames of "
                    "every term, which is assumed, term by term and oldest first"
                )
                break
    if command is None:
        listed = ", ".join(f"{t.name} x {t.history}" for t in layout.observations)
        raise ContractError(
            f"{file}: it observes {width} numbers, which {listed} on {robot.name} cannot be: "
            f"sizes are {sizes | {'command': 2 * robot.num_joints}}"
        )
    sizes["command"] = command
    count = robot.num_joints
    orders: dict[str, Sequence[int]] = dict.fromkeys(("joint_pos", "joint_vel", "actions"), joints)
    blocks = range(0, command, count)
    orders["command"] = [block + joint for block in blocks for joint in joints]
    if layout.body_names and {"body_pos", "body_ori"} & {t.name for t in observed}:
        bodies = _order(layout.body_names, robot.tracked_bodies, "tracked bodies", robot, file)
        orders["body_pos"] = [3 * body + i for body in bodies for i in range(3)]
        orders["body_ori"] = [6 * body + i for body in bodies for i in range(6)]
    return tuple(
        SourceTerm(
            t.name, sizes[t.name], t.history, tuple(orders.get(t.name, ())) or None, t.scale
        )
        for t in observed
    )  # fmt: skip


def _command_size(
    terms: Sequence[Any], sizes: Mapping[str, int], width: int, robot: Robot
) -> int | None:
    """Numbers in a frame of the command, if the width leaves a possible number; 0 without one."""
    rest = width - sum(sizes[t.name] * t.history for t in terms)
    frames = sum(t.history for t in terms if t.name == "command")
    if not frames:
        return 0 if rest == 0 else None
    size, odd = divmod(rest, frames)
    whole = size == robot.num_joints or (size > 0 and size % (2 * robot.num_joints) == 0)
    return size if whole and not odd else None


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


def _order(
    theirs: Sequence[str], ours: Sequence[str], what: str, robot: Robot, file: str
) -> tuple[int, ...]:
    """For each of their names, its number among ours."""
    missing, unknown = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    if missing or unknown or len(theirs) != len(ours):
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has unknown {', '.join(unknown)}"] if unknown else []
        raise ContractError(
            f"{file}: its {what} are not those of {robot.name}: it "
            f"{' and '.join(parts) or 'names one twice'}"
        )
    return tuple(ours.index(name) for name in theirs)


def _in_our_order(
    values: Sequence[float], joints: tuple[int, ...], what: str, file: str
) -> np.ndarray:
    if len(values) != len(joints):
        raise ContractError(
            f"{file}: {what} has {len(values)} numbers for {len(joints)} joints; give one for each"
        )
    out = np.empty(len(joints))
    out[list(joints)] = values
    return out


def _snapped(
    given: np.ndarray, exact: np.ndarray, robot: Robot, what: str, remarks: list[str]
) -> np.ndarray:
    """Our exact values wherever the given ones are those, rounded; other ones are told."""
    same = np.abs(given - exact) <= _ROUNDING
    if not same.all():
        first = [
            f"{robot.joint_names[i]} {given[i]:g} (ours {exact[i]:.4g})"
            for i in np.flatnonzero(~same)[:3]
        ]
        remarks.append(f"{what} differs in {int((~same).sum())} joints: {', '.join(first)}")
    return np.where(same, exact, given)
