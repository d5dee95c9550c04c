"""mjlab's environment on either engine: `make_env` is the one place where the engine is chosen."""

import contextlib
import io
import logging
import random
from collections.abc import Callable, Iterator
from typing import Any, Literal

import mujoco
import numpy as np
import torch
from mjlab.envs import ManagerBasedRlEnv, ManagerBasedRlEnvCfg, types
from mjlab.scene import Scene
from mjlab.sensor import BuiltinSensor, ContactSensor
from mjlab.utils.random import seed_rng
from mjlab.viewer.offscreen_renderer import OffscreenRenderer

from mimiclab.errors import EngineError
from mimiclab.simulation.entity_views import cache_entity_data
from mimiclab.simulation.native import NativeSimulation
from mimiclab.simulation.native_fields import is_kinematic_sensor
from mimiclab.simulation.substeps import SubstepPlan, plan_substeps
from mimiclab.simulation.threads import available_cores, term_threads, torch_threads
from mimiclab.simulation.warp import WarpSimulation

_LOG = logging.getLogger(__name__)

Engine = Literal["auto", "native", "warp"]
SimulationFactory = Callable[[ManagerBasedRlEnvCfg, Scene], NativeSimulation | WarpSimulation]


def make_env(
    cfg: ManagerBasedRlEnvCfg,
    *,
    engine: Engine = "auto",
    device: str | None = None,
    render_mode: str | None = None,
    num_threads: int | None = None,
) -> "MimicEnv":
    """Build an environment on the engine of choice.

    Args:
        cfg: Any mjlab configuration.
        engine: `native` is MuJoCo on all CPU cores, `warp` is MuJoCo Warp; `auto` takes `warp` on a
            CUDA device and `native` elsewhere.
        device: Torch device; by default CUDA where it is available and the engine can use it.
        render_mode: None or `rgb_array`.
        num_threads: Physics threads of the native engine; by default all available cores.

    Raises:
        EngineError: unknown engine, no such device, or a scene that the engine cannot run.
    """
    engine_name, device = resolve_engine(engine, device)

    def build(cfg: ManagerBasedRlEnvCfg, scene: Scene) -> NativeSimulation | WarpSimulation:
        variants = scene.collect_variant_info()
        if engine_name == "warp":
            return WarpSimulation(
                num_envs=scene.num_envs,
                cfg=cfg.sim,
                spec=scene.spec,
                variant_info=variants,
                device=device,
            )
        if variants:
            raise EngineError(
                "the native engine has one set of meshes for all simulations, but this scene has "
                'entities with mesh variants: use engine="warp"'
            )
        return NativeSimulation(scene.num_envs, cfg.sim, scene.spec, num_threads=num_threads)

    return MimicEnv(cfg, device=device, render_mode=render_mode, simulation_factory=build)


def resolve_engine(engine: str, device: str | None) -> tuple[str, str]:
    """The engine and torch device that `make_env` would use.

    Raises:
        EngineError: unknown engine, or no such device.
    """
    if engine not in ("auto", "native", "warp"):
        raise EngineError(f"unknown engine {engine!r}: give 'auto', 'native' or 'warp'")
    has_gpu = torch.cuda.is_available()
    if device is None:
        device = "cuda:0" if has_gpu and engine != "native" else "cpu"
    is_cuda = device.startswith("cuda")
    if is_cuda and not has_gpu:
        raise EngineError(
            f"device {device!r} was asked for, but torch sees no CUDA GPU here: use --device cpu "
            "(the native engine runs on all CPU cores), or install a CUDA build of torch and its "
            "driver"
        )
    if is_cuda and engine == "native":
        raise EngineError(
            f"the native engine runs on the CPU, but device {device!r} was asked for: "
            "use --engine warp for the GPU, or --device cpu"
        )
    if engine == "auto":
        engine = "warp" if is_cuda else "native"
    return engine, device


