"""Pickles and joblib dumps read as data: whatever could run code is refused by name.

What comes out are numbers, strings, lists, dicts, sets and numpy arrays, see `pickle_machine`.
Steps and sizes are counted, so that a small file cannot fill the memory. Joblib's dumps (PHC, ASAP
and PBHC use them) are pickles with the bytes of each array in between, compressed or not.
"""

import bz2
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.memory import CONTENT_FLOOR_BYTES, MemoryBudget
from mimiclab.motions.formats.pickle_machine import ATOMS, DataUnpickler
from mimiclab.motions.formats.pickled_arrays import PickledArray, PickleRefused

PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".p")
"""Suffixes of files that are taken for pickles even if they do not begin like one."""
_MAX_DEPTH = 32
_PIECE = 2**20
_DAMAGE = (
    EOFError, pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, RecursionError, AssertionError, struct.error,
)  # fmt: skip


def _lzma() -> Any:
    return lzma.LZMADecompressor(memlimit=CONTENT_FLOOR_BYTES * 3)  # level 9 needs 65 MiB


_COMPRESSIONS: dict[bytes, Callable[[], Any]] = {
    b"\x78\x01": zlib.decompressobj,
    b"\x78\x5e": zlib.decompressobj,
    b"\x78\x9c": zlib.decompressobj,
    b"\x78\xda": zlib.decompressobj,
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": _lzma,
    b"\x5d\x00\x00": _lzma,
}


def looks_pickled(path: Path, head: bytes) -> bool:
    """Whether a file that begins with these bytes is to be read as a pickle."""
    return head[:1] == b"\x80" or path.suffix in PICKLE_SUFFIXES


def load_pickle(path: Path) -> Any:
    """The plain data of a pickle or joblib dump: dicts, lists, tuples, strings, numpy arrays.

    Raises:
        MotionFileError: the file asks for a class or function, and which; or it is damaged, or
            would unfold to more memory than a file of its size may.
    """
    data = path.read_bytes()
    budget = MemoryBudget(path, len(data))
    return load_stream(path, _decompressed(path, data, budget), budget)


def load_stream(path: Path, stream: io.BytesIO, budget: MemoryBudget) -> Any:
    """As `load_pickle`, from a stream; `path` is for messages."""
    try:
        return _resolved(DataUnpickler(stream, budget).load(), budget, {}, 0)
    except PickleRefused as error:
        raise MotionFileError(
            f"{path}: the pickle holds {error}. Only numbers, strings, lists, dicts and numpy "
            "arrays are read, because anything else could run code; store the file as npz in the "
            "environment that made it"
        ) from None
    except _DAMAGE as error:
        raise MotionFileError(
            f"{path}: the pickle is truncated or damaged ({type(error).__name__}: {error!s:.80}); "
            "copy or convert it again"
        ) from error


def _decompressed(path: Path, data: bytes, budget: MemoryBudget) -> io.BytesIO:
    makers = [make for magic, make in _COMPRESSIONS.items() if data.startswith(magic)]
    if not makers:
        return io.BytesIO(data)
    stream = io.BytesIO()
    try:
        machine, waiting = makers[0](), data
        while not machine.eof:
            piece = machine.decompress(waiting, _PIECE)
            # What zlib has not taken yet must be given again; the others keep it.
            waiting = getattr(machine, "unconsumed_tail", b"")
            if not piece and not machine.eof and not waiting:
                raise EOFError("it is cut off")
            if stream.tell() + len(piece) > budget.limit:
                budget.spend(stream.tell() + len(piece), "decompressing it")
            stream.write(piece)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise MotionFileError(
            f"{path}: the compressed pickle is damaged ({error}); copy it again"
        ) from error
    stream.seek(0)
    return stream


def _resolved(value: Any, budget: MemoryBudget, seen: dict[int, Any], depth: int) -> Any:
    """The data with arrays in the place of their descriptions; each container is visited once."""
    if isinstance(value, (*ATOMS, np.ndarray, np.generic, set, frozenset)):
        return value
    if id(value) in seen:
        if seen[id(value)] is seen:
            raise PickleRefused("a list or dict that contains itself")
        return seen[id(value)]
    if depth > _MAX_DEPTH:
        raise PickleRefused(f"lists or dicts nested more than {_MAX_DEPTH} deep")
    seen[id(value)] = seen
    inner = depth + 1
    if isinstance(value, PickledArray) and isinstance(value.value, list):
        found = np.empty(len(value.value), dtype=object)
        found[:] = [_resolved(item, budget, seen, inner) for item in value.value]
        found = found.reshape(value.shape)
    elif isinstance(value, PickledArray) and value.value is not None:
        found = value.value
    elif isinstance(value, dict):
        found = {key: _resolved(item, budget, seen, inner) for key, item in value.items()}
    elif isinstance(value, list | tuple):
        items = [_resolved(item, budget, seen, inner) for item in value]
        found = items if isinstance(value, list) else tuple(items)
    else:
        raise PickleRefused(f"{type(value).__name__}, which is no data")
    seen[id(value)] = found
    return found
