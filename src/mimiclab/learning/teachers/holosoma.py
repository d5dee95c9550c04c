"""Layouts of Holosoma's policies, whose files tell joints and gains but not all else.

What a file leaves out is taken from Holosoma's publication where all its policies share it; the
action scale of whole-body tracking, in which they differ, is read from the file or must be told.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mimiclab.errors import ContractError
from mimiclab.learning.teachers.layouts import (
    OUR_NAMES,
    Adapter,
    FloorLayout,
    ForeignFile,
    ForeignLayout,
    ForeignTerm,
    Metadata,
    gains_of,
    require,
    robot_of,
    told_scale,
)
from mimiclab.robots import Robot
from mimiclab.tasks.velocity.published import published

_TRACKING_TERMS = (
    "actions", "base_ang_vel", "dof_pos", "dof_vel", "motion_command", "motion_ref_ori_b",
)  # fmt: skip
_WALKING_TERMS = (
    "actions", "base_ang_vel", "command_ang_vel", "command_lin_vel", "cos_phase", "dof_pos",
    "dof_vel", "projected_gravity", "sin_phase",
)  # fmt: skip
_WALKING_SCALE = 0.25
"""rad for each unit of action, in every locomotion policy."""
_POSES = {"booster_t1_29": {"Left_Ankle_Pitch": -0.25, "Right_Ankle_Pitch": -0.25}}
"""Default joint angles that differ from ours, rad."""
_FLOOR = FloorLayout(
    friction=(0.7, 0.005, 0.001), solref=(0.001, 1.0), solimp=(0.99, 0.99, 0.01, 0.5, 2.0)
)
"""Of its MuJoCo simulations."""
_CLIP = 100.0
"""Bound of actions."""
_RANGES = {"lin_vel_x": "lin_vel_x", "lin_vel_y": "lin_vel_y", "ang_vel_yaw": "ang_vel_z"}
"""Its names of the commanded velocities to ours."""
_LIMITS = {"anchor_height_m": 0.5, "anchor_tilt": 0.8, "end_effector_height_m": 0.25}
"""Terminations of its whole-body tracking."""


def _whole_body(opened: ForeignFile) -> ForeignLayout:
    robot, joints = _robot(opened)
    expected = 5 * len(joints) + 9
    if opened.width != expected:
        raise ContractError(
            f"{opened.name}: observes {opened.width} numbers; Holosoma's whole-body tracking "
            f"observes {expected} on {robot.name}. Its locomotion policies "
            f"({_walking_width(joints)} numbers) follow no motion: run them with `mimiclab sim2sim "
            "--contract holosoma-loco`; a policy with a history needs a file that describes it"
        )
    layout = ForeignLayout(
        observations=tuple(ForeignTerm(name=OUR_NAMES.get(n, n)) for n in _TRACKING_TERMS),
        reference_lead_steps=0,
        limits=dict(_LIMITS),
        **_common(opened, robot, joints),
    )
    if not layout.action_scale:
        raise ContractError(
            f"{opened.name}: no action scale in the metadata, and Holosoma's whole-body policies "
            "differ in it: give --action-scale 1 (all joints, as the released FastSAC dancer) or "
            "--action-scale effort (a quarter of effort limit over stiffness, as the released PPO "
            "dancer); where there is only --adapter, holosoma-fastsac (the first) or holosoma-ppo "
            "(the second)"
        )
    return layout


def _walking(opened: ForeignFile) -> ForeignLayout:
    robot, joints = _robot(opened)
    if opened.width != _walking_width(joints):
        raise ContractError(
            f"{opened.name}: observes {opened.width} numbers; Holosoma's locomotion observes "
            f"{_walking_width(joints)} on {robot.name}. Whole-body tracking is --contract "
            "holosoma-wbt; a policy with a history needs a file that describes it"
        )
    ranges = _json(opened, "command_ranges") or {}
    missing = [name for name in _RANGES if name not in ranges]
    if missing:
        raise ContractError(
            f"{opened.name}: its command ranges lack {', '.join(missing)}; is it a locomotion "
            "policy? Otherwise give another --contract"
        )
    scales = published(robot.name).scales
    common = _common(opened, robot, joints)
    common["action_scale"] = common["action_scale"] or (_WALKING_SCALE,) * len(joints)
    return ForeignLayout(
        observations=tuple(
            ForeignTerm(name=OUR_NAMES.get(n, n), scale=scales.get(n, 1.0)) for n in _WALKING_TERMS
        ),
        self_collision=False,
        command_ranges={ours: tuple(ranges[theirs]) for theirs, ours in _RANGES.items()},
        gait_period_s=1.0,
        **common,
    )


def _walking_width(joints: tuple[str, ...]) -> int:
    return 3 * len(joints) + 13


def _robot(opened: ForeignFile) -> tuple[Robot, tuple[str, ...]]:
    require(opened.metadata, opened.name, ("dof_names",))
    joints = tuple(_json(opened, "dof_names"))
    return robot_of(joints, opened.name), joints


def _common(opened: ForeignFile, robot: Robot, joints: tuple[str, ...]) -> dict[str, Any]:
    """What locomotion and tracking share."""
    ours = dict(zip(robot.joint_names, robot.default_pose.tolist(), strict=True))
    pose = ours | _POSES.get(robot.name, {})
    kp, kd = (
        None if values is None else ",".join(map(str, values))
        for values in (_json(opened, "kp"), _json(opened, "kd"))
    )
    fields: dict[str, Any] = {
        "robot": robot.name,
        "joint_names": joints,
        # Published with the robot, not in the file.
        "default_joint_pos": tuple(pose[name] for name in joints),
        "explicit_torque": True,
        "floor": _FLOOR,
        "action_clip": _CLIP,
        **gains_of(robot, joints, kp, kd, opened.name),
    }
    order = [robot.joint_names.index(name) for name in joints]
    motors = robot.effort_limit[order], fields.get("stiffness", robot.stiffness[order])
    stored = _stored_scale(opened, motors)
    told = told_scale(opened.action_scale, *motors) if opened.action_scale else stored
    if stored and not np.allclose(stored, told, rtol=1e-2):
        remark = f"the action scale {opened.action_scale} that was given replaces that of the file"
        fields["remarks"] = (*fields["remarks"], remark)
    return {**fields, "action_scale": told}


def _stored_scale(
    opened: ForeignFile, motors: tuple[np.ndarray, np.ndarray | tuple[float, ...]]
) -> tuple[float, ...]:
    """The action scale that newer files hold, by itself or in the training's settings."""
    stored, count = _json(opened, "action_scale"), len(motors[0])
    if stored is not None:
        values = stored if isinstance(stored, list) else [stored] * count
        return tuple(map(float, values))
    settings = _json(opened, "experiment_config") or {}
    control = settings.get("robot", {}).get("control", {})
    if "action_scale" not in control:
        return ()
    factor = float(control["action_scale"])
    if control.get("action_scales_by_effort_limit_over_p_gain"):
        return tuple((factor * motors[0] / np.asarray(motors[1])).tolist())
    return (factor,) * count


def _json(opened: ForeignFile, key: str) -> Any:
    try:
        return json.loads(opened.metadata.get(key, "null"))
    except json.JSONDecodeError as error:
        raise ContractError(
            f"{opened.name}: the metadata {key!r} are not JSON ({error}); was the file written by "
            "Holosoma?"
        ) from error


def _told(scale: str) -> Callable[[ForeignFile], ForeignLayout]:
    return lambda opened: _whole_body(replace(opened, action_scale=scale))


HOLOSOMA_ADAPTERS = (
    Adapter(
        "holosoma",
        lambda m, _: "dof_names" in m and not _of_others(m) and not _walks(m),
        _whole_body,
    ),
    Adapter("holosoma-wbt", lambda *_: False, _whole_body),
    Adapter("holosoma-fastsac", lambda *_: False, _told("1")),
    Adapter("holosoma-ppo", lambda *_: False, _told("effort")),
    Adapter(
        "holosoma-loco", lambda m, _: "dof_names" in m and not _of_others(m) and _walks(m), _walking
    ),
)


def _of_others(metadata: Metadata) -> bool:
    return "joint_names" in metadata


def _walks(metadata: Metadata) -> bool:
    return metadata.get("command_ranges", "null") != "null"
