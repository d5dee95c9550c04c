"""How far a robot is from its reference: one pure function for each number we report.

They live at the bottom of the package so that training logs, sim2sim and evaluation call the same
ones; `mimiclab.evaluation.metrics` offers them under that name too.

Shapes: N environments (any leading axes work), B bodies, J joints. World frame, quaternions
(w, x, y, z), metres and radians unless the name ends in `_mm`. Arrays are NumPy or torch; the
first argument of each pair is the reference. Each function answers with one number for each
leading index, except those named `body_...`, which keep the bodies apart.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from array_api_compat import array_namespace

from mimiclab.maths.rotations import Array, quat_angle

MILLIMETRES = 1000.0


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a reported number means."""

    unit: str
    meaning: str
    better: str = "lower"
    """Which direction is good: `lower` or `higher`."""


METRICS = MappingProxyType(
    {
        "mpjpe_global_mm": Metric(unit="mm", meaning="mean body position error, world frame"),
        "mpjpe_root_mm": Metric(unit="mm", meaning="the same after moving both roots together"),
        "orientation_error": Metric(unit="rad", meaning="mean body rotation angle error"),
        "velocity_error": Metric(unit="m/s", meaning="mean body linear velocity error"),
        "angular_velocity_error": Metric(unit="rad/s", meaning="mean body angular velocity error"),
        "acceleration_error": Metric(unit="m/s^2", meaning="mean body linear acceleration error"),
        "joint_position_error": Metric(unit="rad", meaning="mean absolute joint angle error"),
        "joint_velocity_error": Metric(unit="rad/s", meaning="mean absolute joint velocity error"),
        "anchor_position_error": Metric(unit="m", meaning="anchor body position error"),
        "anchor_orientation_error": Metric(unit="rad", meaning="anchor body rotation angle error"),
    }
)
"""The frame errors that every report holds, in its column order."""


class KinematicState(Protocol):
    """Joints and tracked bodies of N robots or references; `MotionFrame` is one."""

    @property
    def joint_pos(self) -> Array:
        """(N, J) rad."""
        ...

    @property
    def joint_vel(self) -> Array:
        """(N, J) rad/s."""
        ...

    @property
    def body_pos_w(self) -> Array:
        """(N, B, 3) m."""
        ...

    @property
    def body_quat_w(self) -> Array:
        """(N, B, 4)."""
        ...

    @property
    def body_lin_vel_w(self) -> Array:
        """(N, B, 3) m/s, of link origins."""
        ...

    @property
    def body_ang_vel_w(self) -> Array:
        """(N, B, 3) rad/s."""
        ...


def tracking_errors(
    reference: KinematicState,
    robot: KinematicState,
    *,
    anchor: int,
    previous: tuple[KinematicState, KinematicState] | None = None,
    dt_s: float = 1.0,
) -> dict[str, Array]:
    """Every metric of `METRICS` for one control step, each (N,).

    Args:
        reference: where the robot should be now.
        robot: where it is now.
        anchor: index of the anchor among the bodies.
        previous: reference and robot one control step ago; None leaves `acceleration_error` out.
        dt_s: control step, s.
    """
    errors = {
        "mpjpe_global_mm": mpjpe_global_mm(reference.body_pos_w, robot.body_pos_w),
        "mpjpe_root_mm": mpjpe_root_mm(reference.body_pos_w, robot.body_pos_w),
        "orientation_error": orientation_error(reference.body_quat_w, robot.body_quat_w),
        "velocity_error": velocity_error(reference.body_lin_vel_w, robot.body_lin_vel_w),
        "angular_velocity_error": angular_velocity_error(
            reference.body_ang_vel_w, robot.body_ang_vel_w
        ),
        "joint_position_error": joint_position_error(reference.joint_pos, robot.joint_pos),
        "joint_velocity_error": joint_velocity_error(reference.joint_vel, robot.joint_vel),
        "anchor_position_error": anchor_position_error(
            reference.body_pos_w[..., anchor, :], robot.body_pos_w[..., anchor, :]
        ),
        "anchor_orientation_error": anchor_orientation_error(
            reference.body_quat_w[..., anchor, :], robot.body_quat_w[..., anchor, :]
        ),
    }
    if previous is not None:
        errors["acceleration_error"] = acceleration_error(
            reference.body_lin_vel_w,
            previous[0].body_lin_vel_w,
            robot.body_lin_vel_w,
            previous[1].body_lin_vel_w,
            dt_s,
        )
    return errors


def _distance(a: Array, b: Array) -> Array:
    xp = array_namespace(a, b)
    difference = a - b
    return xp.sqrt(xp.sum(difference * difference, axis=-1))


