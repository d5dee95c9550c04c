"""Npz archives read without trusting them, and written.

Numpy reserves what a header claims before it looks whether the file is that long, and zip reads
what a member unfolds to whatever the archive announced; here both are checked first. Arrays of
Python objects, which some tools write for what is missing, go through the restricted unpickler.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.memory import MemoryBudget
from mimiclab.motions.formats.pickled_arrays import content_bytes, is_text
from mimiclab.motions.formats.restricted_pickle import load_stream

_PIECE = 2**18


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays of an npz by key, read-only, and apart from them those that hold Python objects.

    Raises:
        MotionFileError: truncated or damaged, unfolding to more than a file of its size may, or
            with objects that are not plain data.
    """
    arrays: dict[str, np.ndarray] = {}
    objects: dict[str, Any] = {}
    for key, value in _members(path, None, allow_objects=True):
        if key in arrays or key in objects:
            raise MotionFileError(f"{path}: the array {key!r} is there twice")
        into = arrays if isinstance(value, np.ndarray) and value.dtype != object else objects
        into[key] = value
    return arrays, objects


def read_arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of the arrays that are there; nothing else in the archive is touched.

    Raises:
        MotionFileError: as `read_npz`, or one of the keys holds Python objects.
    """
    return dict(_members(path, keys, allow_objects=False))


def npz_keys(path: Path) -> set[str]:
    """Names of the arrays in an npz; none where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def read_npy(path: Path) -> np.ndarray:
    """The array of an npy file.

    Raises:
        MotionFileError: not an npy file, truncated, or holding Python objects.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_npy(MemoryBudget(path, len(data)), path.stem, data, allow_objects=False)


def _members(
    path: Path, keys: tuple[str, ...] | None, *, allow_objects: bool
) -> Iterator[tuple[str, Any]]:
    budget = MemoryBudget(path, path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                key = info.filename.removesuffix(".npy")
                if keys is None or key in keys:
                    data = read_member(archive, info, budget)
                    yield key, parse_npy(budget, key, data, allow_objects=allow_objects)
    except (
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
        NotImplementedError, RuntimeError, KeyError, IndexError, OverflowError,
    ) as error:  # fmt: skip
        raise MotionFileError(
            f"{path}: the npz archive is truncated or damaged ({error}); copy or convert it again"
        ) from error


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: MemoryBudget) -> bytearray:
    """The bytes of a member, which may be no more than it announces and the budget allows.

    Raises:
        MotionFileError: too large for the file.
    """
    if info.file_size > budget.limit:
        budget.spend(info.file_size, f"the member {info.filename!r}")
    data = bytearray()
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            data += piece
    return data


def parse_npy(
    budget: MemoryBudget, key: str, data: bytearray | bytes, *, allow_objects: bool
) -> Any:
    """The array of npy bytes, or what the pickle of an array of objects holds.

    Raises:
        MotionFileError: a header that is none or claims another size than there is, objects that
            are not plain data, too large for the file.
    """
    path, stream = budget.path, io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"npy version {version}")
        first = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # the header is parsed as Python: damage can raise anything
        raise MotionFileError(
            f"{path}: the array {key!r} is truncated or damaged ({str(error)[:80]})"
        ) from error
    start = stream.tell()
    if dtype.hasobject and not allow_objects:
        raise MotionFileError(
            f"{path}: {key!r} holds Python objects; they are refused, store numbers and strings"
        )
    if dtype.hasobject:
        try:
            return load_stream(path, stream, budget)
        except MotionFileError as error:
            raise MotionFileError(f"{error} (in the array {key!r})") from error
    count = math.prod(shape)
    # Numpy makes room for a letter in strings that are said to have none.
    empty = count > 0 and dtype.itemsize == 0
    if empty or min(shape, default=0) < 0 or count * dtype.itemsize != len(data) - start:
        raise MotionFileError(
            f"{path}: the array {key!r} claims {count} elements of {dtype!s:.20} in "
            f"{len(data) - start} bytes; the file is truncated or damaged"
        )
    budget.spend(content_bytes(count, dtype), f"the array {key!r}")
    if not count:
        return np.zeros(shape, dtype)
    array = np.frombuffer(data, dtype, count, start)
    if not is_text(array):
        raise MotionFileError(f"{path}: the strings in {key!r} are damaged; copy the file again")
    array.flags.writeable = False
    return array.reshape(shape, order="F" if fortran else "C")


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays without anything that would have to be unpickled."""
    np.savez(path, allow_pickle=False, **arrays)
