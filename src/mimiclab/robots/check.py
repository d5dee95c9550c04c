"""Checks of a robot description against its model, each with a sentence on what to do."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.check_model import check_model
from mimiclab.robots.draft import as_python, draft_robot
from mimiclab.robots.findings import Found, RobotReport, error, warning
from mimiclab.robots.mirror import mirror_error
from mimiclab.robots.robot import Robot
from mimiclab.robots.soles import sole_points

_GROUND_TOLERANCE_M = 0.01


def check_robot(robot: Robot) -> RobotReport:
    """Check everything that the rest of mimiclab takes for granted about a robot."""
    facts: dict[str, float | int | str] = {}
    try:
        model = robot.model
    except Exception as problem:  # whatever the user's `spec_fn` raises is what is wrong
        found = error("model", f"the model does not compile: {problem}; correct `spec_fn`")
        return RobotReport(robot.name, (found,), facts)
    facts["joints"] = robot.num_joints
    facts["bodies"] = len(robot.body_names)
    facts["model_hash"] = robot.model_hash
    findings = check_model(model, facts)
    names = _check_names(robot)
    findings += names
    findings += _check_motors(robot)
    findings += _check_default_pose(robot, facts)
    steps: list[Callable[[Robot, dict], Found]] = [_check_mirror]
    if not names:
        steps.append(_check_ground)
    for step in steps:
        findings += step(robot, facts)
    return RobotReport(robot.name, tuple(findings), facts)


def check_file(path: str | Path) -> RobotReport:
    """Check an MJCF file: draft a description, check that, and suggest it.

    Raises:
        RobotError: the file is missing, unreadable, or no humanoid with named sides.
    """
    robot, assumed = draft_robot(path)
    report = check_robot(robot)
    return replace(
        report,
        findings=report.findings + tuple(assumed),
        suggestion=as_python(robot, path),
    )


def _check_names(robot: Robot) -> Found:
    found: Found = []
    bodies = robot.body_names
    for what in ("tracked_bodies", "end_effectors", "feet"):
        listed = getattr(robot, what)
        for name in listed:
            if name not in bodies:
                found.append(error("body_name", f"{what}: the model has no body {name!r}"))
        if len(set(listed)) != len(listed):
            found.append(error("body_name", f"{what} names a body twice"))
    for what in ("root_body", "anchor_body"):
        if getattr(robot, what) not in bodies:
            found.append(
                error("body_name", f"{what}: no body {getattr(robot, what)!r} in the model")
            )
    if bodies and robot.root_body != bodies[0]:
        found.append(
            error("root", f"root_body is {robot.root_body!r}; the model's root is {bodies[0]!r}")
        )
    if not robot.tracked_bodies or robot.tracked_bodies[0] != robot.root_body:
        found.append(error("tracked_bodies", "the root must come first in tracked_bodies"))
    if robot.anchor_body not in robot.tracked_bodies:
        found.append(error("tracked_bodies", "anchor_body must be among the tracked_bodies"))
    return found


def _check_motors(robot: Robot) -> Found:
    found: Found = []
    for joint in robot.joint_names:
        matches = [pattern for pattern in robot.motors if re.fullmatch(pattern, joint)]
        if len(matches) != 1:
            found.append(
                error(
                    "motors",
                    f"joint {joint!r} matches {len(matches)} patterns of `motors` "
                    f"{matches or ''}, expected exactly one",
                )
            )
    for what in ("motors", "default_joint_pos"):
        for pattern in getattr(robot, what):
            if not any(re.fullmatch(pattern, joint) for joint in robot.joint_names):
                found.append(error(what, f"{what}: pattern {pattern!r} matches no joint"))
    for pattern, motor in robot.motors.items():
        numbers = vars(motor)
        if not all(np.isfinite(value) and value > 0 for value in numbers.values()):
            found.append(error("gains", f"motor {pattern!r}: every number must be > 0: {numbers}"))
            continue
        omega = 2.0 * np.pi * motor.natural_frequency_hz
        wanted = (
            motor.armature * omega**2,
            2.0 * motor.damping_ratio * motor.armature * omega,
            motor.effort_limit / (4.0 * motor.armature * omega**2),
        )
        given = (motor.stiffness, motor.damping, motor.action_scale)
        if not np.allclose(given, wanted, rtol=1e-9):
            found.append(
                error("gains", f"motor {pattern!r}: gains {given}, formula gives {wanted}")
            )
        if motor.action_scale > np.pi:
            found.append(
                warning(
                    "gains",
                    f"motor {pattern!r}: a unit action moves the target by "
                    f"{motor.action_scale:.1f} rad; is the armature (reflected inertia) too small?",
                )
            )
    return found


def _check_default_pose(robot: Robot, facts: dict) -> Found:
    low, high = robot.joint_limits.T
    pose = robot.default_pose
    room = np.minimum(pose - low, high - pose)
    facts["default_pose_room_rad"] = round(float(room.min()), 4)
    return [
        error(
            "default_pose",
            f"joint {robot.joint_names[j]!r} rests at {pose[j]:.4g} rad, outside its range "
            f"[{low[j]:.4g}, {high[j]:.4g}]; correct default_joint_pos",
        )
        for j in np.flatnonzero(room < 0)
    ]


def _check_mirror(robot: Robot, facts: dict) -> Found:
    try:
        mirror = robot.mirror
    except RobotError as problem:
        return [error("mirror", str(problem))]
    found: Found = []
    gap = mirror_error(robot, mirror)
    facts["mirror_error_mm"] = round(1e3 * gap, 4)
    if gap > robot.mirror_tolerance_m:
        found.append(
            error(
                "mirror",
                f"mirrored random poses are up to {1e3 * gap:.1f} mm off, expected "
                f"< {1e3 * robot.mirror_tolerance_m:g}",
            )
        )
    limits = np.clip(robot.joint_limits, -1e3, 1e3)
    flipped = np.sort(mirror.joint_signs[:, None] * limits[mirror.joint_ids], axis=1)
    for j in np.flatnonzero(np.abs(flipped - limits).max(axis=1) > 0.01):
        if j < mirror.joint_ids[j]:
            found.append(
                warning(
                    "mirror",
                    f"joint {robot.joint_names[j]!r} has the range {np.round(limits[j], 3)}, its "
                    f"counterpart's mirrored is {np.round(flipped[j], 3)}",
                )
            )
    return found


def _check_ground(robot: Robot, facts: dict) -> Found:
    try:
        soles = sole_points(robot)
    except RobotError as problem:
        return [error("feet", str(problem))]
    model = robot.model
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[:7] = [0.0, 0.0, robot.default_root_height, 1.0, 0.0, 0.0, 0.0]
    for name, angle in zip(robot.joint_names, robot.default_pose, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_forward(model, data)
    found: Found = []
    lowest = []
    for side, foot, sole in zip(("left", "right"), robot.feet, soles, strict=True):
        body = data.body(foot)
        height = (body.xpos + sole @ body.xmat.reshape(3, 3).T)[:, 2]
        lowest.append(float(height.min()))
        facts[f"{side}_sole_height_mm"] = round(1e3 * lowest[-1], 3)
        if abs(lowest[-1]) > _GROUND_TOLERANCE_M:
            found.append(
                error(
                    "ground",
                    f"in the default pose the {side} sole is {1e3 * lowest[-1]:.1f} mm above the "
                    "ground, expected within 10 mm; set default_root_height to about "
                    f"{robot.default_root_height - lowest[-1]:.4f}",
                )
            )
        if np.ptp(height) > _GROUND_TOLERANCE_M:
            found.append(
                warning(
                    "ground",
                    f"in the default pose the {side} foot is tilted: its sole is between "
                    f"{1e3 * height.min():.1f} and {1e3 * height.max():.1f} mm high",
                )
            )
    if data.body(robot.feet[0]).xpos[1] <= data.body(robot.feet[1]).xpos[1]:
        found.append(error("feet", "feet must be (left, right); the first is not on the left (+y)"))
    for contact in data.contact:
        pair = [model.geom(g).name or f"geom {g}" for g in (contact.geom1, contact.geom2)]
        owners = {int(model.geom_bodyid[g]) for g in (contact.geom1, contact.geom2)}
        if 0 not in owners and contact.dist < 0:
            found.append(
                warning(
                    "self_collision",
                    f"in the default pose {pair[0]!r} and {pair[1]!r} overlap by "
                    f"{-1e3 * contact.dist:.1f} mm",
                )
            )
    return found