def _mean(values: Array) -> Array:
    return array_namespace(values).mean(values, axis=-1)


def body_position_error_mm(ref_pos_w: Array, pos_w: Array) -> Array:
    """Distance of each body from its reference, mm. (N, B, 3) twice -> (N, B)."""
    return MILLIMETRES * _distance(ref_pos_w, pos_w)


def mpjpe_global_mm(ref_pos_w: Array, pos_w: Array) -> Array:
    """Mean body position error in the world frame, drift included, mm. (N, B, 3) -> (N,).

    The name is the field's (mean per-joint position error); "joints" are the tracked link origins.
    """
    return _mean(body_position_error_mm(ref_pos_w, pos_w))


def mpjpe_root_mm(ref_pos_w: Array, pos_w: Array) -> Array:
    """Mean body position error after both roots are moved to the origin, mm. (N, B, 3) -> (N,).

    Only translation is removed, heading errors remain. Body 0 is the root; its own error of 0 is
    in the mean. Source: PHC's `mpjpe_l`.
    """
    return _mean(
        body_position_error_mm(ref_pos_w - ref_pos_w[..., :1, :], pos_w - pos_w[..., :1, :])
    )


def orientation_error(ref_quat_w: Array, quat_w: Array) -> Array:
    """Mean rotation angle between bodies and their references, rad. (N, B, 4) -> (N,)."""
    return _mean(quat_angle(ref_quat_w, quat_w))


def velocity_error(ref_lin_vel_w: Array, lin_vel_w: Array) -> Array:
    """Mean difference of body (link-origin) linear velocities, m/s. (N, B, 3) -> (N,)."""
    return _mean(_distance(ref_lin_vel_w, lin_vel_w))


def angular_velocity_error(ref_ang_vel_w: Array, ang_vel_w: Array) -> Array:
    """Mean difference of body angular velocities, rad/s. (N, B, 3) -> (N,)."""
    return _mean(_distance(ref_ang_vel_w, ang_vel_w))


def acceleration_error(
    ref_lin_vel_w: Array,
    previous_ref_lin_vel_w: Array,
    lin_vel_w: Array,
    previous_lin_vel_w: Array,
    dt_s: float,
) -> Array:
    """Mean difference of body linear accelerations over one control step, m/s^2. (N, B, 3) -> (N,).

    Accelerations are velocity differences between consecutive control steps, `dt_s` apart.
    """
    return velocity_error(
        (ref_lin_vel_w - previous_ref_lin_vel_w) / dt_s, (lin_vel_w - previous_lin_vel_w) / dt_s
    )


def joint_position_error(ref_joint_pos: Array, joint_pos: Array) -> Array:
    """Mean absolute joint angle error, rad. (N, J) -> (N,)."""
    return _mean(abs(ref_joint_pos - joint_pos))


def joint_velocity_error(ref_joint_vel: Array, joint_vel: Array) -> Array:
    """Mean absolute joint velocity error, rad/s. (N, J) -> (N,)."""
    return _mean(abs(ref_joint_vel - joint_vel))


def anchor_position_error(ref_anchor_pos_w: Array, anchor_pos_w: Array) -> Array:
    """Distance of the anchor body from its reference, m. (N, 3) -> (N,)."""
    return _distance(ref_anchor_pos_w, anchor_pos_w)


def anchor_orientation_error(ref_anchor_quat_w: Array, anchor_quat_w: Array) -> Array:
    """Rotation angle between the anchor body and its reference, rad. (N, 4) -> (N,)."""
    return quat_angle(ref_anchor_quat_w, anchor_quat_w)


def anchor_linear_velocity_error(ref_lin_vel_w: Array, lin_vel_w: Array) -> Array:
    """Difference of the anchor's linear velocity from its reference, m/s. (N, 3) -> (N,)."""
    return _distance(ref_lin_vel_w, lin_vel_w)


def anchor_angular_velocity_error(ref_ang_vel_w: Array, ang_vel_w: Array) -> Array:
    """Difference of the anchor's angular velocity from its reference, rad/s. (N, 3) -> (N,)."""
    return _distance(ref_ang_vel_w, ang_vel_w)


def completion(survived_s: Array, available_s: Array) -> Array:
    """Share of the clip, from the episode's start to its end, that was survived. (N,) -> (N,).

    An episode that starts at the very end has nothing to survive and counts as complete.
    """
    xp = array_namespace(available_s)
    some = available_s > 0
    share = survived_s / xp.where(some, available_s, xp.ones_like(available_s))
    share = xp.where(share > 1.0, xp.ones_like(share), share)
    return xp.where(some, share, xp.ones_like(share))
