"""Ray-cast and camera sensors of the native engine: MuJoCo Warp sees where the geoms are."""

from typing import TYPE_CHECKING, Any

import mujoco_warp as mjwarp
import warp as wp
from mjlab.sim.randomization import expand_model_fields

if TYPE_CHECKING:
    from mimiclab.simulation.native import NativeSimulation

_POSES = (
    "xpos", "xquat", "xmat", "geom_xpos", "geom_xmat", "site_xpos", "site_xmat", "cam_xpos",
    "cam_xmat", "light_xpos", "light_xdir",
)  # fmt: skip


class WarpMirror:
    """A MuJoCo Warp model and data that hold poses only, for rays and pictures.

    Made when a sensor first asks for one; from then on Warp compiles the kernels of that sensor,
    and none of physics.
    """

    def __init__(self, sim: "NativeSimulation") -> None:
        self._sim = sim
        self.device = wp.get_device("cpu")
        with wp.ScopedDevice(self.device):
            self.wp_model = mjwarp.put_model(sim.mj_model)
            self.wp_data = mjwarp.put_data(
                sim.mj_model, sim.mj_data, nworld=sim.num_envs, nconmax=1, njmax=1
            )

    def sense(self, context: Any) -> None:
        """Copy poses and per-simulation model fields, then cast rays and render."""
        self._copy()
        context.prepare()
        with wp.ScopedDevice(self.device):
            render = context.render_context
            mjwarp.refit_bvh(self.wp_model, self.wp_data, render)
            if context.has_cameras:
                mjwarp.render(self.wp_model, self.wp_data, render)
                context.unpack_rgb()
            for sensor in context.raycast_sensors:
                sensor.raycast_kernel(rc=render)
        context.finalize()

    def _copy(self) -> None:
        for name in _POSES:
            target = getattr(self.wp_data, name)
            if target.size:
                wp.to_torch(target).copy_(getattr(self._sim.data, name))
        for name in self._sim.expanded_fields:
            target = getattr(self.wp_model, name, None)
            if target is None or not target.size:
                continue
            if target.shape[0] != self._sim.num_envs:
                expand_model_fields(self.wp_model, self._sim.num_envs, [name])
                target = getattr(self.wp_model, name)
            values = self._sim.expanded_tensor(name)
            assert values is not None
            wp.to_torch(target).copy_(values)
