"""Unitree's retargeting CSV: root xyz, root quaternion, joints; no header, no names, no rate.

Used for LAFAN1 on G1/H1 (quaternion x y z w, 30 fps). Kimodo writes the same columns with the
quaternion as w x y z; such files must be declared, as nothing in them says so.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.agreement import QUAT_ORDERS, root_quat_order
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    motion_file,
)
from mimiclab.motions.formats.names import JointColumns
from mimiclab.motions.formats.text import filled_lines
from mimiclab.robots import available_robots, get_robot

_DEFAULT_FPS = 30.0
_LINE_LETTERS = 2**16
"""Longer lines hold no motion, and would take many times their size when split."""


def _recognise(content: Content, robot: str | None) -> bool:
    if content.text is None:
        return False
    start = content.text[:_LINE_LETTERS].lstrip()
    first = start.partition("\n")[0].split(",")
    return content.path.suffix == ".csv" or (len(first) > 7 and all(map(_is_number, first)))


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read a CSV of the declared robot.

    Raises:
        MotionFileError: no robot declared, wrong column count, not numbers, truncated, or a root
            quaternion order that was left open and looks wrong.
    """
    columns = _columns(content)
    if options.robot is None:
        raise MotionFileError(
            f"{content.path}: a CSV does not say which robot it is for; declare it with robot=... "
            f"(on the command line --robot). {_fitting(columns)}"
        )
    robot = get_robot(options.robot)
    expected = 7 + robot.num_joints
    if columns != expected:
        raise MotionFileError(
            f"{content.path}: {columns} columns, but robot {robot.name!r} needs {expected} "
            f"(3 root position, 4 root quaternion, {robot.num_joints} joints); {_fitting(columns)}"
        )
    table = _table(content, columns)
    quat = table[:, 3:7]
    order = root_quat_order(content.path, quat, options.root_quat_order)
    return motion_file(
        content,
        FORMAT.name,
        JointColumns(robot=robot, columns=tuple(range(robot.num_joints))),
        root_pos=table[:, :3],
        root_quat_wxyz=quat[:, QUAT_ORDERS[order]],
        joint_pos=table[:, 7:],
        fps=content.fps(options.fps, _DEFAULT_FPS),
        terrain=options.terrain,
    )


def _fitting(columns: int) -> str:
    found = [robot.name for robot in available_robots() if 7 + robot.num_joints == columns]
    return f"robots with {columns} columns: {', '.join(found) or 'none that we know'}"


def _columns(content: Content) -> int:
    """How many numbers the first line has."""
    _, first = next(filled_lines(content.text or ""), (0, ""))
    if not first:
        raise MotionFileError(f"{content.path}: the file holds no numbers, only blank space")
    if len(first) > _LINE_LETTERS:
        raise MotionFileError(
            f"{content.path}: its first line has {len(first)} letters, too many for a motion"
        )
    return first.count(",") + 1


def _table(content: Content, columns: int) -> np.ndarray:
    """All numbers of the file. Shape (T, columns)."""
    text = content.text or ""
    lines = (line for _, line in filled_lines(text))
    try:
        return np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        raise _explained(content.path, text, columns) from None


def _explained(path: Path, text: str, columns: int) -> MotionFileError:
    """The error that names the first wrong line."""
    for start, line in filled_lines(text):
        problem = _problem(line, columns)
        if problem:
            number = text.count("\n", 0, start) + 1
            if number == 1 and "expected" in problem:
                problem += " (a Unitree CSV has no header; delete it)"
            elif next(filled_lines(text, start + len(line)), None) is None:
                problem += " (is the file truncated?)"
            return MotionFileError(f"{path}: line {number} {problem}")
    return MotionFileError(f"{path}: cannot be read as comma separated numbers")


def _problem(line: str, columns: int) -> str:
    for cell in line.split(",") if len(line) <= _LINE_LETTERS else ():
        if not _is_number(cell):
            return f"has {cell.strip()[:40]!r} where a number was expected"
    count = line.count(",") + 1
    return "" if count == columns else f"has {count} numbers, the first line has {columns}"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _write(clip: MotionClip, path: Path) -> None:
    """Quaternion xyzw, nine significant digits (nanometres); the rate is not stored."""
    xyzw = clip.root_quat_wxyz[:, [1, 2, 3, 0]]
    np.savetxt(
        path,
        np.concatenate([clip.root_pos, xyzw, clip.joint_pos], axis=1),
        fmt="%.9g",
        delimiter=",",
    )


FORMAT = MotionFormat(
    name="unitree_csv",
    suffix=".csv",
    summary="Unitree CSV: root xyz, quaternion xyzw (declare wxyz), joints; 30 fps unless declared",
    recognise=_recognise,
    read=_read,
    write=_write,
)
