"""What rewards and observations share of the robot's state, computed once for each physics call."""

from collections.abc import Callable
from typing import Any

import torch
from mjlab.entity import Entity

from mimiclab.maths.rotations import quat_rotate, quat_rotate_inverse, quat_yaw
from mimiclab.robots import Robot
from mimiclab.robots.walking import sole_centres
from mimiclab.simulation.entity_views import as_slice
from mimiclab.tasks.velocity.terrain_height import TerrainHeight


class WalkerState:
    """The root in its own frame, the feet over the ground, and the joints of N environments.

    Root and joints are read from generalised coordinates, so they are current at any time; feet are
    derived by the engine and one physics step old in rewards.
    """

    def __init__(self, sim: Any, entity: Entity, robot: Robot) -> None:
        """Find the parts in the simulation's arrays."""
        indexing, device = entity.indexing, sim.device
        self._sim, self._data = sim, sim.data
        self._root_q = as_slice(indexing.free_joint_q_adr)
        self._root_v = as_slice(indexing.free_joint_v_adr)
        self._joint_q = as_slice(indexing.joint_q_adr)
        self._joint_v = as_slice(indexing.joint_v_adr)
        local = [entity.body_names.index(name) for name in robot.feet]
        self._feet = indexing.body_ids[local]
        self._soles = torch.tensor(sole_centres(robot), dtype=torch.float32, device=device)
        self._down = torch.tensor([0.0, 0.0, -1.0], device=device)
        self.ground = TerrainHeight(sim.mj_model, device)
        """Height of the ground at any place."""
        self._stamp: int | None = None
        self._known: dict[str, torch.Tensor] = {}

    @property
    def root_quat_w(self) -> torch.Tensor:
        """Orientation of the root, wxyz. Shape (N, 4)."""
        return self._data.qpos[:, self._root_q][:, 3:7]

    @property
    def lin_vel_b(self) -> torch.Tensor:
        """Linear velocity of the root in its own frame, m/s. Shape (N, 3)."""
        return self._once(
            "lin_vel",
            lambda: quat_rotate_inverse(self.root_quat_w, self._data.qvel[:, self._root_v][:, :3]),
        )

    @property
    def ang_vel_b(self) -> torch.Tensor:
        """Angular velocity of the root in its own frame, rad/s. Shape (N, 3)."""
        return self._data.qvel[:, self._root_v][:, 3:6]  # MuJoCo keeps it in that frame

    @property
    def gravity_b(self) -> torch.Tensor:
        """Direction of gravity in the root's frame. Shape (N, 3)."""
        return self._once(
            "gravity",
            lambda: quat_rotate_inverse(self.root_quat_w, self._down.expand(self._sim.num_envs, 3)),
        )

    @property
    def joint_pos(self) -> torch.Tensor:
        """Joint angles, rad. Shape (N, J)."""
        return self._data.qpos[:, self._joint_q]

    @property
    def joint_vel(self) -> torch.Tensor:
        """Joint velocities, rad/s. Shape (N, J)."""
        return self._data.qvel[:, self._joint_v]

    @property
    def torques(self) -> torch.Tensor:
        """Joint torques in the last physics step, N m. Shape (N, J).

        The native engine keeps them from the first call on.
        """
        return self._data.qfrc_actuator[:, self._joint_v]

    @property
    def soles_w(self) -> torch.Tensor:
        """Middles of the left and right sole in the world, m. Shape (N, 2, 3)."""
        return self._once(
            "soles",
            lambda: (
                self._data.xpos[:, self._feet]
                + quat_rotate(self.feet_quat_w, self._soles.expand(self._sim.num_envs, 2, 3))
            ),
        )

    @property
    def feet_quat_w(self) -> torch.Tensor:
        """Orientations of the left and right foot, wxyz. Shape (N, 2, 4)."""
        return self._once("feet", lambda: self._data.xquat[:, self._feet])

    @property
    def foot_height(self) -> torch.Tensor:
        """Heights of the soles' middles above the ground under them, m. Shape (N, 2)."""
        soles = self.soles_w
        return soles[..., 2] - self.ground(soles[..., :2])

    @property
    def feet_apart(self) -> torch.Tensor:
        """How far the left foot is to the left of the right one, as the root heads, m. Shape (N,).

        Not negative.
        """
        apart = self.soles_w[:, 0] - self.soles_w[:, 1]
        return quat_rotate_inverse(quat_yaw(self.root_quat_w), apart)[:, 1].abs()

    @property
    def feet_gravity(self) -> torch.Tensor:
        """Direction of gravity in the frames of both feet. Shape (N, 2, 3)."""
        return quat_rotate_inverse(self.feet_quat_w, self._down.expand(self._sim.num_envs, 2, 3))

    def _once(self, key: str, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        stamp = getattr(self._sim, "stamp", None)  # mjlab's own simulation has none
        if stamp is None:
            return compute()
        if stamp != self._stamp:
            self._known.clear()
            self._stamp = stamp
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]
