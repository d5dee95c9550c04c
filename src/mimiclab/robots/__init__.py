"""Robots, one file each, found by name.

A package brings its own robot through an entry point of the group `mimiclab.robots` whose name is
the robot's and whose value is `module:OBJECT`; a script calls `add_robot`.
"""

from importlib.metadata import entry_points

from mimiclab.errors import MissingModelError, RobotError, UnknownNameError
from mimiclab.robots.booster_k1 import BOOSTER_K1 as BOOSTER_K1
from mimiclab.robots.booster_t1 import BOOSTER_T1 as BOOSTER_T1
from mimiclab.robots.booster_t1_29 import BOOSTER_T1_29 as BOOSTER_T1_29
from mimiclab.robots.dm_cmu_humanoid import DM_CMU_HUMANOID as DM_CMU_HUMANOID
from mimiclab.robots.dm_cmu_humanoid import DM_CMU_HUMANOID_2019 as DM_CMU_HUMANOID_2019
from mimiclab.robots.meshes import dressed
from mimiclab.robots.pnd_adam_lite import PND_ADAM_LITE as PND_ADAM_LITE
from mimiclab.robots.robot import LANDMARKS as LANDMARKS
from mimiclab.robots.robot import LandmarkPoint as LandmarkPoint
from mimiclab.robots.robot import Motor as Motor
from mimiclab.robots.robot import Robot as Robot
from mimiclab.robots.unitree_g1 import UNITREE_G1 as UNITREE_G1
from mimiclab.robots.unitree_h1 import UNITREE_H1 as UNITREE_H1
from mimiclab.robots.unitree_h1_2 import UNITREE_H1_2 as UNITREE_H1_2

_SHIPPED = (
    UNITREE_G1,
    UNITREE_H1,
    UNITREE_H1_2,
    BOOSTER_T1,
    BOOSTER_T1_29,
    BOOSTER_K1,
    PND_ADAM_LITE,
    DM_CMU_HUMANOID,
    DM_CMU_HUMANOID_2019,
)
_ROBOTS = {robot.name: robot for robot in _SHIPPED}


def robot_names() -> tuple[str, ...]:
    """Names that `get_robot` knows."""
    return tuple({**_ROBOTS, **{entry.name: None for entry in _installed()}})


def get_robot(name: str) -> Robot:
    """The robot called `name`; with meshes where the variable MIMICLAB_MESHES says so.

    Raises:
        UnknownNameError: no such robot; the message lists the nearest names.
        RobotError: an installed package offers the name, but no robot under it.
    """
    if name not in _ROBOTS:
        for entry in _installed():
            if entry.name == name:
                robot = entry.load()
                if not isinstance(robot, Robot) or robot.name != name:
                    raise RobotError(
                        f"entry point {name} = {entry.value} of the group mimiclab.robots is not "
                        f"a Robot whose name is {name!r}; correct the package that brings it"
                    )
                add_robot(robot)
                return robot
        raise UnknownNameError("robot", name, robot_names())
    return dressed(_ROBOTS[name])


def available_robots() -> tuple[Robot, ...]:
    """Robots whose models are at hand; those of packages that are not installed are left out."""
    found = []
    for name in robot_names():
        robot = get_robot(name)
        try:
            robot.model  # noqa: B018  # compiled once, kept by the robot
        except MissingModelError:
            continue
        found.append(robot)
    return tuple(found)


def add_robot(robot: Robot) -> None:
    """Make a robot known by its name in this process.

    Raises:
        RobotError: another robot has that name.
    """
    if _ROBOTS.setdefault(robot.name, robot) is not robot:
        raise RobotError(f"there is a robot {robot.name!r} already; give this one another name")


def _installed() -> tuple:
    return tuple(entry_points(group="mimiclab.robots"))
