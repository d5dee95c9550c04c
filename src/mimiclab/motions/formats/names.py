"""Finding the robot of a file that names its joints."""

from pathlib import Path

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.robots import Robot, get_robot, robot_names


def robot_with_joints(path: Path, joints: tuple[str, ...], declared: str | None) -> Robot:
    """The robot with exactly these joints in any order; the declared one must be it.

    Raises:
        RobotError: the joints are not those of the declared robot.
        MotionFileError: nothing was declared and not exactly one known robot fits.
        UnknownNameError: the declared robot is not known.
    """
    fitting = [name for name in robot_names() if set(get_robot(name).joint_names) == set(joints)]
    if declared is not None:
        robot = get_robot(declared)
        if declared not in fitting:
            wrong = sorted(set(joints) ^ set(robot.joint_names))
            raise RobotError(
                f"{path}: its joints are not those of robot {declared!r}; they differ in "
                f"{', '.join(wrong)}. Robots with these joints: "
                f"{', '.join(fitting) or 'none that we know'}"
            )
        return robot
    if len(fitting) != 1:
        raise MotionFileError(
            f"{path}: its {len(joints)} joints are those of "
            f"{', '.join(fitting) or 'no known robot'}; declare the robot with robot=..., one of "
            f"{', '.join(robot_names())}"
        )
    return get_robot(fitting[0])
