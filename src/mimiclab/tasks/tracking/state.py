"""Reference and robot at one moment, and everything derived from the two, computed once.

Rewards, terminations, observations and metrics share these values instead of computing their own.
"""

from functools import cached_property

import torch
from mjlab.entity import Entity

from mimiclab.maths.frames import bodies_in_frame, reanchor, relative_pose
from mimiclab.maths.rotations import cross, quat_angle, quat_rotate_inverse
from mimiclab.motions.library import MotionFrame


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distance of vectors (..., 3) -> (...)."""
    return (a - b).square().sum(-1)


def link_velocity(
    cvel: torch.Tensor, pos_w: torch.Tensor, subtree_com: torch.Tensor
) -> torch.Tensor:
    """World velocity of link origins from MuJoCo's spatial velocity about the tree's mass centre.

    Shapes cvel (N, B, 6) (angular first), pos_w (N, B, 3), subtree_com (N, 3) -> (N, B, 3).
    """
    return cvel[..., 3:] + cross(cvel[..., :3], pos_w - subtree_com[:, None])


class RobotReader:
    """Where a robot's joints and tracked bodies are in mjlab's simulation arrays."""

    def __init__(self, entity: Entity, body_names: tuple[str, ...]) -> None:
        """`entity` is mjlab's; `body_names` the tracked bodies, root first."""
        indexing = entity.indexing
        self.data = entity.data.data
        local = [entity.body_names.index(name) for name in body_names]
        self.bodies = indexing.body_ids[local]
        self.root = indexing.root_body_id
        self.joint_q = _as_slice(indexing.joint_q_adr)
        self.joint_v = _as_slice(indexing.joint_v_adr)
        self.root_q = _as_slice(indexing.free_joint_q_adr)
        self.root_v = _as_slice(indexing.free_joint_v_adr)


