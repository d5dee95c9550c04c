"""Units and up axis: found where a body tells them, refused where it does not."""

from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.conform import UNITS, metres_per_unit, turn_z_up, up_axis

PATH = Path("file.bvh")
PARENTS = (-1, 0, 1, 0, 3)
"""Two chains from a root."""


def body(path_m: float, unit: str) -> np.ndarray:
    """A body whose longest way along the bones has this length, in file units. (1, 5, 3)."""
    pos = np.zeros((1, 5, 3))
    pos[0, :, 1] = np.array([0.0, -0.25, -0.5, 0.25, 0.5]) * path_m / UNITS[unit]
    return pos


@pytest.mark.parametrize("unit", list(UNITS))
@pytest.mark.parametrize("path_m", [1.7, 2.5, 3.2])
def test_the_unit_of_a_grown_body_is_found(unit: str, path_m: float) -> None:
    assert metres_per_unit(PATH, PARENTS, body(path_m, unit), None) == UNITS[unit]


def test_units_that_cannot_be_told_are_refused() -> None:
    with pytest.raises(MotionFileError, match=r"cannot tell the length unit: .* 20 in file units"):
        metres_per_unit(PATH, PARENTS, body(20, "m"), None)
    with pytest.raises(MotionFileError, match=r"0\.2 m if cm, .* Declare it with units=\.\.\."):
        metres_per_unit(PATH, PARENTS, body(20, "m"), None)
    with pytest.raises(MotionFileError, match="units is 'foot', expected one of m, cm"):
        metres_per_unit(PATH, PARENTS, body(2, "m"), "foot")
    with pytest.raises(MotionFileError, match="in m this is no human body"):
        metres_per_unit(PATH, PARENTS, body(2, "cm"), "m")
    assert metres_per_unit(PATH, PARENTS, body(1.0, "cm"), "cm") == 0.01  # a child, declared


def standing(axis: int, sign: float = 1.0, lean: float = 0.0) -> np.ndarray:
    pos = np.zeros((10, 2, 3))
    pos[:, 1, axis] = sign
    pos[:, 1, 0] = lean
    return pos


@pytest.mark.parametrize(("axis", "name"), [(1, "y"), (2, "z")])
def test_up_is_where_the_body_stands(axis: int, name: str) -> None:
    assert up_axis(PATH, standing(axis), [(0, 1)], None) == name
    assert up_axis(PATH, standing(axis, lean=0.4), [(0, 1)], None) == name
    assert up_axis(PATH, standing(axis), [], None) == name  # without a map: by the sizes
    # Standing up for a part of the clip tells it, whichever way the rest lies.
    pos = standing(axis)
    pos[:4, 1] = 0
    pos[:4, 1, 3 - axis] = [1, -1, 1, -1]
    assert up_axis(PATH, pos, [(0, 1)], None) == name


@pytest.mark.parametrize("pairs", [[(0, 1)], []])
def test_up_that_cannot_be_told_is_refused(pairs: list) -> None:
    askew = np.zeros((3, 2, 3))
    askew[:, 1, 1:] = 0.7
    with pytest.raises(MotionFileError, match=r"along y and 0\.7 along z .* up='y' or up='z'"):
        up_axis(PATH, askew, pairs, None)
    assert up_axis(PATH, askew, pairs, "z") == "z"
    with pytest.raises(MotionFileError, match="up is 'x'"):
        up_axis(PATH, askew, pairs, "x")


def test_upside_down_is_not_up() -> None:
    with pytest.raises(MotionFileError, match="cannot tell which axis is up"):
        up_axis(PATH, standing(1, sign=-1.0), [(0, 1)], None)


def test_positions_and_orientations_turn_alike() -> None:
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(0)
    pos, quat = rng.normal(size=(1500, 3, 3)), rng.normal(size=(1500, 3, 4))
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    tip = Rotation.from_quat(quat.reshape(-1, 4), scalar_first=True).apply([0.1, 0.2, 0.3])
    before = pos + tip.reshape(pos.shape)
    turn_z_up(pos, quat)
    tip = Rotation.from_quat(quat.reshape(-1, 4), scalar_first=True).apply([0.1, 0.2, 0.3])
    np.testing.assert_allclose(pos + tip.reshape(pos.shape), before[..., [2, 0, 1]], atol=1e-12)
