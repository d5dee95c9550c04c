"""What is told of a released policy of another project, and how it is read from metadata."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mimiclab.errors import ContractError
from mimiclab.robots import Robot, available_robots, get_robot

Metadata = Mapping[str, str]
DESCRIBE = "describe the policy in a JSON or YAML file and give that as the adapter"
"""Advice at the end of errors."""


@dataclass(frozen=True, kw_only=True)
class ForeignTerm:
    """One part of a foreign observation vector, frames oldest first."""

    name: str
    """Our name of the term."""
    history: int = 1
    """Frames of it."""
    scale: float = 1.0
    """Factor that the policy expects on it."""


@dataclass(frozen=True, kw_only=True)
class FloorLayout:
    """Contact settings of the floor, by MuJoCo's names; None for its defaults."""

    friction: tuple[float, ...] = (1.0, 0.005, 0.0001)
    solref: tuple[float, ...] | None = None
    solimp: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ForeignLayout:
    """Conventions of a policy; joints in its own order."""

    robot: str
    """Our name of the robot."""
    observations: tuple[ForeignTerm, ...]
    """Terms of its observation vector in order, each with all its frames (term by term)."""
    joint_names: tuple[str, ...]
    """Joint order of its observations and actions."""
    default_joint_pos: tuple[float, ...]
    """Pose from which it counts joint angles, and its actions, rad."""
    action_scale: tuple[float, ...]
    """rad for each unit of action."""
    body_names: tuple[str, ...] = ()
    """Order of the bodies in `body_pos` and `body_ori`; empty for ours."""
    anchor_body: str = ""
    """Its anchor; empty for ours."""
    stiffness: tuple[float, ...] = ()
    """Of its motors, N m/rad; empty for ours."""
    damping: tuple[float, ...] = ()
    """Of its motors, N m s/rad; empty for ours."""
    control_hz: int = 50
    """Its rate, Hz."""
    physics_hz: int = 200
    """Rate of the physics that it was trained in, Hz."""
    reference_lead_steps: int = 1
    """Control steps by which the reference that it observes is ahead of the robot."""
    explicit_torque: bool = False
    """Trained with the PD law as a torque at each physics step; otherwise as servos."""
    self_collision: bool = True
    """Trained with parts of the robot that collide with each other."""
    floor: FloorLayout = field(default_factory=FloorLayout)
    """The floor that it is run on."""
    action_clip: float | None = None
    """Bound of its actions; None for none."""
    command_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """`lin_vel_x`, `lin_vel_y`, `ang_vel_z`: lower and upper ends of a commanded velocity, m/s and
    rad/s, of a policy that follows no motion; empty for one that follows a motion."""
    gait_period_s: float | None = None
    """Duration of a turn of its gait clock, s; None for no clock."""
    limits: dict[str, float | None] = field(default_factory=dict)
    """Terminations of a motion to use in place of ours, by their names in the contract."""
    remarks: tuple[str, ...] = field(default=())
    """What a user should know."""

    @property
    def follows_motion(self) -> bool:
        """Whether it follows a motion, or else a commanded velocity."""
        return not self.command_ranges


@dataclass(frozen=True, kw_only=True)
class ForeignFile:
    """What is known of a file before its layout is."""

    metadata: Metadata
    width: int
    """Numbers that its network observes."""
    name: str
    """For errors."""
    action_scale: str = ""
    """What a user says of it: a number of rad for each unit of action, or `effort`, a quarter of
    the effort limit over the stiffness of each joint; empty for nothing."""


@dataclass(frozen=True)
class Adapter:
    """Recognises the files of a project and reads their layout."""

    name: str
    recognises: Callable[[Metadata, int], bool]
    """Metadata and observation width to whether a file is of this kind."""
    layout: Callable[[ForeignFile], ForeignLayout]
    """What is known of a file to its layout."""


OUR_NAMES = {
    "motion_ref_pos_b": "motion_anchor_pos_b",
    "motion_ref_ori_b": "motion_anchor_ori_b",
    "robot_body_pos": "body_pos",
    "robot_body_pos_b": "body_pos",
    "robot_body_ori": "body_ori",
    "robot_body_ori_b": "body_ori",
    "motion_command": "command",
    "dof_pos": "joint_pos",
    "dof_vel": "joint_vel",
}
"""Other projects' names of terms to ours."""