class TrackingState:
    """One moment of N environments: the reference `ref`, the robot, and their differences.

    Fields are computed when first asked for. World positions of the reference include the
    environments' origins. Valid until the simulation moves on.
    """

    def __init__(
        self,
        ref: MotionFrame,
        reader: RobotReader,
        anchor: int,
        targets: "TrackingState | None" = None,
    ) -> None:
        """`anchor` is an index among tracked bodies; `targets` lends its re-anchored targets."""
        self.ref = ref
        self._reader = reader
        self._data = reader.data
        self.anchor = anchor
        self._lent = targets
        self._seen: tuple[MotionFrame, tuple[torch.Tensor, torch.Tensor]] | None = None

    # The robot. Derived arrays are one physics step old while rewards are computed; see `MimicEnv`.

    @property
    def joint_pos(self) -> torch.Tensor:
        """Joint angles, rad. Shape (N, J)."""
        return self._data.qpos[:, self._reader.joint_q]

    @property
    def joint_vel(self) -> torch.Tensor:
        """Joint velocities, rad/s. Shape (N, J)."""
        return self._data.qvel[:, self._reader.joint_v]

    @cached_property
    def body_pos_w(self) -> torch.Tensor:
        """Positions of tracked bodies, m. Shape (N, B, 3)."""
        return self._data.xpos[:, self._reader.bodies]

    @cached_property
    def body_quat_w(self) -> torch.Tensor:
        """Orientations of tracked bodies. Shape (N, B, 4)."""
        return self._data.xquat[:, self._reader.bodies]

    @cached_property
    def _cvel(self) -> torch.Tensor:
        return self._data.cvel[:, self._reader.bodies]

    @property
    def body_ang_vel_w(self) -> torch.Tensor:
        """Angular velocities of tracked bodies, rad/s. Shape (N, B, 3)."""
        return self._cvel[..., :3]

    @cached_property
    def body_lin_vel_w(self) -> torch.Tensor:
        """Linear velocities of tracked link origins, m/s. Shape (N, B, 3)."""
        return link_velocity(
            self._cvel, self.body_pos_w, self._data.subtree_com[:, self._reader.root]
        )

    @property
    def base_lin_vel_b(self) -> torch.Tensor:
        """Velocity of the root link in its own frame, m/s. Shape (N, 3)."""
        root = self._reader
        velocity = self._data.qvel[:, root.root_v]
        return quat_rotate_inverse(self._data.qpos[:, root.root_q][:, 3:], velocity[:, :3])

    @property
    def base_ang_vel_b(self) -> torch.Tensor:
        """Angular velocity of the root link in its own frame, rad/s. Shape (N, 3)."""
        return self._data.qvel[:, self._reader.root_v][:, 3:]

    # Anchors.

    @property
    def anchor_pos_w(self) -> torch.Tensor:
        """Robot anchor position, m. Shape (N, 3)."""
        return self.body_pos_w[:, self.anchor]

    @property
    def anchor_quat_w(self) -> torch.Tensor:
        """Robot anchor orientation. Shape (N, 4)."""
        return self.body_quat_w[:, self.anchor]

    @property
    def ref_anchor_pos_w(self) -> torch.Tensor:
        """Reference anchor position, m. Shape (N, 3)."""
        return self.ref.body_pos_w[:, self.anchor]

    @property
    def ref_anchor_quat_w(self) -> torch.Tensor:
        """Reference anchor orientation. Shape (N, 4)."""
        return self.ref.body_quat_w[:, self.anchor]

    @cached_property
    def anchor_error_b(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Reference anchor in the robot anchor's frame: position (N, 3), orientation (N, 4)."""
        return relative_pose(
            self.anchor_pos_w, self.anchor_quat_w, self.ref_anchor_pos_w, self.ref_anchor_quat_w
        )

    def anchor_error_to(self, ref: MotionFrame) -> tuple[torch.Tensor, torch.Tensor]:
        """`anchor_error_b` for another reference than `ref`, for example the observed one."""
        if ref is self.ref:
            return self.anchor_error_b
        if self._seen is None or self._seen[0] is not ref:
            goal = ref.body_pos_w[:, self.anchor], ref.body_quat_w[:, self.anchor]
            self._seen = ref, relative_pose(self.anchor_pos_w, self.anchor_quat_w, *goal)
        return self._seen[1]

    @cached_property
    def bodies_b(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Robot bodies in the anchor's frame: positions (N, B, 3), matrix columns (N, B, 6)."""
        return bodies_in_frame(
            self.anchor_pos_w, self.anchor_quat_w, self.body_pos_w, self.body_quat_w
        )

    # Targets and errors.

    @cached_property
    def targets(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Re-anchored reference: positions (N, B, 3), orientations (N, B, 4)."""
        if self._lent is not None:
            return self._lent.targets
        return reanchor(
            self.anchor_pos_w,
            self.anchor_quat_w,
            self.ref_anchor_pos_w,
            self.ref_anchor_quat_w,
            self.ref.body_pos_w,
            self.ref.body_quat_w,
        )

    @cached_property
    def anchor_pos_sq(self) -> torch.Tensor:
        """Squared anchor position error, m^2. Shape (N,)."""
        return squared_distance(self.ref_anchor_pos_w, self.anchor_pos_w)

    @cached_property
    def anchor_angle(self) -> torch.Tensor:
        """Anchor orientation error, rad. Shape (N,)."""
        return quat_angle(self.ref_anchor_quat_w, self.anchor_quat_w)

    @cached_property
    def body_pos_sq(self) -> torch.Tensor:
        """Squared distances from the re-anchored targets, m^2. Shape (N, B)."""
        return squared_distance(self.targets[0], self.body_pos_w)

    @cached_property
    def body_angle(self) -> torch.Tensor:
        """Angles from the re-anchored targets, rad. Shape (N, B)."""
        return quat_angle(self.targets[1], self.body_quat_w)

    @cached_property
    def world_pos_sq(self) -> torch.Tensor:
        """Squared distances from the reference in the world, m^2. Shape (N, B)."""
        return squared_distance(self.ref.body_pos_w, self.body_pos_w)

    @cached_property
    def world_angle(self) -> torch.Tensor:
        """Angles from the reference in the world, rad. Shape (N, B)."""
        return quat_angle(self.ref.body_quat_w, self.body_quat_w)

    @cached_property
    def body_lin_vel_sq(self) -> torch.Tensor:
        """Squared linear velocity errors, world frame, (m/s)^2. Shape (N, B)."""
        return squared_distance(self.ref.body_lin_vel_w, self.body_lin_vel_w)

    @cached_property
    def body_ang_vel_sq(self) -> torch.Tensor:
        """Squared angular velocity errors, world frame, (rad/s)^2. Shape (N, B)."""
        return squared_distance(self.ref.body_ang_vel_w, self.body_ang_vel_w)


def _as_slice(ids: torch.Tensor) -> slice | torch.Tensor:
    """Consecutive ids as a slice, which reads without copying."""
    values = ids.tolist()
    if values and values == list(range(values[0], values[0] + len(values))):
        return slice(values[0], values[0] + len(values))
    return ids
