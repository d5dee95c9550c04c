"""Nested data of pickles and torch files as the flat arrays that readers ask for by key."""

from typing import Any

import numpy as np

_MAX_DEPTH = 4
_MAX_LETTERS = 2**21


def flat_arrays(tree: Any, prefix: str = "", depth: int = 0) -> dict[str, np.ndarray]:
    """Arrays, numbers and strings of nested dicts, keyed by path, for example `contacts/left`.

    Numbers and strings become arrays without axes, lists of them arrays of one. What is None, or no
    array, is left out.
    """
    found: dict[str, np.ndarray] = {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        where = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < _MAX_DEPTH:
                found |= flat_arrays(value, f"{where}/", depth + 1)
        elif (array := _array(value)) is not None:
            found[where] = array
    return found


def _array(value: Any) -> np.ndarray | None:
    if isinstance(value, np.ndarray):
        return None if value.dtype == object else value
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str | int | float | np.generic | list | tuple):
        return None
    if isinstance(value, list | tuple):
        words = all(isinstance(item, str) for item in value)
        numbers = all(isinstance(item, int | float | np.number) for item in value)
        if not value or not (words or numbers):
            return None
        if words and max(map(len, value)) * len(value) > _MAX_LETTERS:
            return None  # numpy gives every string the room of the longest
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        return None
    return None if array.dtype == object else array
