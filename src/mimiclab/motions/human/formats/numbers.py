"""Tables of numbers in text, and frame rates that were printed with few digits."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError

Rows = Iterator[tuple[int, str]]
"""Positions in a text and the numbers, parted by blanks, that begin there."""


def number_table(path: Path, text: str, rows: Callable[[], Rows], columns: int) -> np.ndarray:
    """Rows of numbers. Shape (T, columns), T may be 0.

    Args:
        path: for messages.
        text: the whole file, to name lines in messages.
        rows: begins to give the rows anew at each call.
        columns: how many numbers a row has.

    Raises:
        MotionFileError: a row with another number of numbers, or something else than finite
            numbers; the message names the line.
    """
    if next(rows(), None) is None:
        return np.empty((0, columns))
    try:
        table = np.loadtxt((row for _, row in rows()), comments=None, ndmin=2)
    except ValueError:
        raise _explained(path, text, rows(), columns) from None
    if table.shape[1] != columns:
        raise _explained(path, text, rows(), columns)
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise MotionFileError(
            f"{path}: frame {row} of the motion has NaN or infinite numbers; repair or cut the file"
        )
    return table


def _explained(path: Path, text: str, rows: Rows, columns: int) -> MotionFileError:
    """The error that names the first wrong line."""
    for start, row in rows:
        words = row.split()
        for word in words:
            try:
                float(word)
            except ValueError:
                problem = f"{word[:40]!r} where a number was expected"
                if "," in word:
                    problem += " (write numbers with points, not commas)"
                return line_error(path, text, start, problem)
        if len(words) != columns:
            problem = f"{len(words)} numbers, but the skeleton has {columns} channels"
            if not text[start + len(row) :].strip():
                problem += " (is the file truncated?)"
            return line_error(path, text, start, problem)
    return MotionFileError(f"{path}: the motion cannot be read as rows of {columns} numbers")


def line_error(path: Path, text: str, position: int, problem: str) -> MotionFileError:
    """An error that names the line of a position in the text."""
    return MotionFileError(f"{path}: line {text.count(chr(10), 0, position) + 1}: {problem}")


def whole_rate(frame_time: float, printed: str) -> float:
    """Frames per second of a frame time; whole where the time is a whole rate's, as printed.

    0.033333 means 30 and 0.0083333 means 120, but 0.03 does not mean 33.
    """
    rate = 1.0 / frame_time
    whole = round(rate)
    mantissa, _, exponent = printed.lower().partition("e")
    digits = len(mantissa.partition(".")[2]) - (int(exponent) if exponent else 0)
    unit = 10.0**-digits
    if whole and abs(frame_time - 1.0 / whole) <= min(unit, 1e-4 * frame_time):
        return float(whole)
    return rate
