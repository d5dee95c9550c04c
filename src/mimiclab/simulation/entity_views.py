"""mjlab's entity data with each derived quantity gathered once per physics call."""

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from mjlab.entity import Entity
from mjlab.entity.data import EntityData, compute_velocity_from_cvel

if TYPE_CHECKING:
    from mimiclab.simulation.native import NativeSimulation
    from mimiclab.simulation.warp import WarpSimulation


class CachedEntityData(EntityData):
    """`EntityData` that remembers derived quantities until the engine next runs.

    mjlab gathers all bodies anew at each access, about thirty times in one step of the tracking
    task. Derived quantities change only when the engine runs, which its `stamp` counts, so one
    gather serves all readers. Treat what you get as read-only, and clone it to keep it beyond the
    current step. Joint and root state that terms write (`qpos`, `qvel`) is never cached.
    """

    _sim: "NativeSimulation | WarpSimulation"
    _stamp: int
    _cache: dict[str, torch.Tensor]
    _bodies: slice | torch.Tensor
    _joint_q: slice | torch.Tensor
    _joint_v: slice | torch.Tensor

    def _cached(self, key: str, compute: Any) -> torch.Tensor:
        if self._stamp != self._sim.stamp:
            self._cache.clear()
            self._stamp = self._sim.stamp
        value = self._cache.get(key)
        if value is None:
            value = self._cache[key] = compute()
        return value

    @property
    def body_link_pos_w(self) -> torch.Tensor:
        """Body origins in the world, m. Shape `(num_envs, num_bodies, 3)`."""
        return self._cached("pos", lambda: self.data.xpos[:, self._bodies].clone())

    @property
    def body_link_quat_w(self) -> torch.Tensor:
        """Body orientations in the world, wxyz. Shape `(num_envs, num_bodies, 4)`."""
        return self._cached("quat", lambda: self.data.xquat[:, self._bodies].clone())

    @property
    def body_link_pose_w(self) -> torch.Tensor:
        """Body poses in the world. Shape `(num_envs, num_bodies, 7)`."""
        return self._cached(
            "pose", lambda: torch.cat([self.body_link_pos_w, self.body_link_quat_w], dim=-1)
        )

    @property
    def body_link_vel_w(self) -> torch.Tensor:
        """Velocities of body origins: linear, angular. Shape `(num_envs, num_bodies, 6)`."""
        return self._cached("vel", self._body_link_vel_w)

    def _body_link_vel_w(self) -> torch.Tensor:
        com = self.data.subtree_com[:, self.indexing.root_body_id].unsqueeze(1)
        return compute_velocity_from_cvel(
            self.body_link_pos_w, com, self.data.cvel[:, self._bodies]
        )

    @property
    def body_link_ang_vel_w(self) -> torch.Tensor:
        """Angular velocities of bodies in the world, rad/s. Shape `(num_envs, num_bodies, 3)`."""
        return self.body_link_vel_w[..., 3:6]

    @property
    def root_link_vel_w(self) -> torch.Tensor:
        """Velocity of the root's origin: linear, angular. Shape `(num_envs, 6)`."""
        return self._cached("root_vel", lambda: EntityData.root_link_vel_w.fget(self))  # pyright: ignore[reportOptionalCall]

    @property
    def joint_pos(self) -> torch.Tensor:
        """Joint positions, a copy. Shape `(num_envs, num_joints)`."""
        return self.data.qpos[:, self._joint_q].clone()

    @property
    def joint_vel(self) -> torch.Tensor:
        """Joint velocities, a copy. Shape `(num_envs, num_joints)`."""
        return self.data.qvel[:, self._joint_v].clone()


def cache_entity_data(entity: Entity, sim: "NativeSimulation | WarpSimulation") -> None:
    """Replace the entity's data by one that gathers once per physics call."""
    plain = entity.data
    fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)}
    data = CachedEntityData(**fields)
    data._sim, data._stamp, data._cache = sim, -1, {}
    data._bodies = as_slice(data.indexing.body_ids)
    data._joint_q = as_slice(data.indexing.joint_q_adr)
    data._joint_v = as_slice(data.indexing.joint_v_adr)
    entity._data = data


def as_slice(ids: torch.Tensor) -> slice | torch.Tensor:
    """A slice for consecutive indices, which torch copies many times faster than it gathers."""
    numbers = ids.tolist()
    if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return slice(numbers[0], numbers[0] + len(numbers))
    return ids
