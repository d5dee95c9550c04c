"""Rows of a motion library read from its shards as they are asked for: bounded memory.

Each row is one positioned read, so the process holds the answer and nothing else: no page of a
shard is ever mapped into it, and its memory does not depend on the size of the library. What was
read lately stays in the system's file cache, which the system takes back when memory is needed.
Pages of a memory map count as memory of the process, and systems map up to megabytes around each
page that is touched: a few thousand random rows would map a whole library.
"""

import os
import time
import weakref
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from mimiclab.errors import MotionFileError
from mimiclab.motions.library.frame import RowLayout
from mimiclab.motions.library.half import from_half, half_width
from mimiclab.motions.library.table import blended
from mimiclab.motions.packed.shards import Shard

_PIECE = 1 << 15
"""Rows read at once when many are, 30 MB of the G1."""
_PROBE = 256
"""Reads that are timed to learn whether the disk is involved."""
_SLOW_S = 3e-6
"""A longer mean read means that it is: a cached one takes 1 to 2 us, one from a disk 50 or more."""


class ShardedTable:
    """Rows in one or several files, decoded from half precision where they are stored so."""

    def __init__(
        self,
        path: Path,
        shards: Sequence[Shard],
        layout: RowLayout,
        device: str | torch.device = "cpu",
    ) -> None:
        """Open the files for reading; results go to `device`. `path` is what the user knows.

        Raises:
            MotionFileError: a file cannot be opened, or its rows do not fit the layout.
        """
        for shard in shards:
            columns = layout.width if shard.dtype == "F32" else half_width(layout)
            if shard.columns != columns or shard.dtype != shards[0].dtype:
                raise MotionFileError(
                    f"motion library {shard.path}: rows of {shard.columns} {shard.dtype} numbers, "
                    f"its index describes {columns}; the file is damaged, write it again"
                )
        self.path = path.absolute()
        self.shards = tuple(shards)
        self.layout = layout
        self.half = shards[0].dtype == "I16"
        self.device = torch.device(device)
        self._row_bytes = shards[0].row_bytes
        self._ends = np.cumsum([shard.rows for shard in shards])
        # Byte of row 0 of the library, as if each file went on before its first row.
        starts = self._ends - [shard.rows for shard in shards]
        self._origins = [shard.offset for shard in shards] - starts * self._row_bytes
        self._files = _open(self.shards)
        weakref.finalize(self, _close, self._files.tolist())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and their float32 width."""
        return int(self._ends[-1]), self.layout.width

    def to(self, device: str | torch.device) -> "ShardedTable":
        """The same files with results on another device."""
        return ShardedTable(self.path, self.shards, self.layout, device)

    def nearest(self, rows: torch.Tensor) -> torch.Tensor:
        """Single rows."""
        return self._read(rows.cpu().numpy(), None)

    def between(self, rows: torch.Tensor, blend: torch.Tensor) -> torch.Tensor:
        """Two rows each, one read where they are two, weighted."""
        counts = 1 + (blend > 0).long()
        table = self._read(rows.cpu().numpy(), counts.cpu().numpy())
        at = counts.cumsum(0) - counts
        return blended(table, at, at + counts - 1, blend)

    def span(self, first: int, count: int) -> torch.Tensor:
        """Rows one after the other; a copy."""
        parts = []
        while count > 0:
            shard = int(np.searchsorted(self._ends, first, side="right"))
            now = min(count, int(self._ends[shard]) - first)
            parts.append(self._read(np.array([first]), np.array([now])))
            first, count = first + now, count - now
        return torch.cat(parts)

    def spans(
        self, first: np.ndarray, counts: np.ndarray, device: str | torch.device
    ) -> torch.Tensor:
        """Several spans one after the other, decoded piece by piece to the memory of a device."""
        if (first[1:] == first[:-1] + counts[:-1]).all():  # one span, however many clips
            first, counts = first[:1], counts.sum(keepdims=True)
        rows = torch.empty(int(counts.sum()), self.layout.width, device=device)
        done = 0
        for begin, count in zip(first.tolist(), counts.tolist(), strict=True):
            for start in range(begin, begin + count, _PIECE):
                now = min(_PIECE, begin + count - start)
                rows[done : done + now] = self.span(start, now)
                done += now
        return rows

    def _read(self, rows: np.ndarray, counts: np.ndarray | None) -> torch.Tensor:
        """`counts` rows (1 if None) from each of `rows` on, in one table on the device."""
        shard = np.searchsorted(self._ends, rows, side="right")
        files = self._files[shard].tolist()
        places = (self._origins[shard] + rows * self._row_bytes).tolist()
        if counts is None:
            lengths = [self._row_bytes] * len(rows)
        else:
            lengths = (counts * self._row_bytes).tolist()
        data = _read_all(files, lengths, places)
        if len(data) != sum(lengths):
            raise MotionFileError(
                f"motion library {self.path}: a file became shorter while it was read; "
                "do not change libraries in use, copy it again"
            )
        kind = torch.int16 if self.half else torch.float32
        if not data:
            return torch.empty(0, self.layout.width, device=self.device)
        table = torch.frombuffer(data, dtype=kind).view(-1, self.shards[0].columns)
        if self.device.type == "cuda":
            table = table.pin_memory().to(self.device, non_blocking=True)
        return from_half(table, self.layout) if self.half else table


def _read_all(files: list[int], lengths: list[int], places: list[int]) -> bytearray:
    """The bytes of all reads, one after the other.

    If the first reads show that the disk is asked, the system is told of all others before they
    are made, and fetches them side by side instead of one after the other: up to 8 times as fast.
    """
    if len(files) <= 2 * _PROBE:
        return bytearray().join(map(os.pread, files, lengths, places))
    began = time.perf_counter()
    head = [*map(os.pread, files[:_PROBE], lengths, places)]
    if time.perf_counter() - began > _PROBE * _SLOW_S and hasattr(os, "posix_fadvise"):
        wanted = repeat(os.POSIX_FADV_WILLNEED)
        for _ in map(os.posix_fadvise, files[_PROBE:], places[_PROBE:], lengths[_PROBE:], wanted):
            pass
    rest = map(os.pread, files[_PROBE:], lengths[_PROBE:], places[_PROBE:])
    return bytearray().join([*head, *rest])


def _open(shards: Sequence[Shard]) -> np.ndarray:
    files: list[int] = []
    try:
        for shard in shards:
            files.append(os.open(shard.path, os.O_RDONLY))
    except OSError as error:
        _close(files)
        raise MotionFileError(
            f"motion library {shards[len(files)].path}: {error.strerror}; check the file, or, with "
            f"{len(shards)} shards, pack with a larger --shard-size"
        ) from error
    return np.array(files)


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)
