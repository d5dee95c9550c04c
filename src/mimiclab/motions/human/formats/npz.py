"""Chosen arrays of an npz, or an npy: only what is wanted is read, and only as large as it says.

Body models and AMASS files hold Python objects beside their numbers; those are never touched.
"""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError

_LIMIT_BYTES = 64 * 2**20
"""Content that a file may have however small it is."""
_FACTOR = 4
"""Content that a larger file may have, as a multiple of its size."""


def npz_keys(path: Path) -> set[str]:
    """Names of the arrays in an npz; none where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def read_arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of the arrays that are there.

    Raises:
        MotionFileError: not an archive, damaged, holding Python objects under one of the keys, or
            unfolding to far more than the file's size.
    """
    try:
        left = max(_LIMIT_BYTES, _FACTOR * path.stat().st_size)
        found = {}
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            for key in keys:
                if key in members:
                    left -= members[key].file_size
                    if left < 0:
                        raise MotionFileError(
                            f"{path}: {key!r} would unfold to {members[key].file_size} bytes, far "
                            f"more than the file's {path.stat().st_size}; no motion does. Store "
                            "it uncompressed if it is real"
                        )
                    with archive.open(members[key]) as member:
                        # A member longer than announced is not read beyond that.
                        found[key] = _parse(path, key, member.read(members[key].file_size))
        return found
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise MotionFileError(
            f"{path}: the npz archive is truncated or damaged ({error}); copy or convert it again"
        ) from error
    except RuntimeError as error:  # an encrypted member
        raise MotionFileError(f"{path}: the npz archive cannot be read ({error})") from error


def read_npy(path: Path) -> np.ndarray:
    """The array of an npy file.

    Raises:
        MotionFileError: not an npy file, truncated, or holding Python objects.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    return _parse(path, path.stem, data)


def _parse(path: Path, key: str, data: bytes) -> np.ndarray:
    """The array of npy bytes, without trusting the size that its header claims."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # the header is parsed as Python: any error may come of damage
        raise MotionFileError(
            f"{path}: {key!r} is not a numpy array ({str(error)[:80]}); copy or convert it again"
        ) from error
    if dtype.hasobject:
        raise MotionFileError(
            f"{path}: {key!r} holds Python objects; they are refused because unpickling one can "
            "run any code. Store numbers and strings only"
        )
    count, start = 1, stream.tell()
    for size in shape:
        count *= size
    if count * dtype.itemsize != len(data) - start or min(shape, default=0) < 0:
        raise MotionFileError(
            f"{path}: {key!r} claims {count} elements of {dtype} in {len(data) - start} bytes; the "
            "file is truncated or damaged"
        )
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    array = np.frombuffer(data, dtype, offset=start)
    return array.reshape(shape, order="F" if fortran else "C")
