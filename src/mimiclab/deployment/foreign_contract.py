"""The contract of a released policy of another project, from its layout; torch is not needed."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mimiclab.deployment.contract import (
    ObservationTerm,
    Physics,
    PolicyContract,
    Provenance,
    Terminations,
)
from mimiclab.deployment.simulator import contact_settings
from mimiclab.deployment.velocity_command import GaitClock, VelocityCommand
from mimiclab.errors import ContractError
from mimiclab.learning.teachers.layout_terms import OurTerms, SourceTerm
from mimiclab.learning.teachers.layouts import ForeignLayout
from mimiclab.robots.walking import fall_bodies

_EULER, _IMPLICIT_FAST = 0, 3
"""MuJoCo's integrators. Under Euler a force-limited servo is the PD law as an explicit torque,
computed from the state before each physics step; the other one knows the servo's damping."""


def contract_of_layout(layout: ForeignLayout, ours: OurTerms, file: str) -> PolicyContract:
    """A contract in our joint order.

    Effort limits, armature and collision geoms are those of our robot, which the files of other
    projects do not hold.

    Args:
        layout: the policy's conventions.
        ours: the same in our terms.
        file: name of the policy, for errors and as the provenance.

    Raises:
        ContractError: a rate that is no whole number of physics steps, limits that do not exist,
            or command ranges that lack one.
    """
    robot = ours.robot
    if layout.control_hz < 1 or layout.physics_hz % layout.control_hz:
        raise ContractError(
            f"{file}: control_hz {layout.control_hz} is no divisor of physics_hz "
            f"{layout.physics_hz}"
        )
    contacts = ()
    if not layout.self_collision:
        contacts = tuple(
            # Meets the floor, whose affinity is 1, and nothing else.
            replace(geom, contype=1, conaffinity=0)
            for geom in contact_settings(robot.model)
        )
    return PolicyContract(
        robot=robot.name,
        model_hash=robot.model_hash,
        joint_names=robot.joint_names,
        default_joint_pos=tuple(ours.default_joint_pos.tolist()),
        stiffness=tuple(ours.stiffness.tolist()),
        damping=tuple(ours.damping.tolist()),
        effort_limit=tuple(robot.effort_limit.tolist()),
        armature=tuple(robot.armature.tolist()),
        action_scale=tuple(ours.action_scale.tolist()),
        action_offset="default",
        action_clip=layout.action_clip,
        observations=tuple(_term(term, robot.num_joints) for term in ours.terms),
        physics=Physics(
            dt_s=1.0 / layout.physics_hz,
            control_dt_s=1.0 / layout.control_hz,
            options={"integrator": _EULER if layout.explicit_torque else _IMPLICIT_FAST},
            contacts=contacts,
            floor_friction=layout.floor.friction,
            floor_solref=layout.floor.solref,
            floor_solimp=layout.floor.solimp,
        ),
        anchor_body=robot.anchor_body,
        body_names=robot.tracked_bodies,
        end_effectors=robot.end_effectors,
        reference_lead_steps=layout.reference_lead_steps,
        velocity=_velocity(layout, file),
        terminations=_terminations(layout, ours, file),
        provenance=Provenance(run=Path(file).stem),
    )


def _term(term: SourceTerm, joints: int) -> ObservationTerm:
    params = {}
    if term.name == "command" and term.size == joints:
        params = {"velocity": False}
    elif term.name == "command" and term.size != 2 * joints:
        params = {"frames": term.size // (2 * joints)}
    return ObservationTerm(
        name=term.name, size=term.size, scale=term.scale, history=term.history, params=params
    )


def _velocity(layout: ForeignLayout, file: str) -> VelocityCommand | None:
    if layout.follows_motion:
        return None
    names = ("lin_vel_x", "lin_vel_y", "ang_vel_z")
    if set(layout.command_ranges) != set(names):
        raise ContractError(
            f"{file}: command_ranges has {', '.join(sorted(layout.command_ranges))}; expected "
            f"{', '.join(names)}"
        )
    period = layout.gait_period_s
    lin_vel_x, lin_vel_y, ang_vel_z = (layout.command_ranges[name] for name in names)
    return VelocityCommand(
        lin_vel_x=lin_vel_x,
        lin_vel_y=lin_vel_y,
        ang_vel_z=ang_vel_z,
        gait=None if period is None else GaitClock(period_s=period),
    )


def _terminations(layout: ForeignLayout, ours: OurTerms, file: str) -> Terminations:
    known = {entry.name for entry in fields(Terminations)} - {"contact_bodies"}
    unknown = sorted(set(layout.limits) - known)
    if unknown:
        raise ContractError(
            f"{file}: unknown limits {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    given: dict[str, Any] = dict(layout.limits)
    if layout.follows_motion:
        return Terminations(**given)
    limits = {
        "anchor_height_m": None,
        "anchor_tilt": None,
        "end_effector_height_m": None,
        "contact_bodies": fall_bodies(ours.robot),
        **given,
    }
    return Terminations(**limits)
