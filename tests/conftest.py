"""Fixtures shared by all tests."""

import gc
import json
import os

# Tests use tiny models: more threads only make them slower and less repeatable.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest

from mimiclab import robots
from mimiclab.robots import Robot, get_robot


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collection, which is quick then."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _environments_of_a_module_are_freed() -> Iterator[None]:
    """An environment refers to itself through its terms, and holds hundreds of megabytes."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _robots_added_here_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot with the G1's joints would make the G1's files ambiguous for later tests."""
    monkeypatch.setattr(robots, "_ROBOTS", dict(robots._ROBOTS))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real motions and robots beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real motions, ../shared/data, is not beside this checkout")
    return folder


@pytest.fixture
def person_file(tmp_path: Path) -> Path:
    """A person standing still for a second, as a DeepMimic file in a folder of its own."""
    pose = [0.0] * 44
    pose[0], pose[2] = 0.1, 0.9  # duration in s, height of the root in m
    for start in (4, 8, 12, 16, 21, 25, 30, 35, 39):
        pose[start] = 1.0  # the real part of a quaternion
    path = tmp_path / "people" / "stand.txt"
    path.parent.mkdir()
    path.write_text(json.dumps({"Loop": "none", "Frames": [pose] * 11}))
    return path


@pytest.fixture(scope="session")
def g1() -> Robot:
    """The Unitree G1, whose compiled model is cached for the session."""
    return get_robot("unitree_g1")


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three updates on a built-in motion, with its exported policy."""
    from mimiclab.deployment.export import export_run
    from mimiclab.learning.config import PpoCfg, TrainCfg
    from mimiclab.learning.train import train
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.synthesis import builtin_motion
    from mimiclab.tasks.tracking import TrackingTask

    folder = tmp_path_factory.mktemp("runs") / "demo"
    settings = TrainCfg(
        num_envs=8,
        iterations=3,
        engine="native",
        device="cpu",
        ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=4, mini_batches=1),
        logger="none",
        progress="none",
    )
    task = TrackingTask(residual_action=True)
    library = MotionLibrary.from_clips([builtin_motion("squat")], robot=task.robot, fps=50)
    train(task, library, settings, folder)
    export_run(folder)
    return folder