class MimicEnv(ManagerBasedRlEnv):
    """mjlab's manager-based environment, with the simulation given by a factory.

    It behaves as mjlab's does, in the same order and with the same staleness of derived quantities
    (see `ManagerBasedRlEnv.step`), and differs in four ways:

    - physics steps between which nothing happens are one call to the engine;
    - with `keep_final_observations` it tells what was seen last of episodes that time ended;
    - an environment whose physics diverged ends its episode, as its state has no meaning any more;
    - it prints nothing: what mjlab prints while building goes to the log, at level DEBUG.
    """

    sim: NativeSimulation | WarpSimulation
    keep_final_observations: bool = False
    """Where an episode is ended by time, give `extras["final_observations"]`: groups (N, D) as they
    are before any reset, for learners that bootstrap from them. Such steps observe twice."""

    def __init__(
        self,
        cfg: ManagerBasedRlEnvCfg,
        device: str,
        render_mode: str | None = None,
        *,
        simulation_factory: SimulationFactory,
    ) -> None:
        """Build scene, simulation and managers.

        mjlab's constructor names its simulation class, so this one takes its place.

        Args:
            cfg: mjlab configuration; `cfg.seed` is used if it is not None.
            device: Torch device of all tensors.
            render_mode: None or `rgb_array`.
            simulation_factory: Makes the simulation for the scene.
        """
        self.cfg = cfg
        with _prints_to_log():
            if cfg.seed is not None:
                cfg.seed = self.seed(cfg.seed)
            num_envs = cfg.scene.num_envs
            self._sim_step_counter = 0
            self.common_step_counter = 0
            self.extras: dict[str, Any] = {}
            self.obs_buf: types.VecEnvObs = {}
            self.episode_length_buf = torch.zeros(num_envs, dtype=torch.long, device=device)
            self._manual_reset_pending = torch.zeros(num_envs, dtype=torch.bool, device=device)
            self._command_dt = torch.zeros(num_envs, device=device)

            self.scene = Scene(cfg.scene, device=device)
            self.sim = simulation_factory(cfg, self.scene)
            self.scene.initialize(
                mj_model=self.sim.mj_model,
                model=self.sim.model,  # pyright: ignore[reportArgumentType]
                data=self.sim.data,  # pyright: ignore[reportArgumentType]
            )
            for entity in self.scene.entities.values():
                cache_entity_data(entity, self.sim)
            if self.scene.sensor_context is not None:
                self.sim.set_sensor_context(self.scene.sensor_context)

            self.render_mode = render_mode
            self._offline_renderer = self._make_renderer() if render_mode == "rgb_array" else None
            self.metadata = {**self.metadata, "render_fps": 1.0 / self.step_dt}
            self.load_managers()
            self.setup_manager_visualizers()
        self.substep_plan: SubstepPlan = plan_substeps(self)
        # Warp does not contend for cores, so there torch keeps its threads.
        native = self.engine_name == "native"
        self._term_threads = term_threads(num_envs, available_cores()) if native else None
        self._sensors_traced = False

    @property
    def engine_name(self) -> str:
        """`native` or `warp`."""
        return self.sim.engine_name

    @staticmethod
    def seed(seed: int = -1) -> int:
        """Seed Python's, numpy's and torch's generators (and Warp's where it is in use).

        Args:
            seed: The seed; -1 draws one.
        """
        if seed == -1:
            seed = int(np.random.randint(0, 10_000))
        if _warp_is_running():
            seed_rng(seed)
        else:  # seeding Warp would start it, which costs a second and is never used
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        return seed

    def reset(
        self,
        *,
        seed: int | None = None,
        env_ids: torch.Tensor | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[types.VecEnvObs, dict]:
        """Reset all environments, or those in `env_ids`, and return observations of all."""
        with torch_threads(self._term_threads):
            obs, extras = super().reset(seed=seed, env_ids=env_ids, options=options)
            if not self._sensors_traced:
                self._sensors_traced = True
                if self._observations_need_forces():
                    obs = self.obs_buf = self._observe_again(env_ids)
        return obs, extras

    def step(self, action: torch.Tensor) -> types.VecEnvStepReturn:
        """One control step: physics, terminations, rewards, events, resets, observations.

        Derived quantities are one physics step old in terminations, rewards and events, and
        current in commands and observations, on both engines.

        Args:
            action: `(num_envs, action_dim)`.

        Raises:
            EngineError: `auto_reset` is off and finished environments were not reset.
        """
        with torch_threads(self._term_threads):
            return self._step(action)

    def _step(self, action: torch.Tensor) -> types.VecEnvStepReturn:
        self._refuse_pending()
        self.extras["log"] = {}
        self.action_manager.process_action(action.to(self.device))
        self._simulate()

        self.episode_length_buf += 1
        self.common_step_counter += 1
        self.reset_buf = self.termination_manager.compute()
        diverged = self.sim.diverged()
        if diverged.any():
            self.termination_manager.terminated.logical_or_(diverged)
            self.reset_buf = self.reset_buf | diverged
        self.reset_terminated = self.termination_manager.terminated
        # A state that diverged has no value, whatever the time.
        self.reset_time_outs = self.termination_manager.time_outs & ~diverged
        self.reward_buf = self.reward_manager.compute(dt=self.step_dt)
        self.metrics_manager.compute()
        for mode in ("step", "interval"):
            if mode in self.event_manager.available_modes:
                self.event_manager.apply(mode=mode, dt=self.step_dt)

        finished = self.reset_buf.nonzero().flatten()
        any_finished = self.cfg.auto_reset and len(finished) > 0
        self.extras.pop("final_observations", None)
        observe_first = (
            any_finished and self.keep_final_observations and bool(self.reset_time_outs.any())
        )
        reset_now = any_finished and not observe_first
        if reset_now:
            self._end_episodes(finished, diverged)

        self.sim.forward()
        dt: float | torch.Tensor = self.step_dt
        if reset_now:
            # The timers of fresh episodes start full, as after an explicit reset.
            dt = self._command_dt.fill_(self.step_dt)
            dt[finished] = 0.0
        self.command_manager.compute(dt=dt)
        self.sim.sense()
        self.obs_buf = self.observation_manager.compute(update_history=True)

        if observe_first:
            self._reset_after_observing(finished, diverged)
        if any_finished:
            self.recorder_manager.record_post_reset(finished)
        else:
            self._manual_reset_pending[finished] = True
        self.recorder_manager.record_post_step()
        return (
            self.obs_buf,
            self.reward_buf,
            self.reset_terminated,
            self.reset_time_outs,
            self.extras,
        )

    def _end_episodes(self, finished: torch.Tensor, diverged: torch.Tensor) -> None:
        self.recorder_manager.record_pre_reset(finished)
        self._reset_idx(finished)
        self.extras["log"]["Episode_Termination/diverged"] = diverged.sum().float()
        self.scene.write_data_to_sim()

    def _reset_after_observing(self, finished: torch.Tensor, diverged: torch.Tensor) -> None:
        """Begin the finished environments anew, as a reset by hand does, when all were observed."""
        last = self.obs_buf
        self.extras["final_observations"] = last
        self._end_episodes(finished, diverged)
        self.sim.forward()
        self.command_manager.compute(dt=0.0, env_ids=finished)
        self.sim.sense()
        fresh = self.observation_manager.compute(update_history=True, env_ids=finished)
        # The others keep what they saw: noise is drawn once a step.
        self.obs_buf = {name: group.clone() for name, group in last.items()}  # pyright: ignore
        for name, group in self.obs_buf.items():
            group[finished] = fresh[name][finished]  # pyright: ignore

    def _simulate(self) -> None:
        plan, decimation = self.substep_plan, self.cfg.decimation
        self._sim_step_counter += decimation
        if plan.constant_controls:
            self._write_controls()
        if plan.one_call:
            self.sim.step(decimation)
            self.scene.update(dt=self.step_dt)
            return
        for _ in range(decimation):
            if not plan.constant_controls:
                self._write_controls()
            self.sim.step()
            self.scene.update(dt=self.physics_dt)
            self.metrics_manager.compute_substep()

    def _write_controls(self) -> None:
        self.action_manager.apply_action()
        self.scene.write_data_to_sim()

    def _refuse_pending(self) -> None:
        if not self.cfg.auto_reset and self._manual_reset_pending.any():
            ids = self._manual_reset_pending.nonzero().flatten().tolist()
            raise EngineError(
                f"environments {ids[:10]} have finished and auto_reset is off: call "
                "reset(env_ids=...) for them before the next step"
            )

    def _observations_need_forces(self) -> bool:
        """Whether an observation reads a sensor that a kinematic refresh leaves behind.

        Sensors cache what they computed since the last update, which tells who was read.
        """
        read = [name for name, sensor in self.scene.sensors.items() if sensor._cache_valid]
        needed = [
            name for name in read if _needs_forces(self.scene.sensors[name], self.sim.mj_model)
        ]
        if needed:
            self.sim.require_full_refresh(f"observations read {', '.join(needed)}")
        return bool(needed)

    def _observe_again(self, env_ids: torch.Tensor | None) -> types.VecEnvObs:
        self.sim.forward()
        for sensor in self.scene.sensors.values():
            sensor._invalidate_cache()
        if env_ids is None:
            env_ids = torch.arange(self.num_envs, device=self.device)
        return self.observation_manager.compute(update_history=True, env_ids=env_ids)

    def _make_renderer(self) -> OffscreenRenderer:
        renderer = OffscreenRenderer(
            model=self.sim.mj_model,
            cfg=self.cfg.viewer,
            scene=self.scene,
            sim_model=self.sim.model,
            expanded_fields=self.sim.expanded_fields,
        )
        renderer.initialize()
        return renderer


def _needs_forces(sensor: Any, model: mujoco.MjModel) -> bool:
    if isinstance(sensor, ContactSensor):
        return True
    if isinstance(sensor, BuiltinSensor):
        return not is_kinematic_sensor(model, model.sensor(sensor._name).id)
    return False


def _warp_is_running() -> bool:
    from warp._src import context

    return context.runtime is not None


@contextlib.contextmanager
def _prints_to_log() -> Iterator[None]:
    """Send what is printed to standard output to the log."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        if printed.getvalue().strip():
            _LOG.debug("%s", printed.getvalue())
