"""From the joints of a file, named or only counted, to the robot and its joints in model order."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.robots import Robot, available_robots, get_robot, robot_names

WRISTS = r"wrist"
"""Joints that the 23-joint variant of the G1 lacks."""


@dataclass(frozen=True, kw_only=True)
class JointColumns:
    """Which column of a file holds each joint of a robot."""

    robot: Robot
    columns: tuple[int | None, ...]
    """Column of each joint in model order; None for a joint that the file lacks."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """Joints that the file lacks."""
        joints = zip(self.robot.joint_names, self.columns, strict=True)
        return tuple(name for name, column in joints if column is None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should be told of them."""
        if not self.lacking:
            return ()
        return (f"the file lacks {', '.join(self.lacking)}; they are held at 0",)

    def take(self, values: np.ndarray) -> np.ndarray:
        """Columns of the file (T, F) in model order (T, J), 0 for joints that the file lacks."""
        if self.columns == tuple(range(values.shape[1])):
            return values
        found = np.zeros((len(values), len(self.columns)))
        for joint, column in enumerate(self.columns):
            if column is not None:
                found[:, joint] = values[:, column]
        return found


def match_joints(
    path: Path, names: tuple[str, ...], declared: str | None, *, may_lack: str = ""
) -> JointColumns:
    """The robot with exactly these joints in any order; the declared one must be it.

    The ending `_joint` makes no difference. If no robot fits exactly, one may have more joints than
    the file as long as the regular expression `may_lack` is found in their names.

    Raises:
        RobotError: the joints are not those of the declared robot.
        MotionFileError: nothing was declared and not exactly one known robot fits.
        UnknownNameError: the declared robot is not known.
    """
    given = {_short(name): column for column, name in enumerate(names)}
    differing = {robot.name: set(given) ^ set(_shorts(robot)) for robot in available_robots()}
    fitting = [name for name, wrong in differing.items() if not wrong]
    if may_lack and not fitting:
        fitting = [
            name
            for name, wrong in differing.items()
            if all(re.search(may_lack, joint) and joint not in given for joint in wrong)
        ]
    if declared is not None:
        robot = get_robot(declared)
        if declared not in fitting:
            wrong = sorted(set(given) ^ set(_shorts(robot)))
            raise RobotError(
                f"{path}: its joints are not those of robot {declared!r}; they differ in "
                f"{', '.join(wrong)}. Robots with these joints: "
                f"{', '.join(fitting) or 'none that we know'}"
            )
    elif len(fitting) != 1:
        raise MotionFileError(
            f"{path}: its {len(names)} joints are those of "
            f"{', '.join(fitting) or 'no known robot'}; declare the robot with robot=..., one of "
            f"{', '.join(robot_names())}"
        )
    else:
        robot = get_robot(fitting[0])
    return JointColumns(robot=robot, columns=tuple(map(given.get, _shorts(robot))))


def count_joints(
    path: Path, count: int, declared: str | None, *, may_lack: str = ""
) -> JointColumns:
    """The declared robot's joints in model order, for a file that names none.

    Joints in whose names the regular expression `may_lack` is found may be missing, all of them.

    Raises:
        MotionFileError: no robot declared, or it has another number of joints.
        UnknownNameError: the declared robot is not known.
    """
    if declared is None:
        raise MotionFileError(
            f"{path}: names neither robot nor joints; declare the robot with robot=... (on the "
            f"command line --robot). Robots with {count} joints: "
            f"{', '.join(r.name for r in available_robots() if r.num_joints == count) or 'none'}"
        )
    robot = get_robot(declared)
    names = robot.joint_names
    there = [i for i, name in enumerate(names) if not (may_lack and re.search(may_lack, name))]
    if count == robot.num_joints:
        there = list(range(count))
    elif count != len(there):
        fewer = f" or {len(there)} without {may_lack}s" if len(there) < len(names) else ""
        raise MotionFileError(
            f"{path}: has {count} joints, but robot {robot.name!r} has {robot.num_joints}{fewer}; "
            "declare the robot that the file was made for"
        )
    column = {joint: i for i, joint in enumerate(there)}
    return JointColumns(robot=robot, columns=tuple(column.get(j) for j in range(len(names))))


def _short(name: str) -> str:
    return name.removesuffix("_joint")


def _shorts(robot: Robot) -> list[str]:
    return [_short(name) for name in robot.joint_names]
