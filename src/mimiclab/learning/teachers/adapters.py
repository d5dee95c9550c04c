"""How released policies of other projects observe and act.

An `Adapter` reads an ONNX file's metadata into a `ForeignLayout`; a JSON file with the fields of a
`ForeignLayout` serves for any other policy.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.robots import Robot, available_robots

Metadata = Mapping[str, str]
_DESCRIBE = "describe the policy in a JSON file and give that as the adapter"


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
    control_hz: int = 50
    """Its rate, Hz."""
    remarks: tuple[str, ...] = field(default=())
    """What a user should know."""


@dataclass(frozen=True)
class Adapter:
    """Recognises the files of a project and reads their layout."""

    name: str
    recognises: Callable[[Metadata, int], bool]
    """Metadata and observation width to whether a file is of this kind."""
    layout: Callable[[Metadata, int, str], ForeignLayout]
    """Metadata, observation width and file name (for errors) to the layout."""


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

_HOLOSOMA_TERMS = (
    "actions", "base_ang_vel", "dof_pos", "dof_vel", "motion_command", "motion_ref_ori_b",
)  # fmt: skip


def find_layout(adapter: str, metadata: Metadata, width: int, file: str) -> ForeignLayout:
    """The layout of a file without a mimiclab contract.

    Args:
        adapter: a name of `ADAPTERS`, the path of a JSON file, or `auto`.
        metadata: of the ONNX file.
        width: numbers that its network observes.
        file: the file's name, for errors.

    Raises:
        ContractError: not recognised, of several kinds, or metadata that leave something out.
        UnknownNameError: no such adapter.
    """
    if adapter.endswith(".json"):
        return _read_layout(Path(adapter))
    if adapter != "auto":
        if adapter not in ADAPTERS:
            raise UnknownNameError("adapter", adapter, ("auto", *ADAPTERS))
        return ADAPTERS[adapter].layout(metadata, width, file)
    found = [kind for kind in ADAPTERS.values() if kind.recognises(metadata, width)]
    if len(found) != 1:
        what = f"fits {', '.join(kind.name for kind in found)}" if found else "fits none"
        raise ContractError(
            f"{file} has no mimiclab contract, and of the known layouts it {what}: it observes "
            f"{width} numbers, its metadata are {', '.join(sorted(metadata)) or 'empty'}. Name "
            f"one of {', '.join(ADAPTERS)}, or a JSON file that describes it, with --adapter"
        )
    return found[0].layout(metadata, width, file)


def _read_layout(path: Path) -> ForeignLayout:
    from mimiclab.errors import CheckpointError
    from mimiclab.learning.serialise import from_plain

    try:
        return from_plain(ForeignLayout, json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, json.JSONDecodeError, CheckpointError, TypeError) as error:
        raise ContractError(
            f"{path} does not describe a policy ({error}); expected JSON with robot, observations "
            "(each with name, history), joint_names, default_joint_pos and action_scale"
        ) from error


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


# Isaac Lab's exporters (BeyondMimic, MOSAIC) and mjlab's


def _isaac_like(metadata: Metadata, width: int, file: str) -> ForeignLayout:
    _require(
        metadata, file,
        ("joint_names", "default_joint_pos", "action_scale", "observation_names"),
    )  # fmt: skip
    joints = _words(metadata["joint_names"])
    robot = robot_of(joints, file)
    names = _words(metadata["observation_names"])
    frames = [max(1, int(n)) for n in _words(_history(metadata))] or [1] * len(names)
    scales = [_number(s, file) for s in _words(metadata.get("observation_terms_scale", ""))]
    scales = scales or [1.0] * len(names)
    for clip in _words(metadata.get("observation_terms_clip", "")):
        if clip != "-inf;inf":
            raise ContractError(
                f"{file}: observations are clipped to {clip}, which is not read; {_DESCRIBE}"
            )
    for values, what in ((frames, "history lengths"), (scales, "scales")):
        if len(values) != len(names):
            raise ContractError(
                f"{file}: {len(names)} observation names but {len(values)} {what} in the "
                f"metadata; {_DESCRIBE}"
            )
    terms = tuple(
        ForeignTerm(name=OUR_NAMES.get(n, n), history=h, scale=s)
        for n, h, s in zip(names, frames, scales, strict=True)
    )
    return ForeignLayout(
        robot=robot.name,
        observations=terms,
        joint_names=joints,
        default_joint_pos=_numbers(metadata["default_joint_pos"], len(joints), file),
        action_scale=_numbers(metadata["action_scale"], len(joints), file),
        body_names=_words(metadata.get("body_names", "")),
        anchor_body=metadata.get("anchor_body_name", ""),
        remarks=_gain_remarks(
            robot, joints, metadata.get("joint_stiffness"), metadata.get("joint_damping"), file
        ),
    )


def _history(metadata: Metadata) -> str:
    lengths = metadata.get("observation_history_lengths")
    return metadata.get("observation_terms_history_length", "") if lengths is None else lengths


def _has_history(metadata: Metadata) -> bool:
    return any(n not in ("0", "1") for n in _words(_history(metadata)))


# Holosoma


def _holosoma(scale: str) -> Callable[[Metadata, int, str], ForeignLayout]:
    def layout(metadata: Metadata, width: int, file: str) -> ForeignLayout:
        _require(metadata, file, ("dof_names",))
        joints = tuple(json.loads(metadata["dof_names"]))
        robot = robot_of(joints, file)
        whole_body = 5 * len(joints) + 9
        if width != whole_body:
            raise ContractError(
                f"{file}: observes {width} numbers; Holosoma's whole-body tracking observes "
                f"{whole_body} on {robot.name}. Its locomotion policies follow no motion; a "
                "policy with a history needs a JSON file that describes it"
            )
        order = [robot.joint_names.index(name) for name in joints]
        return ForeignLayout(
            robot=robot.name,
            observations=tuple(ForeignTerm(name=OUR_NAMES.get(n, n)) for n in _HOLOSOMA_TERMS),
            joint_names=joints,
            # Published with the robot, not in the file; equal to ours.
            default_joint_pos=tuple(robot.default_pose[order].tolist()),
            action_scale=_holosoma_scale(scale, metadata, robot, order, file),
            remarks=_gain_remarks(
                robot, joints, _listed(metadata.get("kp")), _listed(metadata.get("kd")), file
            ),
        )

    return layout


def _holosoma_scale(
    kind: str, metadata: Metadata, robot: Robot, order: list[int], file: str
) -> tuple[float, ...]:
    if kind == "one":
        return (1.0,) * len(order)
    if kind == "gains":
        return tuple(robot.action_scale[order].tolist())
    if metadata.get("action_scale", "null") == "null":
        raise ContractError(
            f"{file}: no action scale in the metadata, and Holosoma's policies differ in it: use "
            "the adapter holosoma-fastsac (1 for all joints, as the released FastSAC dancer) or "
            "holosoma-ppo (a quarter of effort over stiffness, as the released PPO dancer)"
        )
    value = json.loads(metadata["action_scale"])
    return tuple(map(float, value)) if isinstance(value, list) else (float(value),) * len(order)


# Parts


def _require(metadata: Metadata, file: str, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in metadata]
    if missing:
        raise ContractError(
            f"{file}: the metadata lack {', '.join(missing)}; there is "
            f"{', '.join(sorted(metadata)) or 'nothing'}; {_DESCRIBE}"
        )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _number(text: str, file: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ContractError(
            f"{file}: {text!r} in the metadata is not one number; {_DESCRIBE}"
        ) from error


def _numbers(text: str, count: int, file: str) -> tuple[float, ...]:
    values = tuple(_number(word, file) for word in _words(text))
    values = values * count if len(values) == 1 else values
    if len(values) != count:
        raise ContractError(
            f"{file}: {len(values)} numbers in the metadata for {count} joints; {_DESCRIBE}"
        )
    return values


def _listed(text: str | None) -> str | None:
    return None if text is None else ",".join(map(str, json.loads(text)))


def _gain_remarks(
    robot: Robot, joints: tuple[str, ...], stiffness: str | None, damping: str | None, file: str
) -> tuple[str, ...]:
    """What differs between the policy's motors and ours, beyond the rounding of the metadata."""
    remarks = []
    for name, text in (("stiffness", stiffness), ("damping", damping)):
        if text is None:
            remarks.append(f"the file does not tell the joints' {name}; ours is assumed")
            continue
        ours = dict(zip(robot.joint_names, getattr(robot, name).tolist(), strict=True))
        given = _numbers(text, len(joints), file)
        off = [
            f"{joint} {value:g} (ours {ours[joint]:.4g})"
            for joint, value in zip(joints, given, strict=True)
            if abs(value - ours[joint]) > 6e-4
        ]
        if off:
            remarks.append(
                f"trained with another {name} of {len(off)} joints: {', '.join(off[:3])}"
            )
    return tuple(remarks)


ADAPTERS = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            "mosaic",
            lambda m, _: "observation_history_lengths" in m and _has_history(m),
            _isaac_like,
        ),
        Adapter(
            "beyondmimic",
            lambda m, _: (
                "observation_names" in m
                and "observation_terms_scale" not in m
                and not _has_history(m)
            ),
            _isaac_like,
        ),
        Adapter("mjlab", lambda m, _: "observation_terms_scale" in m, _isaac_like),
        Adapter(
            "holosoma",
            lambda m, _: "dof_names" in m and "joint_names" not in m,
            _holosoma("metadata"),
        ),
        Adapter("holosoma-fastsac", lambda *_: False, _holosoma("one")),
        Adapter("holosoma-ppo", lambda *_: False, _holosoma("gains")),
    )
}
"""Adapters by name. To add one: a project's metadata to a `ForeignLayout`."""
