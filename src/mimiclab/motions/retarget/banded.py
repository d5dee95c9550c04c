"""Symmetric block-banded systems over time: frames couple to the next two, solved by LAPACK."""

import numpy as np
from scipy.linalg import get_blas_funcs

from mimiclab.errors import MotionError
from mimiclab.motions.retarget.lapack import solve_banded


class BandedSystem:
    """A x = b with blocks of n coordinates for each of T frames.

    Coordinates of one frame couple freely, those of neighbours freely, those two frames apart only
    where they are equal or both are within the first six (the root).
    """

    def __init__(self, frames: int, size: int, dtype: type = np.float64) -> None:
        self.frames, self.size = frames, size
        self.width = 2 * size + 2
        # store[t, j, d] is the entry of row (t, j) + d and column (t, j)
        self.store = np.zeros((frames, size, self.width + 1), dtype)

    def add_blocks(self, blocks: np.ndarray, first: int = 0) -> None:
        """Within frames, symmetric, for the coordinates from `first` on: (T, m, m).

        Only the lower triangles are read.
        """
        count = blocks.shape[1]
        for j in range(count):
            self.store[:, first + j, : count - j] += blocks[:, j:, j]

    def add_diagonal(self, apart: int, values: np.ndarray) -> None:
        """Equal coordinates of frames t and t + apart: (T - apart, n)."""
        self.store[: self.frames - apart, :, apart * self.size] += values

    def add_couplings(
        self, apart: int, rows: np.ndarray, columns: np.ndarray, blocks: np.ndarray
    ) -> None:
        """Coordinates `rows` of frame t + apart with `columns` of t: (T - apart, R, C)."""
        for c, j in enumerate(columns):
            at = apart * self.size - j + rows
            self.store[: self.frames - apart, j, at] += blocks[:, :, c]

    def precise(self) -> "BandedSystem":
        """The same system in double precision."""
        system = BandedSystem(0, self.size)
        system.frames, system.store = self.frames, self.store.astype(np.float64)
        return system

    def solve(self, right: np.ndarray, known: np.ndarray, damping: np.ndarray) -> np.ndarray:
        """Solution x (T, n) for b (T, n), some of x being given; A stays as it is.

        Args:
            right: b.
            known: values of x that are given (T, n), NaN where it is asked for.
            damping: added to the diagonal of A in every frame (T,).

        Raises:
            MotionError: A is not positive definite, which finite residuals cannot cause.
        """
        flat = self.store.copy()
        flat[:, :, 0] += damping[:, None]
        flat = flat.reshape(-1, self.width + 1)
        asked = np.isnan(known).ravel()
        given = np.where(asked, 0.0, known.ravel()).astype(flat.dtype)
        x = right.ravel().astype(flat.dtype)
        if given.any():
            (multiply,) = get_blas_funcs(("sbmv",), (flat,))
            x -= multiply(self.width, 1.0, flat.T, given, lower=1)
        x = np.where(asked, x, given)
        fixed = np.flatnonzero(~asked)
        if fixed.size:
            above = fixed[:, None] - np.arange(1, self.width + 1)
            offset = np.broadcast_to(np.arange(1, self.width + 1), above.shape)
            inside = above >= 0
            flat[above[inside], offset[inside]] = 0.0
            flat[fixed] = 0.0
            flat[fixed, 0] = 1.0
        failed = solve_banded(flat, x)
        if failed and flat.dtype != np.float64:
            return self.precise().solve(right.reshape(known.shape), known, damping)
        if failed:
            raise MotionError(f"retargeting failed: the equations lose rank at row {failed}")
        return x.reshape(known.shape).astype(np.float64)
