"""Small environments on the native engine, following built-in motions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sources import load_motions
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def walk() -> MotionLibrary:
    """The built-in walk at 50 Hz."""
    return MotionLibrary.from_clips(
        load_motions("builtin:walk", robot="unitree_g1"), robot="unitree_g1", fps=50
    )


@pytest.fixture(scope="session")
def two_clips() -> MotionLibrary:
    """Walk and squat at 50 Hz."""
    clips = load_motions("builtin:walk,builtin:squat", robot="unitree_g1")
    return MotionLibrary.from_clips(clips, robot="unitree_g1", fps=50)


@pytest.fixture(scope="module")
def make(walk) -> Iterator[Make]:
    """Builds environments, which are closed after the module's tests; equal ones are shared."""
    built: dict[str, Any] = {}

    def build(library=walk, num_envs=4, seed=0, play=False, fresh=False, **task) -> Any:
        key = repr((id(library), num_envs, seed, play, sorted(task.items())))
        if fresh or key not in built:
            cfg = tracking_env_cfg(TrackingTask(**task), library, num_envs=num_envs, play=play)
            cfg.seed = seed
            built[key] = make_env(cfg, engine="native", device="cpu", num_threads=1)
        env = built[key]
        env.reset()
        return env

    yield build
    for env in built.values():
        env.close()