def with_told_scale(layout: ForeignLayout, file: ForeignFile) -> ForeignLayout:
    """The layout with the action scale that a user has told, if any; see `ForeignFile`.

    Raises:
        ContractError: it is neither a positive number nor `effort`.
    """
    told = file.action_scale
    if not told:
        return layout
    robot = get_robot(layout.robot)
    order = list(order_of(layout.joint_names, robot.joint_names, "joints", robot, file.name))
    stiffness = layout.stiffness or robot.stiffness[order]
    scale = told_scale(told, robot.effort_limit[order], stiffness)
    given = layout.action_scale
    remarks = layout.remarks
    if given and not np.allclose(given, scale, rtol=1e-2):
        remarks = (
            *remarks,
            f"the action scale {told} that was given replaces that of the file ({given[0]:g}, ...)",
        )
    return replace(layout, action_scale=scale, remarks=remarks)


def told_scale(
    told: str, effort_limit: Sequence[float] | np.ndarray, stiffness: Sequence[float] | np.ndarray
) -> tuple[float, ...]:
    """Action scale of each joint from a user's word, see `ForeignFile`.

    Raises:
        ContractError: neither a positive number nor `effort`.
    """
    if told == "effort":
        return tuple((0.25 * np.asarray(effort_limit) / np.asarray(stiffness)).tolist())
    try:
        value = float(told)
    except ValueError:
        value = 0.0
    if not 0.0 < value < np.inf:
        raise ContractError(
            f"action scale {told!r}: expected a positive number (rad for each unit of action) or "
            "effort (a quarter of the effort limit over the stiffness of each joint)"
        )
    return (value,) * len(effort_limit)


def order_of(
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


def robot_of(joint_names: tuple[str, ...], file: str) -> Robot:
    """The registered robot that has exactly these joints.

    Raises:
        ContractError: none has, or several have.
    """
    robots = [r for r in available_robots() if set(r.joint_names) == set(joint_names)]
    if len(robots) != 1 or len(set(joint_names)) != len(joint_names):
        fit = f"those of {', '.join(r.name for r in robots)}" if robots else "no known robot's"
        raise ContractError(
            f"{file}: its {len(joint_names)} joints ({', '.join(joint_names[:3])}, ...) are {fit}; "
            "expected one robot. Describe the policy in a JSON file that names the robot"
        )
    return robots[0]


def require(metadata: Metadata, file: str, keys: tuple[str, ...]) -> None:
    """Refuse metadata that lack any of the keys.

    Raises:
        ContractError: they do.
    """
    missing = [key for key in keys if key not in metadata]
    if missing:
        raise ContractError(
            f"{file}: the metadata lack {', '.join(missing)}; there is "
            f"{', '.join(sorted(metadata)) or 'nothing'}; {DESCRIBE}"
        )


def words(text: str) -> tuple[str, ...]:
    """Parts between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def number(text: str, file: str) -> float:
    """A number in the metadata.

    Raises:
        ContractError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise ContractError(
            f"{file}: {text!r} in the metadata is not one number; {DESCRIBE}"
        ) from error


def numbers(text: str, count: int, file: str) -> tuple[float, ...]:
    """`count` numbers between commas, or a single one for all.

    Raises:
        ContractError: another count, or no numbers.
    """
    values = tuple(number(word, file) for word in words(text))
    values = values * count if len(values) == 1 else values
    if len(values) != count:
        raise ContractError(
            f"{file}: {len(values)} numbers in the metadata for {count} joints; {DESCRIBE}"
        )
    return values


def gains_of(
    robot: Robot, joints: tuple[str, ...], stiffness: str | None, damping: str | None, file: str
) -> dict[str, Any]:
    """Gains of a file's motors, and remarks on what differs from ours beyond rounding."""
    remarks, found = [], {}
    for name, text in (("stiffness", stiffness), ("damping", damping)):
        if text is None:
            remarks.append(f"the file does not tell the joints' {name}; ours is assumed")
            continue
        ours = dict(zip(robot.joint_names, getattr(robot, name).tolist(), strict=True))
        given = found[name] = numbers(text, len(joints), file)
        off = [
            f"{joint} {value:g} (ours {ours[joint]:.4g})"
            for joint, value in zip(joints, given, strict=True)
            if abs(value - ours[joint]) > 6e-4
        ]
        if off:
            remarks.append(
                f"trained with another {name} of {len(off)} joints: {', '.join(off[:3])}"
            )
    return {**found, "remarks": tuple(remarks)}
