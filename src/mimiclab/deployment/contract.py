"""What a policy needs to know about its robot, and what a runner needs to know about the policy.

The contract travels inside the ONNX file as JSON at full precision (metadata key
`mimiclab_contract`), so that a policy runs from its file alone and refuses to run on anything else.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np

from mimiclab.deployment.velocity_command import GaitClock, VelocityCommand
from mimiclab.errors import ContractError
from mimiclab.robots import Robot, get_robot

METADATA_KEY = "mimiclab_contract"
"""ONNX metadata key that holds the contract."""
SCHEMA = 1
"""Layout number of the JSON; readers refuse a higher one."""
MOTION_SCHEMA = 1
"""Layout number of the baked reference: joint and link-origin body arrays, quaternions wxyz."""


@dataclass(frozen=True, kw_only=True)
class ObservationTerm:
    """One part of the observation vector. Value = clip(term) * scale, history oldest first."""

    name: str
    """Name that `deployment.observations` knows."""
    size: int
    """Numbers of one frame of the term, without history."""
    scale: float | tuple[float, ...] = 1.0
    """Factor of all numbers, or of each."""
    clip: tuple[float, float] | None = None
    """Lower and upper bound before scaling; None for none."""
    history: int = 1
    """Frames stacked, the newest last; 1 is the present alone."""
    padding: Literal["first", "zero"] = "first"
    """What stands for frames before the episode: its first one, or zeros."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Plain arguments of the term, for example the offsets of future frames."""


@dataclass(frozen=True, kw_only=True)
class GeomContact:
    """Contact settings of one named collision geom, as trained on."""

    name: str
    contype: int
    conaffinity: int
    condim: int
    priority: int
    friction: tuple[float, ...]
    solref: tuple[float, ...]
    solimp: tuple[float, ...]
    margin: float
    gap: float


@dataclass(frozen=True, kw_only=True)
class Physics:
    """Time steps, solver settings and contacts that the policy was trained with."""

    dt_s: float
    """Physics step, s."""
    control_dt_s: float
    """Policy step, s; a whole number of physics steps."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of MuJoCo's `mjOption` by name: integrator, solver, iterations, cone, ..."""
    contacts: tuple[GeomContact, ...] = ()
    """Collision geoms of the robot."""
    floor_friction: tuple[float, ...] = (1.0, 0.005, 0.0001)
    """Sliding, torsional and rolling friction of the floor plane."""
    floor_solref: tuple[float, ...] | None = None
    """MuJoCo's `solref` of the floor plane; None for its default."""
    floor_solimp: tuple[float, ...] | None = None
    """MuJoCo's `solimp` of the floor plane; None for its default."""

    @property
    def decimation(self) -> int:
        """Physics steps in one control step."""
        return round(self.control_dt_s / self.dt_s)


@dataclass(frozen=True, kw_only=True)
class BakedClip:
    """One clip of the reference inside the graph, which holds all clips end to end."""

    name: str
    start: int
    """First frame in the graph's arrays."""
    frames: int
    fps: float


@dataclass(frozen=True, kw_only=True)
class RecurrentState:
    """A tensor (layers, N, size) that the graph takes and gives back at every step, zero at first.

    Names are rsl_rl's: `h_in` and `h_out`, for LSTMs also `c_in` and `c_out`.
    """

    name: str
    """Of the graph's input without `_in`, of its output without `_out`."""
    layers: int
    size: int

    @property
    def input(self) -> str:
        """Graph input."""
        return f"{self.name}_in"

    @property
    def output(self) -> str:
        """Graph output."""
        return f"{self.name}_out"


@dataclass(frozen=True, kw_only=True)
class Terminations:
    """Limits whose crossing ends an episode; None where the task does not use the limit.

    The first three compare with the reference motion.
    """

    anchor_height_m: float | None = 0.25
    """Difference of anchor heights."""
    anchor_tilt: float | None = 0.8
    """Difference of the z components of unit gravity seen from both anchors."""
    end_effector_height_m: float | None = 0.25
    """Height difference of any end effector from its re-anchored reference."""
    tilt: float | None = None
    """Angle of the root's z axis from the vertical, rad."""
    contact_bodies: tuple[str, ...] = ()
    """Bodies that may not touch anything with more than 1 N."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the policy comes from."""

    run: str = ""
    iteration: int = 0
    git: str = ""
    mimiclab: str = ""


