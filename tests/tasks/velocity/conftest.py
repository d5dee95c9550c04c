"""Small environments on the native engine."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mimiclab.simulation import make_env
from mimiclab.tasks.velocity import GroundCfg, VelocityTask, velocity_env_cfg

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    """Builds environments, which are closed after the module's tests; equal ones are shared.

    The robot is the K1 unless another is asked for, as its model is small and quick to build.
    """
    built: dict[str, Any] = {}

    def build(num_envs=4, seed=0, play=False, fresh=False, **task) -> Any:
        task = {"ground": GroundCfg(kind="plane"), "robot": "booster_k1"} | task
        key = repr((num_envs, seed, play, sorted(task.items())))
        if fresh or key not in built:
            cfg = velocity_env_cfg(VelocityTask(**task), num_envs=num_envs, play=play)
            cfg.seed = seed
            built[key] = make_env(cfg, engine="native", device="cpu", num_threads=1)
        env = built[key]
        env.reset()
        return env

    yield build
    for env in built.values():
        env.close()
