"""Derived arrays of a motion file against the kinematics of its generalised coordinates."""

from dataclasses import replace

import numpy as np

from mimiclab.maths.rotations import cross, quat_angle, quat_rotate
from mimiclab.motions.check.finding import Finding, Severity, frames_of
from mimiclab.motions.formats.base import StoredArrays
from mimiclab.motions.kinematics import BodyMotion
from mimiclab.robots import Robot

_POSE_WARNING, _POSE_ERROR = 1e-3, 0.03
"""Largest mean error of one body, m or rad: float noise is 1e-6, model variants differ by 0.01."""
_SPEED_WARNING, _SPEED_ERROR = 0.05, 0.25
"""Rms error as a share of the motion's own; filters and one-sided differences reach 0.1."""
_SPEED_FLOOR = 0.1
"""Added to the motion's own, m/s or rad/s, so that a standing robot is not judged on noise."""


def derived_findings(
    stored: StoredArrays, motion: BodyMotion, robot: Robot
) -> tuple[list[Finding], dict[str, float]]:
    """Findings and metrics on the arrays that the file has, for the bodies that the robot has."""
    findings: list[Finding] = []
    metrics: dict[str, float] = {}
    common = tuple(name for name in motion.body_names if name in stored.body_names)
    columns = [stored.body_names.index(name) for name in common]
    true = motion.select(common)

    def pose(key: str, unit: str, errors: np.ndarray) -> None:
        """Errors (T, B)."""
        worst = int(errors.mean(axis=0).argmax())
        mean = float(errors[:, worst].mean())
        metrics[f"stored_{key}_error_max"] = float(errors.max())
        if mean > _POSE_WARNING:
            severity: Severity = "warning" if mean <= _POSE_ERROR else "error"
            findings.append(
                Finding(
                    code=f"stored_{key}",
                    severity=severity,
                    message=f"stored {key} disagrees with the kinematics of {robot.name}, most of "
                    f"all in {common[worst]}: {mean:.3g} {unit} on average; the file was made "
                    "with another model or is damaged. Recomputed values are used",
                    frames=frames_of(errors.max(axis=1) > _POSE_WARNING),
                )
            )

    def speed(
        key: str,
        unit: str,
        given: np.ndarray,
        right: np.ndarray,
        cause: str = "",
        harmless: bool = False,
    ) -> None:
        share = _relative_rms(given, right)
        metrics[f"stored_{key}_relative_error"] = share
        if share > _SPEED_WARNING:
            severity: Severity = "warning" if share <= _SPEED_ERROR or harmless else "error"
            rms = float(np.sqrt(((given - right) ** 2).sum(axis=-1).mean()))
            off = np.linalg.norm(given - right, axis=-1)
            own = np.sqrt((right**2).sum(axis=-1).mean()) + _SPEED_FLOOR
            findings.append(
                Finding(
                    code=f"stored_{key}",
                    severity=severity,
                    message=f"stored {key} is wrong by {rms:.2f} {unit} rms ({share:.0%} of the "
                    f"motion's own){cause}. Recomputed values are used",
                    frames=frames_of(
                        (off.max(axis=1) if off.ndim == 2 else off) > _SPEED_ERROR * own
                    ),
                )
            )

    stored, damaged = _without_damaged(stored)
    findings += damaged
    if stored.joint_vel is not None:
        speed("joint_vel", "rad/s", stored.joint_vel, motion.joint_vel)
    if not common:
        return findings, metrics
    if stored.body_pos_w is not None:
        given = stored.body_pos_w[:, columns]
        pose("body_pos_w", "m", np.linalg.norm(given - true.body_pos_w, axis=-1))
    if stored.body_quat_wxyz_w is not None:
        given = stored.body_quat_wxyz_w[:, columns]
        pose("body_quat_w", "rad", quat_angle(given, true.body_quat_wxyz_w))
    if stored.body_ang_vel_w is not None:
        given, right = stored.body_ang_vel_w[:, columns], true.body_ang_vel_w
        turned = right + (_turned_root(motion) - motion.body_ang_vel_w[:, 0])[:, None]
        cause = ""
        if _relative_rms(given, turned) < 0.5 * _relative_rms(given, right):
            cause = (
                ": the known converter defect of writing the root's world angular velocity where "
                "MuJoCo expects it in the body's axes"
            )
        speed("body_ang_vel_w", "rad/s", given, right, cause)
    if stored.body_lin_vel_w is not None:
        given, right = stored.body_lin_vel_w[:, columns], true.body_lin_vel_w
        centres = robot.model.body_ipos[[robot.model.body(name).id for name in common]]
        arms = quat_rotate(true.body_quat_wxyz_w, np.broadcast_to(centres, right.shape))
        at_centre = right + cross(true.body_ang_vel_w, arms)
        cause = ""
        centred = _relative_rms(given, at_centre) < _SPEED_WARNING
        if centred:
            cause = ": it holds the velocities of the centres of mass (as Isaac Lab writes)"
        speed("body_lin_vel_w", "m/s", given, right, cause, harmless=centred)
    return findings, metrics


def _without_damaged(stored: StoredArrays) -> tuple[StoredArrays, list[Finding]]:
    """The arrays that hold finite numbers only, and an error for each of the others."""
    findings = []
    for key, array in vars(stored).items():
        if isinstance(array, np.ndarray) and not np.isfinite(array).all():
            bad = np.logical_not(np.isfinite(array)).reshape(len(array), -1).max(axis=1)
            findings.append(
                Finding(
                    code=f"stored_{key.replace('_wxyz', '')}",
                    severity="error",
                    message=f"stored {key} has NaN or infinite values in {bad.sum()} frames. "
                    "Recomputed values are used",
                    frames=frames_of(bad),
                )
            )
            stored = replace(stored, **{key: None})
    return stored, findings


def _turned_root(motion: BodyMotion) -> np.ndarray:
    """What the root's angular velocity becomes when world axes are taken for body axes."""
    return quat_rotate(motion.body_quat_wxyz_w[:, 0], motion.body_ang_vel_w[:, 0])


def _relative_rms(given: np.ndarray, right: np.ndarray) -> float:
    """Rms of the error over the rms of the right values plus a floor."""
    error = np.sqrt(((given - right) ** 2).sum(axis=-1).mean())
    return float(error / (np.sqrt((right**2).sum(axis=-1).mean()) + _SPEED_FLOOR))