@dataclass(frozen=True, kw_only=True)
class PolicyContract:
    """Everything that training fixed and a runner must reproduce. Lists of joints share one order.

    Raises:
        ContractError: fields that contradict each other, for example lists of unlike length.
    """

    robot: str
    """Registry name of the robot."""
    model_hash: str
    """`Robot.model_hash` of the model trained on."""
    joint_names: tuple[str, ...]
    """Order of every list of joints, of `joint_pos` terms and of actions."""
    default_joint_pos: tuple[float, ...]
    """Nominal pose, rad: origin of the joint observation."""
    stiffness: tuple[float, ...]
    """N m/rad."""
    damping: tuple[float, ...]
    """N m s/rad."""
    effort_limit: tuple[float, ...]
    """N m."""
    armature: tuple[float, ...]
    """kg m^2."""
    action_scale: tuple[float, ...]
    """rad for each unit of action."""
    action_offset: Literal["default", "reference"]
    """What an action of zero means: the default pose, or the reference joint angles."""
    observations: tuple[ObservationTerm, ...]
    """Terms of the observation vector, in order."""
    physics: Physics
    anchor_body: str
    body_names: tuple[str, ...]
    """Bodies of the baked reference and of the metrics; the root first."""
    end_effectors: tuple[str, ...]
    reference_lead_steps: int = 1
    """Control steps by which the observed reference is ahead of the robot's state."""
    motion_names: tuple[str, ...] = ()
    """Clips trained on, in the order of the one-hot motion term."""
    clips: tuple[BakedClip, ...] = ()
    """Clips inside the graph; none for a policy-only file."""
    velocity: VelocityCommand | None = None
    """The command of a policy that follows no motion; None for one that follows a motion."""
    action_clip: float | None = None
    """Bound of raw actions, which are clipped to plus and minus it; None for none."""
    recurrent: tuple[RecurrentState, ...] = ()
    """What the policy remembers between steps of an episode; none for a policy without memory."""
    motion_schema: int = MOTION_SCHEMA
    task: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the training task."""
    terminations: Terminations = field(default_factory=Terminations)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        joints = len(self.joint_names)
        for key in (
            "default_joint_pos", "stiffness", "damping", "effort_limit", "armature", "action_scale",
        ):  # fmt: skip
            count = len(getattr(self, key))
            if count != joints:
                raise ContractError(
                    f"contract: {key} has {count} values for {joints} joints; export the policy "
                    "again"
                )
        if self.action_offset not in ("default", "reference"):
            raise ContractError(
                f"contract: action_offset is {self.action_offset!r}, expected 'default' or "
                "'reference'"
            )
        if self.velocity is not None and (self.clips or self.action_offset == "reference"):
            raise ContractError(
                "contract: a policy that follows a commanded velocity has no motion, but "
                f"{len(self.clips)} clips and actions that count from the {self.action_offset}"
            )
        missing = {self.anchor_body, *self.end_effectors} - set(self.body_names)
        if missing:
            raise ContractError(
                f"contract: {', '.join(sorted(missing))} not among the tracked bodies "
                f"{', '.join(self.body_names)}"
            )
        steps = self.physics.control_dt_s / self.physics.dt_s
        if steps < 0.5 or abs(steps - round(steps)) > 1e-6:
            raise ContractError(
                f"contract: a control step of {self.physics.control_dt_s} s is not a whole number "
                f"of physics steps of {self.physics.dt_s} s"
            )

    @property
    def observation_size(self) -> int:
        """Length of the observation vector."""
        return sum(term.size * term.history for term in self.observations)

    @property
    def num_frames(self) -> int:
        """Reference frames inside the graph."""
        return sum(clip.frames for clip in self.clips)

    @property
    def anchor_index(self) -> int:
        """Index of the anchor among `body_names`."""
        return self.body_names.index(self.anchor_body)

    @property
    def end_effector_indices(self) -> list[int]:
        """Indices of the end effectors among `body_names`."""
        return [self.body_names.index(name) for name in self.end_effectors]

    def to_json(self) -> str:
        """The contract as JSON; floats are written so that they read back bit by bit."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, *, where: str = "contract") -> "PolicyContract":
        """Read a contract; `where` names the file in errors.

        Raises:
            ContractError: not JSON, another schema, missing or unknown fields.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ContractError(f"{where}: the contract is not JSON ({error})") from error
        schema = values.pop("schema", None) if isinstance(values, dict) else None
        if schema != SCHEMA:
            raise ContractError(
                f"{where}: contract schema {schema!r}, this mimiclab reads {SCHEMA}; "
                "export the policy again or use the version that wrote it"
            )
        return _build(cls, values, where)

    def robot_model(self) -> Robot:
        """The registered robot, proven to be the one trained on.

        Raises:
            ContractError: the registered robot differs; the message says in what.
        """
        robot = get_robot(self.robot)
        self.check_robot(robot)
        return robot

    def check_robot(self, robot: Robot) -> None:
        """Refuse a robot that is not the one trained on.

        Raises:
            ContractError: another robot, joint order or model.
        """
        if robot.name != self.robot:
            raise ContractError(
                f"the policy was trained for robot {self.robot!r}, not for {robot.name!r}; "
                "use a policy trained for that robot"
            )
        if robot.joint_names != self.joint_names:
            raise ContractError(
                f"robot {robot.name}: its joints differ from the policy's: "
                f"{_list_difference(self.joint_names, robot.joint_names)}"
            )
        if robot.model_hash != self.model_hash:
            raise ContractError(
                f"robot {robot.name}: the model here (hash {robot.model_hash[:12]}) is not the one "
                f"the policy was trained on ({self.model_hash[:12]}): kinematics, masses or joint "
                "limits differ; install the robot model of the training"
            )

    def differences(self, other: "PolicyContract") -> list[str]:
        """One sentence for each field, provenance and clips aside, in which `other` differs."""
        found = []
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(other, entry.name)
            if entry.name in ("provenance", "clips") or _same(mine, theirs):
                continue
            if entry.name == "observations":
                mine = [f"{t.name}[{t.size * t.history}]" for t in mine]
                theirs = [f"{t.name}[{t.size * t.history}]" for t in theirs]
            if isinstance(mine, list | tuple) and mine != theirs:
                found.append(f"{entry.name}: {_list_difference(mine, theirs)}")
            else:
                found.append(f"{entry.name}: {_short(mine)}, not {_short(theirs)}")
        return found


_NESTED = {
    "physics": Physics, "terminations": Terminations, "provenance": Provenance,
    "velocity": VelocityCommand, "gait": GaitClock,
}  # fmt: skip
_NESTED_LISTS = {
    "observations": ObservationTerm, "clips": BakedClip, "contacts": GeomContact,
    "recurrent": RecurrentState,
}  # fmt: skip
_NEWER = {
    "recurrent", "padding", "floor_solref", "floor_solimp", "tilt", "contact_bodies",
    "velocity", "action_clip",
}  # fmt: skip
"""Fields that older files lack; their defaults say what those files did."""


def _build(cls: type, values: object, where: str) -> Any:
    if not isinstance(values, dict):
        raise ContractError(f"{where}: {cls.__name__} is {values!r}, expected named fields")
    known = {entry.name for entry in fields(cls)}
    missing, unknown = known - set(values) - _NEWER, set(values) - known
    if missing or unknown:
        parts = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        parts += [f"has unknown {', '.join(sorted(unknown))}"] if unknown else []
        raise ContractError(
            f"{where}: {cls.__name__} {' and '.join(parts)}; export the policy again"
        )
    arguments = {}
    for key, value in values.items():
        if key in _NESTED_LISTS:
            value = tuple(_build(_NESTED_LISTS[key], item, where) for item in value)
        elif key in _NESTED and value is not None:
            value = _build(_NESTED[key], value, where)
        elif isinstance(value, list):
            value = tuple(value)
        arguments[key] = value
    return cls(**arguments)


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple) and a and isinstance(a[0], float):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=1e-9, atol=0))
    # Through JSON, because a tuple that was read back from a file is a list.
    return json.dumps(a, default=asdict) == json.dumps(b, default=asdict)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def _list_difference(mine: Any, theirs: Any) -> str:
    if len(mine) != len(theirs):
        only = [str(v) for v in mine if v not in theirs], [str(v) for v in theirs if v not in mine]
        return (
            f"{len(mine)} in the policy, {len(theirs)} here"
            + (f"; only in the policy: {', '.join(only[0][:5])}" if only[0] else "")
            + (f"; only here: {', '.join(only[1][:5])}" if only[1] else "")
        )
    first = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
    return f"entry {first} is {mine[first]} in the policy, {theirs[first]} here"
