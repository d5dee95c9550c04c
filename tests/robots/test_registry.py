"""Robots by name."""

from dataclasses import replace

import pytest

from mimiclab import robots
from mimiclab.errors import MissingModelError, RobotError, UnknownNameError
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.synthesis import builtin_motion


@pytest.fixture
def elsewhere(g1):
    """A robot whose model comes with a package that is not installed."""

    def spec():
        raise MissingModelError("pip install other-package")

    robot = replace(g1, name="elsewhere", spec_fn=spec)
    robots.add_robot(robot)
    return robot


def test_a_missing_model_is_an_error_for_its_own_robot_only(elsewhere, tmp_path):
    assert "elsewhere" in robots.robot_names()
    available = [robot.name for robot in robots.available_robots()]
    assert "elsewhere" not in available and "unitree_g1" in available
    path = tmp_path / "stand.npz"
    clip = builtin_motion("stand")
    write_motion(clip, path)
    write_motion(clip, path.with_suffix(".csv"))
    assert read_motion(path).robot == "unitree_g1"
    with pytest.raises(MissingModelError, match="pip install"):
        read_motion(path.with_suffix(".csv"), robot="elsewhere")


def test_a_name_is_given_once(g1):
    with pytest.raises(RobotError, match="another name"):
        robots.add_robot(replace(g1))
    with pytest.raises(UnknownNameError, match="unitree_g1"):
        robots.get_robot("unitree_g2")
