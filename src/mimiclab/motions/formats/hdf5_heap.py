"""Damage that HDF5's own library does not survive: strings of any length, which lie in heaps.

A list of names in an attribute is a row of references: length, address of a heap collection, index
in it. The library reserves and copies as many bytes as the length says, and walks the collection by
sizes in the file; if one of these is damaged it never ends, fills the memory or crashes. So
collections and references are checked here first. Layout: HDF5 File Format Specification, III.E
and IV.A.2.m.
"""

import math
import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mimiclab.errors import MotionFileError

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
"""Signature, version 1 and three reserved bytes; the collection's size follows."""
_HEAD = 16
"""Bytes before the objects, and before the data of each object."""
_REFERENCE = struct.Struct("<IQI")
_NOWHERE = (0, 2**64 - 1)


def check_strings(path: Path, attributes: list[tuple[str, int]]) -> None:
    """Raise if strings of any length in these attributes, (name, number of strings), are damaged.

    Raises:
        MotionFileError: the file is damaged.
    """
    if not attributes:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        heaps = _collections(path, data)
        for (name, count), needed in Counter(attributes).items():
            if sum(_sound_lists(data, name.encode() + b"\0", count, heaps)) < needed:
                raise MotionFileError(
                    f"{path}: the HDF5 file is damaged (the strings of {name!r}); copy or download "
                    "it again"
                )


def _sound_lists(
    data: mmap.mmap, name: bytes, count: int, heaps: dict[int, dict[int, int]]
) -> Iterator[bool]:
    """For each attribute of this name, whether as many sound references are its value."""
    at = data.find(name)
    while at >= 0:
        for start, number in _values(data, at, len(name)):
            if number == count:
                yield _are_sound(data, start, count, heaps)
        at = data.find(name, at + len(name))


def _values(data: mmap.mmap, at: int, size: int) -> Iterator[tuple[int, int]]:
    """Where the value of an attribute begins whose name stands at `at`, and how many it has.

    An attribute's message (section IV.A.2.m) is its version, flags, the sizes of name, type and
    shape, from version 3 on the name's coding; and then name, type, shape and value. Version 1
    fills each part up to a multiple of 8. A shape is version, rank and, in version 1 at byte 8, in
    version 2 at byte 4, as many sizes.
    """
    for head, versions in ((8, (1, 2)), (9, (3,))):
        if at < head or data[at - head] not in versions:
            continue
        sizes = struct.unpack_from("<HHH", data, at - head + 2)
        if sizes[0] != size:
            continue
        parts = [(p + 7) // 8 * 8 if data[at - head] == 1 else p for p in sizes]
        shape, start = at + parts[0] + parts[1], at + sum(parts)
        if start <= len(data) and sizes[2] >= 4:
            first = shape + (8 if data[shape] == 1 else 4)
            rank = data[shape + 1]
            if first + 8 * rank <= start:
                yield start, math.prod(struct.unpack_from(f"<{rank}Q", data, first))


def _collections(path: Path, data: mmap.mmap) -> dict[int, dict[int, int]]:
    """Bytes of every object by the address of its collection and its index."""
    found, at = {}, data.find(_SIGNATURE)
    while at >= 0:
        sizes = _object_sizes(data, at) if at % 8 == 0 else {}
        if sizes is None:
            raise MotionFileError(
                f"{path}: the HDF5 file is damaged (a heap of strings at byte {at}); copy or "
                "download it again"
            )
        found[at] = sizes
        at = data.find(_SIGNATURE, at + 8)
    return found


def _object_sizes(data: mmap.mmap, start: int) -> dict[int, int] | None:
    """Bytes of each object of a collection by its index; None where they lead out of it."""
    if start + _HEAD > len(data):
        return None
    (size,) = struct.unpack_from("<Q", data, start + 8)
    end, at = start + size, start + _HEAD
    if size < _HEAD or end > len(data):
        return None
    sizes = {}
    while at + _HEAD <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        if index == 0:  # the rest is free, and its size counts its head
            return sizes if at + length == end else None
        sizes[index] = length
        at += _HEAD + (length + 7) // 8 * 8
    return sizes if at <= end else None


def _are_sound(data: mmap.mmap, start: int, count: int, heaps: dict[int, dict[int, int]]) -> bool:
    """Whether so many references begin here, each to an object at least as long as it says."""
    if start + count * _REFERENCE.size > len(data):
        return False
    for i in range(count):
        length, address, index = _REFERENCE.unpack_from(data, start + i * _REFERENCE.size)
        is_empty = length == 0 and address in _NOWHERE
        if not is_empty and length > heaps.get(address, {}).get(index, -1):
            return False
    return True
