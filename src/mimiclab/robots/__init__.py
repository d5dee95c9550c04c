"""Robots, one file each, found by name."""

from mimiclab.errors import UnknownNameError
from mimiclab.robots.robot import Motor as Motor
from mimiclab.robots.robot import Robot as Robot
from mimiclab.robots.unitree_g1 import UNITREE_G1 as UNITREE_G1

_ROBOTS = {robot.name: robot for robot in (UNITREE_G1,)}


def robot_names() -> tuple[str, ...]:
    """Names that `get_robot` knows."""
    return tuple(_ROBOTS)


def get_robot(name: str) -> Robot:
    """The robot called `name`.

    Raises:
        UnknownNameError: no such robot; the message lists the nearest names.
    """
    if name not in _ROBOTS:
        raise UnknownNameError("robot", name, _ROBOTS)
    return _ROBOTS[name]
