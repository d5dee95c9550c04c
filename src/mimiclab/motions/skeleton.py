"""Kinematics of a whole clip at once: body poses, centre of mass, Jacobians and momentum.

`T` frames, `B` bodies (root first, world left out), `J` hinge joints, all float64. Columns of a
Jacobian are root translation (3), root rotation (3, world axes), joints (J). World frame, metres.
"""

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.robots import Robot


@dataclass(frozen=True)
class Pose:
    """Where everything is, for T frames."""

    root_pos: np.ndarray
    """(T, 3)."""
    root_rot: np.ndarray
    """(T, 3, 3)."""
    joints: np.ndarray
    """(T, J), rad."""
    body_pos: np.ndarray
    """Link origins (T, B, 3)."""
    body_rot: np.ndarray
    """(T, B, 3, 3)."""
    axes: np.ndarray
    """Joint axes in the world (T, J, 3)."""
    anchors: np.ndarray
    """Points on the joint axes (T, J, 3)."""
    skeleton: "Skeleton"

    @cached_property
    def inertial_pos(self) -> np.ndarray:
        """Centres of mass of the bodies (T, B, 3)."""
        offset = self.skeleton.inertial_offset
        return self.body_pos + np.einsum("tbij,bj->tbi", self.body_rot, offset)

    @cached_property
    def com(self) -> np.ndarray:
        """Centre of mass of the robot (T, 3)."""
        skeleton = self.skeleton
        return np.einsum("b,tbi->ti", skeleton.mass, self.inertial_pos) / skeleton.total_mass


class Skeleton:
    """Tree of hinges under a free root, read from a robot's model.

    Raises:
        RobotError: the model has joints other than the root's free one and hinges below it.
    """

    def __init__(self, robot: Robot) -> None:
        m = robot.model
        self.body_names = robot.body_names
        self.joint_names = robot.joint_names
        bodies = range(1, m.nbody)
        self.parent = [int(m.body_parentid[b]) - 1 for b in bodies]
        self.offset = m.body_pos[1:].copy()
        self.rot = quat_to_matrix(m.body_quat[1:])
        self.mass = m.body_mass[1:].copy()
        self.total_mass = float(self.mass.sum())
        self.inertial_offset = m.body_ipos[1:].copy()
        inertial_rot = quat_to_matrix(m.body_iquat[1:])
        self.inertia = np.einsum("bij,bj,bkj->bik", inertial_rot, m.body_inertia[1:], inertial_rot)
        self.joints_of_body: list[list[int]] = [[] for _ in bodies]
        self.axis, self.joint_offset, joint_body, reference = [], [], [], []
        for joint in range(m.njnt):
            kind, body = m.jnt_type[joint], int(m.jnt_bodyid[joint]) - 1
            if kind == mujoco.mjtJoint.mjJNT_FREE and body == 0:
                continue
            if kind != mujoco.mjtJoint.mjJNT_HINGE or body == 0:
                raise RobotError(
                    f"robot {robot.name}: joint {m.joint(joint).name!r} is not a hinge of a body "
                    "below the root, which whole-clip kinematics expects; model it by hinges"
                )
            self.joints_of_body[body].append(len(joint_body))
            joint_body.append(body)
            self.axis.append(m.jnt_axis[joint].copy())
            self.joint_offset.append(m.jnt_pos[joint].copy())
            reference.append(m.qpos0[m.jnt_qposadr[joint]])
        self.joint_body = np.array(joint_body)
        self.reference = np.array(reference)
        # moves[b, j]: joint j carries body b
        self.moves = np.zeros((len(self.parent), len(joint_body)))
        for body, parent in enumerate(self.parent):
            if body:
                self.moves[body] = self.moves[parent]
                self.moves[body, self.joints_of_body[body]] = 1.0
        self._is_turned = (np.abs(self.rot - np.eye(3)) > 1e-12).any(axis=(1, 2))
        self._is_offset = [bool(offset.any()) for offset in self.joint_offset]
        self._turns = [_turn_basis(axis) for axis in self.axis]

    def pose(self, root_pos: np.ndarray, root_rot: np.ndarray, joints: np.ndarray) -> Pose:
        """Forward kinematics of T frames: (T, 3), (T, 3, 3), (T, J)."""
        frames, bodies = len(joints), len(self.parent)
        # Body by body, so that each is contiguous.
        pos = np.empty((bodies, frames, 3))
        rot = np.empty((bodies, frames, 3, 3))
        axes = np.empty((len(self.axis), frames, 3))
        anchors = np.empty_like(axes)
        pos[0], rot[0] = root_pos, root_rot
        turns = (joints - self.reference).T[:, :, None, None]
        sine, cosine = np.sin(turns), np.cos(turns)
        for body in range(1, bodies):
            parent = self.parent[body]
            origin = pos[parent] + rot[parent] @ self.offset[body]
            turned = rot[parent]
            if self._is_turned[body]:
                turned = turned @ self.rot[body]
            for j in self.joints_of_body[body]:
                along, in_plane, across = self._turns[j]
                turn = along + cosine[j] * in_plane + sine[j] * across
                np.matmul(turned, self.axis[j], out=axes[j])
                anchors[j] = origin
                if not self._is_offset[j]:
                    turned = turned @ turn
                    continue
                anchors[j] += turned @ self.joint_offset[j]
                turned = turned @ turn
                origin = anchors[j] - turned @ self.joint_offset[j]
            pos[body], rot[body] = origin, turned
        pos, rot, axes, anchors = (np.swapaxes(x, 0, 1) for x in (pos, rot, axes, anchors))
        return Pose(root_pos, root_rot, joints, pos, rot, axes, anchors, self)

    def body_jacobian(self, pose: Pose, body: int) -> tuple[np.ndarray, np.ndarray]:
        """Translation and rotation Jacobians of a body's link origin, each (T, 3, 6+J)."""
        moves = self.moves[body][:, None]
        point = pose.body_pos[:, body]
        linear = np.cross(pose.axes, point[:, None] - pose.anchors) * moves
        return (
            _with_root(point - pose.root_pos, linear),
            _with_root(None, pose.axes * moves),
        )

    def com_jacobian(self, pose: Pose) -> np.ndarray:
        """Jacobian of the centre of mass (T, 3, 6+J)."""
        carried = self.moves * self.mass[:, None]
        mass = carried.sum(axis=0)
        centre = np.einsum("bj,tbi->tji", carried, pose.inertial_pos)
        # m (axis x (c - anchor)) summed over carried bodies
        linear = np.cross(pose.axes, centre - mass[:, None] * pose.anchors) / self.total_mass
        return _with_root(pose.com - pose.root_pos, linear)

    def angular_momentum(self, pose: Pose, fps: float) -> np.ndarray:
        """Angular momentum about the centre of mass by central differences, N m s. (T, 3)."""
        arm = pose.inertial_pos - pose.com[:, None]
        orbital = np.cross(arm, self.mass[:, None] * derivative(arm, fps)).sum(axis=1)
        rate = derivative(pose.body_rot, fps) @ np.swapaxes(pose.body_rot, -1, -2)
        spin = np.stack([rate[..., 2, 1], rate[..., 0, 2], rate[..., 1, 0]], axis=-1)
        spin -= np.stack([rate[..., 1, 2], rate[..., 2, 0], rate[..., 0, 1]], axis=-1)
        inertia = pose.body_rot @ self.inertia @ np.swapaxes(pose.body_rot, -1, -2)
        return orbital + np.einsum("tbij,tbj->ti", inertia, 0.5 * spin)


