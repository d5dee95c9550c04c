"""Unitree's retargeting CSV: root xyz, root quaternion, joints; no header, no names, no rate.

Used for LAFAN1 on G1/H1 (quaternion x y z w, 30 fps). Kimodo writes the same columns with the
quaternion as w x y z; such files must be declared, as nothing in them says so.
"""

import io
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    unit_deviation,
)
from mimiclab.robots import get_robot, robot_names

_DEFAULT_FPS = 30.0
_ORDERS = {"xyzw": [3, 0, 1, 2], "wxyz": [0, 1, 2, 3]}


def _recognise(content: Content, robot: str | None) -> bool:
    if content.text is None:
        return False
    first = content.text.lstrip().partition("\n")[0].split(",")
    return content.path.suffix == ".csv" or (len(first) > 7 and all(map(_is_number, first)))


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read a CSV of the declared robot.

    Raises:
        MotionFileError: no robot declared, wrong column count, not numbers, truncated, or a root
            quaternion order that was left open and looks wrong.
    """
    table = _table(content)
    columns = table.shape[1]
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
    quat = table[:, 3:7]
    order = _quaternion_order(content.path, quat, options.root_quat_order)
    clip = MotionClip(
        name=content.path.stem,
        robot=robot.name,
        fps=content.fps(options.fps, _DEFAULT_FPS),
        joint_names=robot.joint_names,
        root_pos=table[:, :3],
        root_quat_wxyz=quat[:, _ORDERS[order]],
        joint_pos=table[:, 7:],
        source=content.path.name,
    )
    return MotionFile(
        path=content.path,
        format=FORMAT.name,
        clip=clip,
        quat_norm_deviation=unit_deviation(quat),
    )


def _fitting(columns: int) -> str:
    found = [name for name in robot_names() if 7 + get_robot(name).num_joints == columns]
    return f"robots with {columns} columns: {', '.join(found) or 'none that we know'}"


def _table(content: Content) -> np.ndarray:
    """All numbers of the file. Shape (T, columns)."""
    text = (content.text or "").rstrip()
    if not text:
        raise MotionFileError(f"{content.path}: the file holds no numbers, only blank space")
    try:
        return np.loadtxt(io.StringIO(text), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        columns = text.partition("\n")[0].count(",") + 1
        raise _explained(content.path, text, columns) from None


def _explained(path: Path, text: str, columns: int) -> MotionFileError:
    """The error that names the first wrong line."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        cells = line.strip().split(",")
        for cell in cells:
            if not _is_number(cell):
                hint = "a Unitree CSV has no header; delete it" if number == 1 else "repair it"
                return MotionFileError(
                    f"{path}: line {number} has {cell.strip()!r} where a number was expected "
                    f"({hint})"
                )
        if len(cells) != columns:
            cut = " (is the file truncated?)" if number == len(lines) else ""
            return MotionFileError(
                f"{path}: line {number} has {len(cells)} numbers, the first line has {columns}{cut}"
            )
    return MotionFileError(f"{path}: cannot be read as comma separated numbers")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _quaternion_order(path: Path, quat: np.ndarray, declared: str | None) -> str:
    if declared is not None:
        if declared not in _ORDERS:
            raise MotionFileError(
                f"{path}: root_quat_order is {declared!r}, expected one of {', '.join(_ORDERS)}"
            )
        return declared
    # A robot that would be upside down or on its side all the time, but upright all the time in
    # the other order, is most likely in the other order. That is a reason to ask, not to switch.
    upright = {name: _up_share(quat[:, columns]) for name, columns in _ORDERS.items()}
    if upright["xyzw"] < 0.5 and upright["wxyz"] > 0.9:
        raise MotionFileError(
            f"{path}: read as xyzw (Unitree's order) the root is upright in only "
            f"{upright['xyzw']:.0%} of the frames, read as wxyz in {upright['wxyz']:.0%}; the "
            "file is probably wxyz. Declare root_quat_order='wxyz' (on the command line "
            "--root-quat-order wxyz), or 'xyzw' if the robot really is upside down"
        )
    return "xyzw"


def _up_share(quat_wxyz: np.ndarray) -> float:
    """Share of frames whose root z axis is within 60 degrees of up."""
    norm = np.maximum((quat_wxyz**2).sum(axis=1), 1e-12)
    up = 1.0 - 2.0 * (quat_wxyz[:, 1] ** 2 + quat_wxyz[:, 2] ** 2) / norm
    return float((up > 0.5).mean())


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
