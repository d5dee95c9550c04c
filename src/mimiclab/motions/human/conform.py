"""From a file's units and axes to metres with z up: declared, stated by the format, or measured.

What can be told from the motion itself is told (a person is neither 2 cm nor 200 m tall and mostly
upright); where that is not clear the file is refused with the sentence that settles it.
"""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_multiply
from mimiclab.motions.human.tree import CHUNK, bone_lengths, longest_path

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}
"""Metres in a unit; `cmu` is that of CMU's database, inches divided by 0.45."""
UP_AXES = ("y", "z")
DETECTED_PATH_M = (1.6, 3.4)
"""Longest way along the bones (hand to foot, mostly) of people from 1.2 m to 2.3 m tall."""
ALLOWED_PATH_M = (0.8, 6.0)
"""The same, for units that were declared: children, giants, props in the hand."""


def metres_per_unit(
    path: Path, parents: tuple[int, ...], pos: np.ndarray, declared: str | None
) -> float:
    """Factor from the file's length unit to metres, checked against the size of a body.

    Args:
        path: for messages.
        parents: shape (B,).
        pos: joints in file units. Shape (T, B, 3).
        declared: a name in `UNITS`, or None to find it.

    Raises:
        MotionFileError: unknown unit, none or more than one fits a body, or the declared one makes
            a dwarf or giant of it.
    """
    size = longest_path(parents, bone_lengths(parents, pos))
    listing = ", ".join(f"{size * factor:.3g} m if {unit}" for unit, factor in UNITS.items())
    told = f"the longest way along its bones is {size:.4g} in file units ({listing})"
    if declared is not None:
        if declared not in UNITS:
            raise MotionFileError(
                f"{path}: units is {declared!r}, expected one of {', '.join(UNITS)}"
            )
        low, high = ALLOWED_PATH_M
        if not low <= size * UNITS[declared] <= high:
            raise MotionFileError(
                f"{path}: in {declared} this is no human body: {told}, expected {low} to {high} m; "
                "declare another unit"
            )
        return UNITS[declared]
    low, high = DETECTED_PATH_M
    fitting = [unit for unit, factor in UNITS.items() if low <= size * factor <= high]
    if len(fitting) != 1:
        raise MotionFileError(
            f"{path}: cannot tell the length unit: {told}, expected {low} to {high} m in exactly "
            "one unit. Declare it with units=... (on the command line --units)"
        )
    return UNITS[fitting[0]]


def up_axis(path: Path, pos: np.ndarray, pairs: list[tuple[int, int]], declared: str | None) -> str:
    """`y` or `z`: declared, or the axis along which the body stands for most of the motion.

    Args:
        path: for messages.
        pos: joints in file axes. Shape (T, B, 3).
        pairs: (lower, upper) joints of a body that stands, such as (ankle, hip); where there are
            none, the sizes of the body along both axes are compared instead.
        declared: `y`, `z` or None.

    Raises:
        MotionFileError: unknown axis, or a body that is about as much along one as along the other.
    """
    if declared is not None:
        if declared not in UP_AXES:
            raise MotionFileError(f"{path}: up is {declared!r}, expected one of {UP_AXES}")
        return declared
    if pairs:
        low, high = np.array(pairs).T
        along = (pos[:, high] - pos[:, low]).mean(axis=(0, 1))
    else:
        along = np.abs(pos.max(axis=1) - pos.min(axis=1)).mean(axis=0)
    along_y, along_z = along[1:]
    # A body that stands leans less than 27 degrees on average, over whole clips much less.
    for axis, this, other in (("y", along_y, along_z), ("z", along_z, along_y)):
        if this > 2.0 * abs(other) and (not pairs or this > 2.0 * abs(along[0])):
            return axis
    raise MotionFileError(
        f"{path}: cannot tell which axis is up: on average the body reaches {along[0]:.3g} along "
        f"x, {along_y:.3g} along y and {along_z:.3g} along z (file units). Declare it with "
        "up='y' or up='z' (on the command line --up)"
    )


_FROM_Y_UP = np.array([0.5, 0.5, 0.5, 0.5])
"""The turn x -> y -> z -> x."""


def turn_z_up(pos: np.ndarray, quat_wxyz: np.ndarray | None) -> None:
    """Turn a world with y up into one with z up, in place: x, y, z become y, z, x.

    A figure that faces the file's z, as most do, then faces the world's x, as robots do.

    Args:
        pos: shape (T, B, 3).
        quat_wxyz: orientations of the joints, shape (T, B, 4), if there are any.
    """
    for start in range(0, len(pos), CHUNK):
        part = slice(start, start + CHUNK)
        for joint in range(pos.shape[1]):  # copies of whole motions would cost memory
            pos[part, joint] = pos[part, joint][:, [2, 0, 1]]
            if quat_wxyz is not None:
                quat_wxyz[part, joint] = quat_multiply(_FROM_Y_UP, quat_wxyz[part, joint])
