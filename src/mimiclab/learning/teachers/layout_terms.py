"""What a foreign observation vector consists of, in our terms; torch is not needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimiclab.errors import ContractError
from mimiclab.learning.teachers.layouts import ForeignLayout, order_of
from mimiclab.robots import Robot, get_robot

_ROUNDING = 5e-4 + 1e-9
"""Metadata of other projects have three decimals."""
_LONGEST_HISTORY = 20
"""Frames up to which a history is guessed from the width alone."""


@dataclass(frozen=True)
class SourceTerm:
    """Part of a policy's observation vector, in its own order, frames oldest first."""

    name: str
    """Our name."""
    size: int
    """Numbers of one frame."""
    history: int = 1
    """Frames."""
    order: tuple[int, ...] | None = None
    """For each number of a frame, its place in our frame; None for our order."""
    scale: float = 1.0
    """Factor that the policy expects."""


@dataclass(frozen=True, kw_only=True)
class OurTerms:
    """A foreign layout in our terms: joints in our order, numbers that are ours exactly so."""

    robot: Robot
    joints: tuple[int, ...]
    """For each of its joints, our number of it."""
    default_joint_pos: np.ndarray
    """rad (J,)."""
    action_scale: np.ndarray
    """rad for each unit of action (J,)."""
    stiffness: np.ndarray
    """N m/rad (J,)."""
    damping: np.ndarray
    """N m s/rad (J,)."""
    terms: tuple[SourceTerm, ...]
    remarks: tuple[str, ...]
    """What a user should know."""


def in_our_terms(layout: ForeignLayout, width: int, file: str) -> OurTerms:
    """Check a layout and put it into our order.

    Args:
        layout: the policy's conventions.
        width: numbers that its network observes.
        file: name for errors.

    Raises:
        ContractError: joints or bodies that are not the robot's, a term that we cannot give, or
            sizes that do not add up.
    """
    robot = get_robot(layout.robot)
    joints = order_of(layout.joint_names, robot.joint_names, "joints", robot, file)
    if layout.anchor_body not in ("", robot.anchor_body):
        raise ContractError(
            f"{file}: its anchor is {layout.anchor_body!r}, that of {robot.name} is "
            f"{robot.anchor_body!r}; observations of the anchor would mean something else"
        )
    remarks = list(layout.remarks)
    found = {}
    for name, exact in (
        ("default_joint_pos", robot.default_pose),
        ("action_scale", robot.action_scale),
        ("stiffness", robot.stiffness),
        ("damping", robot.damping),
    ):
        given = getattr(layout, name)
        if not given and name in ("stiffness", "damping"):
            found[name] = exact
            continue
        values = _in_our_order(given, joints, name, file)
        # What differs in gains is among the remarks of the layout already.
        heard = [] if name in ("stiffness", "damping") else remarks
        found[name] = _snapped(values, exact, robot, name, heard)
    terms = _source_terms(layout, width, robot, joints, remarks, file)
    return OurTerms(robot=robot, joints=joints, terms=terms, remarks=tuple(remarks), **found)


def term_sizes(robot: Robot, command: int, *, motion: bool = True) -> dict[str, int]:
    """Numbers in one frame of each term that a foreign policy may observe.

    `command` are those of the command of a policy that follows a motion; one that does not
    (`motion` is false) observes other terms.
    """
    joints, bodies = robot.num_joints, len(robot.tracked_bodies)
    if not motion:
        return {
            "base_lin_vel": 3,
            "base_ang_vel": 3,
            "projected_gravity": 3,
            "joint_pos": joints,
            "joint_vel": joints,
            "actions": joints,
            "command_lin_vel": 2,
            "command_ang_vel": 1,
            "sin_phase": 2,
            "cos_phase": 2,
        }
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


def _source_terms(
    layout: ForeignLayout, width: int, robot: Robot, joints: tuple[int, ...], remarks: list[str],
    file: str,
) -> tuple[SourceTerm, ...]:  # fmt: skip
    sizes = term_sizes(robot, 0, motion=layout.follows_motion)
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
        bodies = order_of(layout.body_names, robot.tracked_bodies, "tracked bodies", robot, file)
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
