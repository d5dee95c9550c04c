"""Small retargeting problems of real joints, without any file."""

import pytest

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.landmarks import LandmarkMotion, robot_landmarks
from mimiclab.motions.synthesis import builtin_motion


@pytest.fixture(scope="session")
def walk() -> MotionClip:
    """A second and a half of the built-in walk."""
    return builtin_motion("walk").cut(100, 175)


@pytest.fixture(scope="session")
def walk_marks(walk: MotionClip) -> LandmarkMotion:
    """Landmarks of that walk."""
    return robot_landmarks(walk)
