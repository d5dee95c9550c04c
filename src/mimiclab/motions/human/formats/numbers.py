"""Tables of numbers in text, and frame rates that were printed with few digits."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError

_LINE = re.compile(r"[^\n]*\S[^\n]*")


def number_table(path: Path, text: str, start: int, columns: int) -> np.ndarray:
    """The rest of the text from `start` as rows of numbers parted by blanks. Shape (T, columns).

    Raises:
        MotionFileError: a line with another number of numbers, or something else than numbers;
            the message names the line. No line at all gives shape (0, columns).
    """

    def lines() -> Iterator[str]:
        # Lazily: a list of all lines would need several times the memory of the text.
        for match in _LINE.finditer(text, start):
            yield match.group()

    if next(lines(), None) is None:
        return np.empty((0, columns))
    try:
        table = np.loadtxt(lines(), comments=None, ndmin=2)
    except ValueError:
        raise _explained(path, text, start, columns) from None
    if table.shape[1] != columns:
        raise _explained(path, text, start, columns)
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise MotionFileError(
            f"{path}: frame {row} of the motion has NaN or infinite numbers; repair or cut the file"
        )
    return table


def _explained(path: Path, text: str, start: int, columns: int) -> MotionFileError:
    """The error that names the first wrong line."""
    for match in _LINE.finditer(text, start):
        words = match.group().split()
        for word in words:
            try:
                float(word)
            except ValueError:
                problem = f"has {word[:40]!r} where a number was expected"
                if "," in word:
                    problem += " (write numbers with points, not commas)"
                return _at(path, text, match.start(), problem)
        if len(words) != columns:
            problem = f"has {len(words)} numbers, the skeleton has {columns} channels"
            if not text[match.end() :].strip():
                problem += " (is the file truncated?)"
            return _at(path, text, match.start(), problem)
    return MotionFileError(f"{path}: the motion cannot be read as rows of {columns} numbers")


def _at(path: Path, text: str, position: int, problem: str) -> MotionFileError:
    return MotionFileError(f"{path}: line {text.count(chr(10), 0, position) + 1} {problem}")


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
