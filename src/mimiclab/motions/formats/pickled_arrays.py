"""Numpy data as pickles and joblib dumps describe it, made by ourselves from bytes.

Numpy's own constructors trust what a pickle tells them: a wrong item size or flag makes them read
memory that is not theirs. So a dtype is a letter and a width that we know, and an array is its
bytes, whose number must fit.
"""

import math
import re
import sys
from typing import Any

import numpy as np

from mimiclab.motions.formats.memory import MemoryBudget


class PickleRefused(Exception):
    """Something in a pickle that is not plain data, or damaged; told with the file's path later."""


class PickledDtype:
    """The dtype that a pickle describes: `numpy.dtype(code, ...)` and then its state."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[biuf][1248]|[US]\d{1,6}|O8?|b1", code):
            raise PickleRefused(f"a numpy dtype that is not of numbers or strings: {code!r:.40}")
        self.code = code
        self.swapped = False

    def set_state(self, state: Any) -> None:
        """Take the byte order from the state; the rest follows from the code."""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise PickleRefused("a numpy dtype without a byte order")
        if len(state) > 4 and any(part is not None for part in state[2:5]):
            raise PickleRefused("a numpy dtype with fields")
        self.swapped = state[1] == ">"

    @property
    def holds_objects(self) -> bool:
        """Whether elements are Python objects."""
        return self.code.startswith("O")

    def dtype(self) -> np.dtype:
        """The numpy dtype.

        Raises:
            PickleRefused: a code that numpy does not have.
        """
        try:
            return np.dtype((">" if self.swapped else "<") + self.code)
        except TypeError:
            raise PickleRefused(f"an unknown numpy dtype {self.code!r}") from None


def array_from_bytes(
    raw: Any, dtype: Any, shape: Any, fortran: bool, budget: MemoryBudget
) -> np.ndarray:
    """The array of these bytes, copied.

    Raises:
        PickleRefused: the bytes are not as many as dtype and shape say.
        MotionFileError: the array is larger than the file may unfold to.
    """
    if not isinstance(dtype, PickledDtype) or dtype.holds_objects:
        raise PickleRefused("a numpy array without a dtype")
    kind, sizes = dtype.dtype(), shape_of(shape)
    if isinstance(raw, str):  # how Python 2 kept bytes
        raw = raw.encode("latin1")
    count = math.prod(sizes)
    if not isinstance(raw, bytes | bytearray | memoryview) or len(raw) != count * kind.itemsize:
        raise PickleRefused("a numpy array whose bytes do not fit its shape")
    budget.spend(content_bytes(count, kind), "an array")
    array = np.frombuffer(bytes(raw), kind)
    if not is_text(array):
        raise PickleRefused("strings with letters that do not exist")
    return array.reshape(sizes, order="F" if fortran else "C")


def content_bytes(count: int, dtype: np.dtype) -> int:
    """What so many elements count for: numbers as float64, strings as they are."""
    return count * (dtype.itemsize if dtype.kind in "US" else 8)


def is_text(array: np.ndarray) -> bool:
    """Whether strings, if the array holds any, are of letters that exist; numpy does not ask."""
    if array.dtype.kind != "U" or not array.size or not array.dtype.itemsize:
        return True
    letters = np.frombuffer(
        array.tobytes(), np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
    )
    return bool(letters.max() <= sys.maxunicode)


def shape_of(value: Any) -> tuple[int, ...]:
    """A shape of at most eight sizes.

    Raises:
        PickleRefused: it is something else.
    """
    if isinstance(value, int):
        value = (value,)
    sizes = tuple(value) if isinstance(value, tuple | list) and len(value) <= 8 else (None,)
    if not all(type(size) is int and 0 <= size < 2**48 for size in sizes):
        raise PickleRefused("a numpy array with a shape that is none")
    return sizes  # type: ignore[return-value]


class PickledArray:
    """An array between its construction, which is empty, and its state."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.value: np.ndarray | list | None = None
        self.shape: tuple[int, ...] = ()

    def set_state(self, state: Any) -> None:
        """The state of `numpy.ndarray`: version, shape, dtype, Fortran order, bytes or objects."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleRefused("a numpy array without a state")
        _, shape, dtype, fortran, raw = state
        if isinstance(dtype, PickledDtype) and dtype.holds_objects:
            self.shape = shape_of(shape)
            if not isinstance(raw, list) or len(raw) != math.prod(self.shape):
                raise PickleRefused("a numpy array whose objects do not fit its shape")
            self.value = raw
        else:
            self.value = array_from_bytes(raw, dtype, shape, bool(fortran), self.budget)


class JoblibArray:
    """An array of a joblib dump, whose bytes follow the description in the file."""

    def __init__(self) -> None:
        self.state: dict = {}

    def set_state(self, state: Any) -> None:
        """The attributes of joblib's wrapper."""
        if not isinstance(state, dict):
            raise PickleRefused("a joblib array without a state")
        self.state = state
