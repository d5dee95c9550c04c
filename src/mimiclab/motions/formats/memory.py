"""How much a motion file may unfold to in memory: files are read whole, so a bomb must be refused.

The numbers of a file are counted as float64, whatever they are stored as, because that is what
readers turn them into. Reading takes about twice that in all, so that the peak stays below ten
times the file's size, or below `PEAK_FLOOR_BYTES` for small files.
"""

from pathlib import Path

from mimiclab.errors import MotionFileError

CONTENT_FLOOR_BYTES = 32 * 2**20
"""Content that any file may have, however small: four million numbers."""
CONTENT_FACTOR = 4
"""Content that a larger file may have, as a multiple of its size."""
PEAK_FLOOR_BYTES = 4 * CONTENT_FLOOR_BYTES
"""Memory that reading a small file may take at its peak."""


class MemoryBudget:
    """What one file may still unfold to."""

    def __init__(self, path: Path, file_bytes: int) -> None:
        self.path = path
        self.limit = max(CONTENT_FLOOR_BYTES, CONTENT_FACTOR * file_bytes)
        self.left = self.limit
        self.file_bytes = file_bytes

    def spend(self, count: int, what: str) -> None:
        """Take `count` bytes from the budget before they are allocated.

        Raises:
            MotionFileError: the file would unfold to more than its limit.
        """
        self.left -= count
        if count < 0 or self.left < 0:
            raise MotionFileError(
                f"{self.path}: with {what} the file's {self.file_bytes} bytes would unfold to more "
                f"than {self.limit // 2**20} MiB of numbers, which no motion of this size holds; "
                "it is damaged or made to exhaust memory. If it is neither, store it uncompressed "
                "as float32"
            )
