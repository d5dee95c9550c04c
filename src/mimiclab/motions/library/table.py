"""The rows of a motion library: all in memory here, or read as needed (`streaming.py`)."""

import hashlib
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open

from mimiclab.errors import MotionFileError


class FrameTable(Protocol):
    """Float32 rows of all clips."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and their width."""
        ...

    @property
    def device(self) -> torch.device:
        """Where results are."""
        ...

    def nearest(self, rows: torch.Tensor) -> torch.Tensor:
        """Single rows: (N,) long to (N, width)."""
        ...

    def between(self, rows: torch.Tensor, blend: torch.Tensor) -> torch.Tensor:
        """`(1 - blend) * row + blend * next row`; the next is not touched where `blend` is 0.

        Shapes (N,) long and (N,) to (N, width).
        """
        ...

    def span(self, first: int, count: int) -> torch.Tensor:
        """Rows one after the other, (count, width); views where the table is in memory."""
        ...


class ResidentTable:
    """All rows in one tensor, on the CPU (perhaps memory-mapped) or a GPU."""

    def __init__(self, rows: torch.Tensor) -> None:
        """Wrap float32 `rows`, (rows, width)."""
        self.rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and their width."""
        return self.rows.shape[0], self.rows.shape[1]

    @property
    def device(self) -> torch.device:
        """Device of the tensor."""
        return self.rows.device

    def nearest(self, rows: torch.Tensor) -> torch.Tensor:
        """Single rows."""
        return self.rows.index_select(0, rows)

    def between(self, rows: torch.Tensor, blend: torch.Tensor) -> torch.Tensor:
        """Two rows each, weighted."""
        return blended(self.rows, rows, rows + (blend > 0).long(), blend)

    def span(self, first: int, count: int) -> torch.Tensor:
        """A view."""
        return self.rows[first : first + count]


def mapped_rows(path: Path) -> torch.Tensor:
    """The rows of a library in one file, read from the disk page by page as they are used.

    Raises:
        MotionFileError: a damaged file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return file.get_tensor("frames")
    except (SafetensorError, OSError) as error:
        raise MotionFileError(
            f"motion library {path} cannot be read ({error}); write it again"
        ) from error


def row_digest(rows: torch.Tensor) -> bytes:
    """SHA-256 of float32 rows."""
    return hashlib.sha256(rows.cpu().contiguous().numpy().data).digest()


def blended(
    table: torch.Tensor, first: torch.Tensor, second: torch.Tensor, blend: torch.Tensor
) -> torch.Tensor:
    """`(1 - blend) * table[first] + blend * table[second]` in one fused pass. (N,) to (N, W)."""
    weight = blend.to(table.dtype)
    return torch.nn.functional.embedding_bag(
        torch.stack([first, second], dim=1),
        table,
        mode="sum",
        per_sample_weights=torch.stack([1.0 - weight, weight], dim=1),
    )
