"""Strings in HDF5 whose references are damaged, at which the library itself hangs or crashes.

The library is never asked to read them: were it, these tests would not end.
"""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.hdf5 import read_hdf5

NAMES = ["left_knee", "right_knee", "waist"]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["joint_names"] = file.attrs["/joint_names"] = NAMES
        file.attrs["title"], file.attrs["empty"] = "walk", ""
        file.create_group("inner").attrs["joint_names"] = [*NAMES, "head"]
        file["joints"] = np.ones((2, 3), np.float32)
    return path


def test_sound_strings_are_read(good: Path) -> None:
    _, attrs, _ = read_hdf5(good)
    assert list(attrs["joint_names"]) == NAMES and (attrs["title"], attrs["empty"]) == ("walk", "")
    assert list(attrs["inner/joint_names"]) == [*NAMES, "head"]


@pytest.mark.parametrize("which", [0, 2])
@pytest.mark.parametrize("name", ["joint_names", "/joint_names", "title"])
@pytest.mark.parametrize("field", ["length", "address", "index"])
def test_a_damaged_reference_is_refused(good: Path, name: str, which: int, field: str) -> None:
    data = bytearray(good.read_bytes())
    heap = data.find(b"GCOL")
    # The first reference after the name: length, address of the heap, index.
    at = data.find(struct.pack("<Q", heap), data.find(b"\0" + name.encode() + b"\0"))
    at += 16 * (which if name != "title" else 0)
    assert data[at : at + 8] == struct.pack("<Q", heap)
    if field == "length":
        data[at - 4 : at] = struct.pack("<I", 0xD0000000)
    elif field == "address":
        data[at : at + 8] = struct.pack("<Q", 2**40)
    else:
        data[at + 8 : at + 12] = struct.pack("<I", 60_000)
    good.write_bytes(bytes(data))
    with pytest.raises(MotionFileError, match=f"strings of {name!r}"):
        read_hdf5(good)


@pytest.mark.parametrize("versions", [("earliest", "v108"), ("latest", "latest")])
def test_attributes_of_every_version_are_found(tmp_path: Path, versions: tuple[str, str]) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=versions) as file:
        for i in range(20):  # so many that newer files keep them in another structure
            file.attrs[f"names_{i}"] = [*NAMES, ""]
    assert list(read_hdf5(path)[1]["names_19"]) == [*NAMES, ""]


@pytest.mark.parametrize("size", [0, 2**40, 2**64 - 8])
def test_a_damaged_heap_is_refused(good: Path, size: int) -> None:
    data = bytearray(good.read_bytes())
    heap = data.find(b"GCOL")
    for offset in (8, 24):  # the collection's size, and its first object's
        damaged = bytearray(data)
        damaged[heap + offset : heap + offset + 8] = struct.pack("<Q", size)
        good.write_bytes(bytes(damaged))
        with pytest.raises(MotionFileError, match="damaged"):
            read_hdf5(good)


def test_strings_of_any_length_in_a_dataset_are_refused(good: Path) -> None:
    with h5py.File(good, "a") as file:
        file["names"] = NAMES
    with pytest.raises(MotionFileError, match="store them as an attribute"):
        read_hdf5(good)


def test_other_types_are_refused(good: Path) -> None:
    with h5py.File(good, "a") as file:
        file.create_dataset("ragged", (2,), h5py.vlen_dtype(np.float32))
    with pytest.raises(MotionFileError, match="neither numbers nor strings"):
        read_hdf5(good)
