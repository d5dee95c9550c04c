"""Inverse kinematics of a whole clip at once: damped Gauss-Newton with analytic Jacobians."""

from dataclasses import dataclass

import numpy as np

from mimiclab.motions.skeleton import Pose, Skeleton

_PIN = 100.0
"""Weight of foot poses and of the centre of mass: met to a fraction of a millimetre."""
_ORIENT = 10.0
"""Weight of body orientations."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What each of T frames shall reach. World frame, m."""

    com: np.ndarray
    """Centre of mass (T, 3)."""
    bodies: dict[str, tuple[np.ndarray, np.ndarray]]
    """Body to pinned pose: position (T, 3) and rotation (T, 3, 3)."""
    orientations: dict[str, np.ndarray]
    """Body to rotation (T, 3, 3)."""
    joints: np.ndarray
    """Preferred joint angles (T, J), rad."""
    joint_weights: np.ndarray
    """(J,): 1 where nothing else decides (arms), small where the tasks above do."""


def solve(
    skeleton: Skeleton,
    targets: Targets,
    start: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    iterations: int = 20,
    tolerance: float = 1e-9,
) -> Pose:
    """Pose of each frame that fits the targets best.

    Frames are independent, and their optimum is a smooth function of smooth targets, so the answer
    is as smooth in time as they are. Joint limits are the caller's to check.

    Args:
        skeleton: the robot.
        targets: wanted poses.
        start: root position (T, 3), root rotation (T, 3, 3), joints (T, J).
        iterations: most Gauss-Newton steps.
        tolerance: stop when no coordinate moves by more than this (m or rad).
    """
    pose = skeleton.pose(*start)
    index = {name: i for i, name in enumerate(skeleton.body_names)}
    for _ in range(iterations):
        rows, errors = [], []

        def add(jacobian: np.ndarray, error: np.ndarray, weight: float) -> None:
            rows.append(weight * jacobian)  # noqa: B023
            errors.append(weight * error)  # noqa: B023

        add(skeleton.com_jacobian(pose), targets.com - pose.com, _PIN)
        for name, (pos, rot) in targets.bodies.items():
            linear, angular = skeleton.body_jacobian(pose, index[name])
            add(linear, pos - pose.body_pos[:, index[name]], _PIN)
            add(angular, rotation_error(rot, pose.body_rot[:, index[name]]), _PIN)
        for name, rot in targets.orientations.items():
            _, angular = skeleton.body_jacobian(pose, index[name])
            add(angular, rotation_error(rot, pose.body_rot[:, index[name]]), _ORIENT)
        jacobian, error = np.concatenate(rows, axis=1), np.concatenate(errors, axis=1)
        transposed = np.swapaxes(jacobian, 1, 2)
        hessian = transposed @ jacobian
        gradient = (transposed @ error[..., None])[..., 0]
        weights = targets.joint_weights**2
        gradient[:, 6:] += weights * (targets.joints - pose.joints)
        diagonal = np.arange(hessian.shape[1])
        hessian[:, diagonal, diagonal] += np.concatenate([np.zeros(6), weights]) + 1e-6
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        # A far start must not overshoot through a straight knee.
        step *= np.minimum(1.0, 0.5 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        pose = skeleton.pose(
            pose.root_pos + step[:, :3],
            rotation_from_rotvec(step[:, 3:6]) @ pose.root_rot,
            pose.joints + step[:, 6:],
        )
        if np.abs(step).max() < tolerance:
            break
    return pose


def rotation_error(target: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Axis times sine of the angle from current to target, world axes. (T, 3)."""
    d = target @ np.swapaxes(current, -1, -2)
    return 0.5 * np.stack(
        [d[:, 2, 1] - d[:, 1, 2], d[:, 0, 2] - d[:, 2, 0], d[:, 1, 0] - d[:, 0, 1]], axis=-1
    )


def rotation_from_rotvec(v: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) of rotation vectors (T, 3)."""
    angle = np.linalg.norm(v, axis=-1)[:, None, None]
    zero = np.zeros(len(v))
    skew = np.stack(
        [zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero], axis=-1
    ).reshape(-1, 3, 3)
    # np.sinc(x) = sin(pi x) / (pi x)
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(0.5 * angle / np.pi) ** 2
    return np.eye(3) + first * skew + second * (skew @ skew)
