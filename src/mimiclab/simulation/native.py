"""The native CPU engine: MuJoCo itself on a thread pool, behind mjlab's `Simulation` surface."""

import logging
from typing import TYPE_CHECKING, Any

import mjbatch
import mujoco
import numpy as np
import torch
from mjlab.managers.event_manager import RecomputeLevel
from mjlab.sim import SimulationCfg
from mjlab.utils.nan_guard import NanGuard

from mimiclab.errors import EngineError
from mimiclab.simulation import native_fields as fields
from mimiclab.simulation.native_model import (
    compile_models,
    kinematic_model,
    tune_for_speed,
)
from mimiclab.simulation.native_views import NativeData, NativeModel, to_float32
from mimiclab.simulation.threads import available_cores

if TYPE_CHECKING:
    from mimiclab.simulation.native_sensing import WarpMirror

_LOG = logging.getLogger(__name__)
_WARN_BAD = slice(mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQACC + 1)


class NativeSimulation:
    """`num_envs` copies of one model stepped by `mjbatch`, offering what mjlab's terms use.

    **Freshness.** As in MuJoCo, `step` leaves derived quantities (`xpos`, `cvel`, `sensordata`...)
    one substep behind `qpos` and `qvel`; `forward` brings them up to date. mjlab's environment
    calls it once, before observations. Most tasks then read kinematics only, so `forward` runs a
    second batch whose model has contacts, constraints and actuation switched off, at an eighth of
    the price of a full `mj_forward`, and `data` shows its results. Until the next step,
    **contact sensors, accelerometers and everything else that needs forces keep their values of
    the last substep** (after a reset: of the pose at reset). The first time such a field is read
    after `forward`, the simulation switches to full refreshes for good; `require_full_refresh`
    does so beforehand.

    **Divergence.** MuJoCo resets a simulation whose state becomes NaN, infinite or huge. `diverged`
    tells which ones did, so that the environment can end their episodes.

    No Warp kernel is compiled here, unless the scene has ray-cast or camera sensors.
    """

    engine_name = "native"

    def __init__(
        self,
        num_envs: int,
        cfg: SimulationCfg,
        spec: mujoco.MjSpec,
        *,
        num_threads: int | None = None,
    ) -> None:
        """Compile `spec`, apply the physics options of `cfg`, allocate `num_envs` simulations.

        Args:
            num_envs: Number of simulations.
            cfg: mjlab's configuration; contact capacities and broadphase are Warp's and not used.
            spec: The scene.
            num_threads: Physics threads; by default all cores this process may use.
        """
        self.cfg = cfg
        self.num_envs = num_envs
        self.device = "cpu"
        self.mj_model, physics = compile_models(spec)
        cfg.mujoco.apply(self.mj_model)
        cfg.mujoco.apply(physics)
        tune_for_speed(physics, choose_jacobian=cfg.mujoco.jacobian == "auto")
        self.mj_data = mujoco.MjData(self.mj_model)
        mujoco.mj_forward(self.mj_model, self.mj_data)

        self.physics_model = physics
        self.num_threads = threads = min(num_threads or available_cores(), num_envs)
        self._batch = mjbatch.Batch(physics, num_envs, threads)
        self._kinematics = mjbatch.Batch(kinematic_model(physics), num_envs, threads)
        self._sensor_columns = fields.kinematic_sensor_columns(self.mj_model)
        self._full_refresh = False
        self._fresh = False
        self._stepped: dict[str, torch.Tensor] = {}  # fields as the last physics call left them
        self._refreshed: dict[str, torch.Tensor] = {}  # kinematic fields after forward()
        self._expanded: dict[str, torch.Tensor] = {}
        self._defaults: dict[str, torch.Tensor] = {}
        self.data = NativeData(self)
        self.model = NativeModel(self)

        self._qpos = self._bind_state("qpos")
        self._qvel = self._bind_state("qvel")
        self._kin_qpos = self._kinematics.bind("qpos", np.float32)
        self._kin_qvel = self._kinematics.bind("qvel", np.float32)
        self._mocap = [
            (self._bind_state(name), self._kinematics.bind(name, np.float32))
            for name in ("mocap_pos", "mocap_quat")
            if self.mj_model.nmocap
        ]
        self._warning = self._batch.bind("warning")
        self._model_sync: list[tuple[np.ndarray, np.ndarray]] = []
        self._sensors_main: np.ndarray | None = None
        self.nan_guard = _NativeNanGuard(self)
        self.stamp = 0
        self._sensor_context: Any = None
        self._mirror: WarpMirror | None = None

    # --- stepping -------------------------------------------------------------------------------

    def step(self, nstep: int = 1) -> None:
        """Advance all simulations by `nstep` physics steps with constant controls."""
        with self.nan_guard.watch(self.data):  # pyright: ignore[reportArgumentType]
            self._physics(self._batch.step, nstep=nstep)
            self._show_stepped()

    def forward(self) -> None:
        """Bring derived quantities up to date with `qpos` and `qvel`, without advancing time.

        Kinematics only, unless a full refresh has been asked for or proved necessary (see the
        class). Called twice in a row, it updates only the simulations whose state changed.
        """
        if self._full_refresh:
            self._physics(self._batch.forward)
            self._show_stepped()
            return
        stale = self._copy_state_to_kinematics()
        if not self._fresh:
            self._physics(self._kinematics.forward)
        elif stale.any():
            self._physics(self._kinematics.forward, ids=stale)
        else:
            return
        self._show_refreshed()

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        """Put all simulations, or those in `env_ids`, back to the reference state of the model."""
        if env_ids is None:
            self._physics(self._batch.reset)
        elif len(env_ids):
            mask = np.zeros(self.num_envs, dtype=bool)
            mask[env_ids.numpy()] = True
            self._physics(self._batch.reset, ids=mask)
        self.stamp += 1

    def diverged(self) -> torch.Tensor:
        """Which simulations MuJoCo has reset since the last call because their state blew up.

        Shape `(num_envs,)`, bool.
        """
        bad = self._warning[:, _WARN_BAD, 1].any(axis=1)
        if bad.any():
            self._warning[bad] = 0
        return torch.from_numpy(bad)

    def sense(self) -> None:
        """Run ray-cast and camera sensors, if the scene has any."""
        if self._sensor_context is not None:
            self.warp_mirror.sense(self._sensor_context)

    def set_sensor_context(self, ctx: Any) -> None:
        """Take the ray-cast and camera sensors that `sense` runs."""
        self._sensor_context = ctx

    @property
    def warp_mirror(self) -> "WarpMirror":
        """Poses in MuJoCo Warp, for sensors that only it has; made when first asked for."""
        if self._mirror is None:
            from mimiclab.simulation.native_sensing import WarpMirror

            self._mirror = WarpMirror(self)
        return self._mirror

    def create_graph(self) -> None:
        """Nothing to capture on a CPU; mjlab calls it after replacing arrays."""

    def require_full_refresh(self, reason: str) -> None:
        """Make every following `forward` a full `mj_forward`: contacts and forces stay current."""
        if not self._full_refresh:
            _LOG.info("native engine: full refresh after stepping, because %s", reason)
            self._full_refresh = True

    def bind_states(self) -> np.ndarray:
        """Each simulation's complete state in double precision, shared memory.

        Shape `(num_envs, n)`, MuJoCo's `mjSTATE_INTEGRATION` order; rows may be copied and written.
        """
        return self._batch.bind("state")

    @property
    def full_refresh(self) -> bool:
        """Whether `forward` recomputes contacts and forces, not just kinematics."""
        return self._full_refresh

    # --- data -----------------------------------------------------------------------------------

    def read_data_field(self, name: str) -> torch.Tensor:
        """The tensor of a data field that is not (or not now) an attribute of `data`.

        First read of a derived field: bind it, and fill it with current values, as none were
        recorded at the last physics call.

        Raises:
            AttributeError: MuJoCo has no such batched field.
        """
        self.stamp += 1
        if name in fields.STATE_FIELDS:
            self._bind_state(name)
        elif name in fields.KINEMATIC_FIELDS or name == "sensordata":
            self._bind_kinematic(name)
        else:
            if self._fresh:
                # It was withdrawn by forward(), or is bound after it: mjlab would have it current.
                self.require_full_refresh(f"data.{name} is read after forward()")
            if name not in self._stepped:
                self._stepped[name] = self._bind(self._batch, name)
                self._physics(self._batch.forward)
            elif self._fresh:
                self._physics(self._batch.forward)
            if self._fresh:
                self._show_stepped()
            self.data.__dict__[name] = self._stepped[name]
        return self.data.__dict__[name]

    def _bind(self, batch: mjbatch.Batch, name: str) -> torch.Tensor:
        is_real = np.asarray(getattr(self.mj_data, name, 0)).dtype == np.float64
        try:
            array = batch.bind(name, np.float32) if is_real else batch.bind(name)
        except ValueError as error:
            raise AttributeError(
                f"the native engine has no data field {name!r}: {error}"
            ) from error
        return torch.from_numpy(array.reshape(fields.data_layout(name, array.shape)))

    def _bind_state(self, name: str) -> np.ndarray:
        tensor = self._bind(self._batch, name)
        self.data.__dict__[name] = tensor
        return tensor.numpy()

    def _bind_kinematic(self, name: str) -> None:
        self._stepped[name] = self._bind(self._batch, name)
        self._refreshed[name] = self._bind(self._kinematics, name)
        if name == "sensordata":
            # Sensors keep slices of this tensor, so it stays the same one in both phases.
            self._sensors_main = self._stepped[name].numpy()
            self._sensors_kin = self._refreshed.pop(name).numpy()
        self._copy_state_to_kinematics()
        self._physics(self._kinematics.forward)
        if name == "sensordata":
            self._copy_sensors()
            self.data.__dict__[name] = self._stepped[name]
        else:
            self._stepped[name].copy_(self._refreshed[name])
            show_refreshed = self._fresh and not self._full_refresh
            self.data.__dict__[name] = (self._refreshed if show_refreshed else self._stepped)[name]

    def _show_stepped(self) -> None:
        self._fresh = False
        self.stamp += 1
        self.data.__dict__.update(self._stepped)

    def _show_refreshed(self) -> None:
        self._fresh = True
        self.stamp += 1
        shown = self.data.__dict__
        shown.update(self._refreshed)
        for name in self._stepped:
            if name not in self._refreshed and name != "sensordata":
                shown.pop(name, None)  # reading it now goes through read_data_field
        self._copy_sensors()

    def _copy_sensors(self) -> None:
        if self._sensors_main is not None:
            for start, stop in self._sensor_columns:
                self._sensors_main[:, start:stop] = self._sensors_kin[:, start:stop]

    def _copy_state_to_kinematics(self) -> np.ndarray:
        """Copy what kinematics depend on; tell which simulations changed, `(num_envs,)` bool."""
        stale = (self._kin_qpos != self._qpos).any(axis=1)
        stale |= (self._kin_qvel != self._qvel).any(axis=1)
        np.copyto(self._kin_qpos, self._qpos)
        np.copyto(self._kin_qvel, self._qvel)
        for source, target in (*self._mocap, *self._model_sync):
            axes = tuple(range(1, source.ndim))
            stale |= (target != source).any(axis=axes)
            np.copyto(target, source)
        return stale

    def _physics(self, call: Any, **arguments: Any) -> None:
        try:
            call(**arguments)
        except RuntimeError as error:
            raise EngineError(
                f"MuJoCo refused to go on: {error}; the other simulations ran. Look at the state "
                "and the randomised model fields of the simulation it names"
            ) from error

    # --- model ----------------------------------------------------------------------------------

    @property
    def default_model_fields(self) -> dict[str, torch.Tensor]:
        """Values before randomisation of the fields asked for with `get_default_field`."""
        return self._defaults

    @property
    def expanded_fields(self) -> set[str]:
        """Model fields with a value for each simulation."""
        return set(self._expanded)

    @property
    def per_world_default_fields(self) -> set[str]:
        """Fields whose default differs between simulations (mesh variants): none here."""
        return set()

    @property
    def world_to_variant(self) -> dict[str, torch.Tensor]:
        """Mesh variant of each simulation: none here."""
        return {}

    def expand_model_fields(self, names: tuple[str, ...]) -> None:
        """Give each simulation its own values of these model fields, in `model.<name>`.

        Raises:
            EngineError: unknown to MuJoCo, or not expandable.
        """
        for name in names:
            if name in self._expanded:
                continue
            self._expanded[name] = self._expand(self._batch, name)
            if name in fields.KINEMATIC_MODEL_FIELDS:
                self._model_sync.append(
                    (self._expanded[name].numpy(), self._expand(self._kinematics, name).numpy())
                )

    def _expand(self, batch: mjbatch.Batch, name: str) -> torch.Tensor:
        is_real = np.asarray(getattr(self.mj_model, name, 0)).dtype == np.float64
        try:
            array = batch.expand(name, np.float32) if is_real else batch.expand(name)
        except ValueError as error:
            raise EngineError(
                f"model field {name!r} cannot differ between simulations: {error}; "
                "give the name of an MjModel array"
            ) from error
        if name in ("geom_size", "geom_aabb", "geom_rbound"):
            array[:] = getattr(self.mj_model, name)  # physics has spheres for visual meshes
        return torch.from_numpy(array.reshape(fields.model_layout(name, array.shape)))

    def expanded_tensor(self, name: str) -> torch.Tensor | None:
        """The per-simulation tensor of a model field, None if it is shared."""
        return self._expanded.get(name)

    def get_default_field(self, field: str) -> torch.Tensor:
        """A model field as compiled, before any randomisation, without a simulation axis."""
        if field not in self._defaults:
            if not hasattr(self.mj_model, field):
                raise EngineError(
                    f"the model has no field {field!r}; give the name of an MjModel array"
                )
            value = to_float32(np.asarray(getattr(self.mj_model, field)))
            self._defaults[field] = value.reshape(fields.model_layout(field, tuple(value.shape)))
        return self._defaults[field]

    def recompute_constants(self, level: RecomputeLevel) -> None:
        """Recompute constants that follow from randomised fields, with MuJoCo's `mj_setConst`.

        It covers all of mjlab's levels; the lower ones only exist to save time on a GPU.
        """
        if level == RecomputeLevel.none:
            return
        self._physics(self._batch.set_const)


class _NativeNanGuard(NanGuard):
    """mjlab's guard, told of divergence by MuJoCo's warnings, as bad states are reset at once."""

    def __init__(self, sim: NativeSimulation) -> None:
        super().__init__(sim.cfg.nan_guard, sim.num_envs, sim.mj_model)
        self._sim = sim

    def check_and_dump(self, data: Any) -> bool:
        if not self.enabled or self._dumped:
            return False
        bad = self._sim._warning[:, _WARN_BAD, 1].any(axis=1)
        mask = self.detect_nans(data) | torch.from_numpy(bad)
        if not mask.any():
            return False
        self._dump_buffer(mask.nonzero().flatten().tolist())
        self._dumped = True
        return True
