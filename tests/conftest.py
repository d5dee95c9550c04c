"""Fixtures shared by all tests."""

import os

# Tests use tiny models: more threads only make them slower and less repeatable.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest

from mimiclab.robots import Robot, get_robot


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real motions and robots beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real motions, ../shared/data, is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def g1() -> Robot:
    """The Unitree G1, whose compiled model is cached for the session."""
    return get_robot("unitree_g1")
