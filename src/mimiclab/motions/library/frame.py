"""One row of a motion library and the reference that is read from it."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class MotionFrame:
    """The reference at one time for N environments; with a horizon the shapes are (N, H, ...).

    Float32, world frame. Velocities of bodies are those of link origins. The fields are views into
    one packed row, so add env origins out of place.
    """

    joint_pos: torch.Tensor
    """Joint angles, rad. Shape (N, J)."""
    joint_vel: torch.Tensor
    """Joint velocities, rad/s. Shape (N, J)."""
    body_pos_w: torch.Tensor
    """Positions of the tracked bodies, m. Shape (N, B, 3)."""
    body_quat_w: torch.Tensor
    """Orientations (w, x, y, z) of the tracked bodies. Shape (N, B, 4)."""
    body_lin_vel_w: torch.Tensor
    """Linear velocities, m/s. Shape (N, B, 3)."""
    body_ang_vel_w: torch.Tensor
    """Angular velocities, rad/s. Shape (N, B, 3)."""
    joint_pos_vel: torch.Tensor
    """Joint angles and velocities side by side, the tracking command. Shape (N, 2 J)."""


@dataclass(frozen=True)
class RowLayout:
    """Where things are in a packed float32 row of J joints and B bodies.

    joint_pos (J), joint_vel (J), then for the bodies position (3 B), quaternion (4 B), linear
    velocity (3 B), angular velocity (3 B).
    """

    joints: int
    bodies: int

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return 2 * self.joints + 13 * self.bodies

    def split(self, packed: torch.Tensor) -> MotionFrame:
        """Name the columns of packed rows (N, width); the fields are views."""
        joints, bodies = self.joints, self.bodies
        rest = packed[:, 2 * joints :]
        return MotionFrame(
            joint_pos=packed[:, :joints],
            joint_vel=packed[:, joints : 2 * joints],
            body_pos_w=rest[:, : 3 * bodies].unflatten(1, (bodies, 3)),
            body_quat_w=rest[:, 3 * bodies : 7 * bodies].unflatten(1, (bodies, 4)),
            body_lin_vel_w=rest[:, 7 * bodies : 10 * bodies].unflatten(1, (bodies, 3)),
            body_ang_vel_w=rest[:, 10 * bodies :].unflatten(1, (bodies, 3)),
            joint_pos_vel=packed[:, : 2 * joints],
        )
