"""MOSAIC's numbers that are not already ours, and its rule of falling.

Conventions as in `maths.metrics`: world frame, quaternions (w, x, y, z), the first argument of each
pair is the reference; any leading axes. Source: the measuring run of MOSAIC's deployment, which
writes one mean for each clip.
"""

from collections.abc import Sequence
from types import MappingProxyType

from array_api_compat import array_namespace

from mimiclab.maths.frames import reanchor
from mimiclab.maths.metrics import (
    MILLIMETRES,
    KinematicState,
    Metric,
    anchor_angular_velocity_error,
    anchor_linear_velocity_error,
    mpjpe_global_mm,
    orientation_error,
)
from mimiclab.maths.rotations import Array, quat_rotate_inverse

FALL_ANGLE = 1.2
"""Roll or pitch of the base beyond which the robot has fallen, rad (MOSAIC)."""
STUMBLE_RATIO = 4.0
"""Horizontal over vertical foot force beyond which a foot stumbles (MOSAIC)."""

MOSAIC_METRICS = MappingProxyType(
    {
        "anchor_velocity_error": Metric(
            unit="m/s", meaning="anchor linear velocity error, each in its own anchor's frame"
        ),
        "anchor_velocity_error_w": Metric(
            unit="m/s", meaning="anchor linear velocity error, world frame"
        ),
        "anchor_angular_velocity_error": Metric(
            unit="rad/s", meaning="anchor angular velocity error, world frame"
        ),
        "body_position_error": Metric(
            unit="m", meaning="mean body position error after re-anchoring"
        ),
        "body_orientation_error": Metric(
            unit="rad", meaning="mean body rotation angle error after re-anchoring"
        ),
        "end_effector_error": Metric(
            unit="m", meaning="mean position error of ankles and wrists after re-anchoring"
        ),
        "end_effector_error_w": Metric(
            unit="m", meaning="mean position error of ankles and wrists, world frame"
        ),
        "feet_stumble": Metric(
            unit="", meaning="share of steps in which a foot meets an edge or drags"
        ),
    }
)
"""The frame errors that every report holds beside `maths.metrics.METRICS`."""

SYMBOLS = MappingProxyType(
    {
        "E_AP": "anchor_position_error",
        "E_AV": "anchor_velocity_error",
        "E_BP": "body_position_error",
        "E_BV": "velocity_error",
        "E_EP": "end_effector_error",
    }
)
"""The paper's letters to the names of our reports."""

MOSAIC_TABLE = (
    "anchor_position_error",
    "anchor_orientation_error",
    "anchor_velocity_error",
    "anchor_velocity_error_w",
    "anchor_angular_velocity_error",
    "body_position_error",
    "mpjpe_global_mm",
    "body_orientation_error",
    "orientation_error",
    "velocity_error",
    "angular_velocity_error",
    "end_effector_error",
    "end_effector_error_w",
    "joint_position_error",
    "joint_velocity_error",
    "feet_stumble",
)
"""All that MOSAIC measures, ours included, in the order of its table."""


def metric_key(name: str) -> str:
    """The name in a report for one of the paper's letters; other names stay as they are."""
    return SYMBOLS.get(name, name)


def mosaic_errors(
    reference: KinematicState,
    robot: KinematicState,
    *,
    anchor: int,
    end_effectors: Sequence[int],
    feet_force_w: Array | None = None,
) -> dict[str, Array]:
    """Every metric of `MOSAIC_METRICS` for one control step, each (N,).

    Args:
        reference: where the robot should be now.
        robot: where it is now.
        anchor: index of the anchor among the bodies.
        end_effectors: indices of ankles and wrists among the bodies; none leave their errors out.
        feet_force_w: net contact force on each foot, N, (N, F, 3); None leaves `feet_stumble` out.
    """
    ref_pos, ref_quat = reference.body_pos_w[..., anchor, :], reference.body_quat_w[..., anchor, :]
    pos, quat = robot.body_pos_w[..., anchor, :], robot.body_quat_w[..., anchor, :]
    ref_vel, vel = (s.body_lin_vel_w[..., anchor, :] for s in (reference, robot))
    target_pos, target_quat = reanchor(
        pos, quat, ref_pos, ref_quat, reference.body_pos_w, reference.body_quat_w
    )
    ends = list(end_effectors)
    errors = {
        "anchor_velocity_error": anchor_velocity_error(ref_quat, ref_vel, quat, vel),
        "anchor_velocity_error_w": anchor_linear_velocity_error(ref_vel, vel),
        "anchor_angular_velocity_error": anchor_angular_velocity_error(
            reference.body_ang_vel_w[..., anchor, :], robot.body_ang_vel_w[..., anchor, :]
        ),
        "body_position_error": position_error(target_pos, robot.body_pos_w),
        "body_orientation_error": orientation_error(target_quat, robot.body_quat_w),
    }
    if ends:
        reached = robot.body_pos_w[..., ends, :]
        errors["end_effector_error"] = position_error(target_pos[..., ends, :], reached)
        errors["end_effector_error_w"] = position_error(reference.body_pos_w[..., ends, :], reached)
    if feet_force_w is not None:
        errors["feet_stumble"] = feet_stumble(feet_force_w)
    return errors


def anchor_velocity_error(
    ref_anchor_quat_w: Array, ref_lin_vel_w: Array, anchor_quat_w: Array, lin_vel_w: Array
) -> Array:
    """Difference of anchor velocities, each in its own anchor's frame, m/s. (N, 4), (N, 3) -> (N,).

    A robot that walks as it should in another direction has no error.
    """
    return anchor_linear_velocity_error(
        quat_rotate_inverse(ref_anchor_quat_w, ref_lin_vel_w),
        quat_rotate_inverse(anchor_quat_w, lin_vel_w),
    )


def position_error(ref_pos: Array, pos: Array) -> Array:
    """Mean distance of points from their references, m. (N, B, 3) twice -> (N,)."""
    return mpjpe_global_mm(ref_pos, pos) / MILLIMETRES


def feet_stumble(force_w: Array) -> Array:
    """1 where any foot is pushed sideways over 4 times harder than upwards, else 0.

    Net contact forces in the world, N. (N, F, 3) -> (N,). Feet in the air do not stumble.
    """
    xp = array_namespace(force_w)
    x, y, z = (force_w[..., i] for i in range(3))
    stumbles = x * x + y * y > (STUMBLE_RATIO * z) ** 2
    return xp.astype(xp.any(stumbles, axis=-1), force_w.dtype)


def roll_pitch(quat_w: Array) -> tuple[Array, Array]:
    """Roll and pitch of an orientation (yaw first, then pitch, then roll), rad. (N, 4) -> (N,)."""
    xp = array_namespace(quat_w)
    w, x, y, z = (quat_w[..., i] for i in range(4))
    roll = xp.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    return roll, xp.asin(xp.clip(2.0 * (w * y - z * x), -1.0, 1.0))


def has_fallen(root_quat_w: Array, angle: float = FALL_ANGLE) -> Array:
    """Whether roll or pitch of the base exceeds `angle`, rad. (N, 4) -> (N,) bool."""
    roll, pitch = roll_pitch(root_quat_w)
    return (abs(roll) > angle) | (abs(pitch) > angle)