def derivative(x: np.ndarray, fps: float) -> np.ndarray:
    """Central differences over frames; zero at both ends, where clips rest."""
    out = np.zeros_like(x)
    out[1:-1] = 0.5 * fps * (x[2:] - x[:-2])
    return out


def second_derivative(x: np.ndarray, fps: float) -> np.ndarray:
    """Three-point second differences over frames; zero at both ends, where clips rest."""
    out = np.zeros_like(x)
    out[1:-1] = fps**2 * (x[2:] - 2.0 * x[1:-1] + x[:-2])
    return out


def _turn_basis(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rodrigues: R(q) = along + cos(q) in_plane + sin(q) across. Each (3, 3)."""
    along = np.outer(axis, axis)
    return along, np.eye(3) - along, np.cross(np.eye(3), axis)


def _with_root(arm: np.ndarray | None, joints: np.ndarray) -> np.ndarray:
    """Columns for root motion in front of joint columns (T, J, 3). `arm` (T, 3) is root to point;
    without it the rows are a rotation's.
    """
    frames, count = joints.shape[:2]
    out = np.zeros((frames, 3, 6 + count))
    out[:, :, 6:] = np.swapaxes(joints, 1, 2)
    if arm is None:
        out[:, :, 3:6] = np.eye(3)
    else:
        out[:, :, :3] = np.eye(3)
        out[:, 0, 4], out[:, 0, 5] = arm[:, 2], -arm[:, 1]
        out[:, 1, 3], out[:, 1, 5] = -arm[:, 2], arm[:, 0]
        out[:, 2, 3], out[:, 2, 4] = arm[:, 1], -arm[:, 0]
    return out
