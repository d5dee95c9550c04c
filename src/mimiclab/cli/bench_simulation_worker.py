"""The process behind one row of `mimiclab bench simulation`: JSON questions in, answers out."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ACTION_STD = 0.3
WARM_UP_STEPS = 40
SNAPSHOTS = 8
STEPS_BETWEEN_SNAPSHOTS = 10

Answer = dict[str, float]


def main() -> None:
    """Answer the set-up question, then one for each turn, until standard input closes."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print must not mix with the answers
    setup = json.loads(sys.stdin.readline())
    header, measure = prepare(**setup)
    print(json.dumps(header), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(**json.loads(line))), file=answers, flush=True)


def prepare(
    *, engine: str, num_envs: int, motion: str, robot: str
) -> tuple[dict[str, Any], Callable[..., Answer]]:
    """Build one engine's workload.

    Returns:
        Facts for the file's header, and a function that runs it for some seconds.
    """
    cfg = _task_cfg(motion, robot, num_envs)
    header = {"task": "tracking", "robot": robot, "motion": motion, "decimation": cfg.decimation}
    with contextlib.redirect_stdout(sys.stderr):
        if engine == "warp":
            from mjlab.envs import ManagerBasedRlEnv

            env = ManagerBasedRlEnv(cfg, device="cpu")
        else:
            from mimiclab.simulation.env import make_env

            env = make_env(cfg, engine="native", device="cpu")
        env.reset()
    if engine in ("native", "warp"):
        return header, _measure_env(env)
    return header, _measure_bare(engine, env)


def _task_cfg(motion: str, robot: str, num_envs: int) -> Any:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.sources import load_motions
    from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg
    from mimiclab.tasks.tracking.task import TrackingTask

    task = TrackingTask(robot=robot)
    library = MotionLibrary.from_clips(
        load_motions(motion, robot=robot), robot=robot, fps=task.control_hz
    )
    cfg = tracking_env_cfg(task, library, num_envs=num_envs)
    cfg.seed = 0
    return cfg


def _measure_env(env: Any) -> Callable[..., Answer]:
    import torch

    physics = _Stopwatch()
    plain_step = env.sim.step

    def timed_step(*args: Any, **kwargs: Any) -> None:
        with physics:
            plain_step(*args, **kwargs)

    env.sim.step = timed_step
    actions = _actions(env)
    for _ in range(WARM_UP_STEPS if env.num_envs * WARM_UP_STEPS < 20_000 else 10):
        env.step(next(actions))

    def measure(seconds: float) -> Answer:
        torch.manual_seed(0)
        physics.seconds = 0.0
        steps, start, cpu = 0, time.perf_counter(), time.process_time()
        while (elapsed := time.perf_counter() - start) < seconds:
            env.step(next(actions))
            steps += 1
        return {
            "steps": steps,
            "seconds": elapsed,
            "physics_seconds": physics.seconds,
            "cpu_seconds": time.process_time() - cpu,
        }

    return measure


def _measure_bare(engine: str, env: Any) -> Callable[..., Answer]:
    snapshots = _record(env)
    run = _mj_step(env, snapshots) if engine == "mj_step" else _mjbatch(env, snapshots)

    def measure(seconds: float) -> Answer:
        physics, steps = _Stopwatch(), 0
        while physics.seconds < seconds:
            run(steps % len(snapshots), physics)  # setting the state is not counted
            steps += 1
        return {
            "steps": steps,
            "seconds": physics.seconds,
            "physics_seconds": physics.seconds,
            "cpu_seconds": physics.cpu_seconds,
        }

    return measure


def _record(env: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """States and controls at control steps of the task under the same actions."""
    actions = _actions(env)
    state = env.sim.bind_states()
    snapshots = []
    for step in range(WARM_UP_STEPS + SNAPSHOTS * STEPS_BETWEEN_SNAPSHOTS):
        env.step(next(actions))
        if step >= WARM_UP_STEPS and (step - WARM_UP_STEPS) % STEPS_BETWEEN_SNAPSHOTS == 0:
            snapshots.append((state.copy(), env.sim.data.ctrl.numpy().astype(np.float64)))
    return snapshots


def _mjbatch(env: Any, snapshots: list[tuple[np.ndarray, np.ndarray]]) -> Callable[..., None]:
    import mjbatch

    batch = mjbatch.Batch(env.sim.physics_model, env.num_envs, env.sim.num_threads)
    state, ctrl = batch.bind("state"), batch.bind("ctrl")

    def run(index: int, physics: _Stopwatch) -> None:
        state[:], ctrl[:] = snapshots[index]
        with physics:
            batch.step(nstep=env.cfg.decimation)

    return run


def _mj_step(env: Any, snapshots: list[tuple[np.ndarray, np.ndarray]]) -> Callable[..., None]:
    import mujoco
    from mujoco.rollout import Rollout

    model, nstep = env.sim.mj_model, env.cfg.decimation
    threads = env.sim.num_threads
    data = [mujoco.MjData(model) for _ in range(threads)]
    pool = Rollout(nthread=threads if threads > 1 else 0)
    spec = mujoco.mjtState.mjSTATE_FULLPHYSICS
    full = mujoco.mjtState.mjSTATE_INTEGRATION
    starts, warm = [], []
    for states, _ in snapshots:
        starts.append(np.empty((env.num_envs, mujoco.mj_stateSize(model, spec))))
        warm.append(np.empty((env.num_envs, model.nv)))
        for i, state in enumerate(states):
            mujoco.mj_setState(model, data[0], state, full)
            mujoco.mj_getState(model, data[0], starts[-1][i], spec)
            warm[-1][i] = data[0].qacc_warmstart
    end = np.empty((env.num_envs, nstep, starts[0].shape[1]))
    sensors = np.empty((env.num_envs, nstep, model.nsensordata))

    def run(index: int, physics: _Stopwatch) -> None:
        controls = np.repeat(snapshots[index][1][:, None], nstep, axis=1)
        with physics:
            pool.rollout(
                model,
                data,
                starts[index],
                controls,
                initial_warmstart=warm[index],
                state=end,
                sensordata=sensors,
                nstep=nstep,
            )

    return run


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> None:
        self.start, self.cpu_start = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self.start
        self.cpu_seconds += time.process_time() - self.cpu_start


def _actions(env: Any) -> Iterator[Any]:
    import torch

    generator = torch.Generator().manual_seed(0)
    size = (env.num_envs, env.action_manager.total_action_dim)
    while True:
        yield ACTION_STD * torch.randn(size, generator=generator)


if __name__ == "__main__":
    main()
