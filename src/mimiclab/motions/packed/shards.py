"""Files of a motion library: one safetensors file, or a folder of them with an index; no torch.

A file holds the rows of its clips as the tensor `frames` (float32, or int16 words in half
precision), and in its metadata the index as JSON and the content hash. In a folder each shard is
such a file, a library of its own; `index.safetensors` holds the index of all clips as arrays and
the content hash of each shard, and is written last: a folder without it was not finished.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.files import atomic_path
from mimiclab.motions.clip import DEFAULT_GROUP
from mimiclab.motions.packed.index import ClipIndex

SCHEMA = 2
"""Of files; 1 knew only float32."""
FOLDER_SCHEMA = 1
INDEX_FILE = "index.safetensors"
SUFFIX = ".safetensors"
_LONGEST_HEADER = 100 << 20
_DTYPES = {
    name: np.dtype(kind)
    for name, kind in (
        ("F64", np.float64), ("F32", np.float32), ("I64", np.int64), ("I32", np.int32),
        ("I16", np.int16), ("U8", np.uint8),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Shard:
    """A file of rows, with what its header says."""

    path: Path
    rows: int
    columns: int
    dtype: str
    """`F32`, or `I16` in half precision."""
    offset: int
    """Byte of the first row."""
    metadata: dict[str, str]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.columns * _DTYPES[self.dtype].itemsize

    @property
    def content_hash(self) -> str:
        """Content hash of the clips in it."""
        return self.metadata["content_hash"]

    def index(self) -> ClipIndex:
        """The clips in it.

        Raises:
            MotionFileError: the index is damaged.
        """
        try:
            found = json.loads(self.metadata["index"])
            names = (found["joint_names"], found["body_names"])
            groups = found.get("group_names", ())
            return ClipIndex.of(found["robot"], *names, found["clips"], groups)
        except (KeyError, TypeError, ValueError) as error:
            raise MotionFileError(
                f"motion library {self.path}: its index is damaged ({error!r}); write it again"
            ) from error


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard_{number:05d}{SUFFIX}"


def is_library(path: Path) -> bool:
    """Whether this is a packed library, also one that was not finished: by its name only."""
    if path.is_dir():
        return (path / INDEX_FILE).exists() or (path / shard_name(0)).exists()
    return path.suffix == SUFFIX


def read_shard(path: Path) -> Shard:
    """Header of a library file; the rows are not read, but must all be there.

    Raises:
        MotionFileError: missing, truncated, of another kind, or of a newer schema.
    """
    header, metadata, start = _read_header(path)
    if "mimiclab_motion_library" not in metadata:
        raise MotionFileError(
            f"{path} is a safetensors file but not a motion library; "
            "make one with `mimiclab motion pack` or MotionLibrary.save"
        )
    schema = metadata["mimiclab_motion_library"]
    if not schema.isdigit() or int(schema) > SCHEMA:
        raise MotionFileError(
            f"{path} has motion library schema {schema}, this version reads up to {SCHEMA}; "
            "update mimiclab"
        )
    try:
        frames = header["frames"]
        rows, columns = frames["shape"]
        begin, end = frames["data_offsets"]
        shard = Shard(path, rows, columns, frames["dtype"], start + begin, metadata)
        expected = rows * shard.row_bytes
        assert shard.content_hash and metadata["index"]
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise MotionFileError(
            f"motion library {path}: its header is damaged ({error!r}); write it again"
        ) from error
    if end - begin != expected:
        raise MotionFileError(
            f"motion library {path}: its header says {end - begin} bytes for {rows} rows of "
            f"{shard.row_bytes}; the file is damaged, write it again"
        )
    there = path.stat().st_size
    if there != start + end:
        raise MotionFileError(
            f"motion library {path} cannot be read: it has {there} bytes, its header describes "
            f"{start + end}; it was cut off or changed, copy or write it again"
        )
    return shard


def read_folder(folder: Path) -> tuple[ClipIndex, list[Shard], str]:
    """Index, shards and content hash of a library folder; rows are not read.

    Raises:
        MotionFileError: not finished, a shard missing or of another library, damaged, or newer.
    """
    path = folder / INDEX_FILE
    if not path.is_file():
        raise MotionFileError(
            f"{folder} holds shards of a motion library but no {INDEX_FILE}: packing did not "
            "finish; run the same `mimiclab motion pack` again to go on"
        )
    settings, arrays = _read_index(path)
    try:
        index = ClipIndex.from_arrays(
            settings["robot"], settings["joint_names"], settings["body_names"], arrays
        )
        listed = [(int(rows), str(content)) for rows, content in settings["shards"]]
        content_hash = str(settings["content_hash"])
    except (KeyError, TypeError, ValueError, MotionFileError) as error:
        raise MotionFileError(f"{path} is damaged ({error}); pack the library again") from error
    shards = []
    for number, (rows, content) in enumerate(listed):
        file = folder / shard_name(number)
        if not file.is_file():
            raise MotionFileError(
                f"{file} is missing: the index of this library lists {len(listed)} shards; "
                "copy the folder again, whole"
            )
        shard = read_shard(file)
        if (shard.rows, shard.content_hash) != (rows, content):
            raise MotionFileError(
                f"{file} is not the shard that the index describes: its content hash is "
                f"{shard.content_hash[:12]}..., expected {content[:12]}...; it belongs to another "
                "library or was packed anew, copy the folder again, whole"
            )
        shards.append(shard)
    if index.rows != sum(rows for rows, _ in listed):
        raise MotionFileError(f"{path} is damaged (clips and shards differ); pack it again")
    return index, shards, content_hash


def write_shard(
    path: Path,
    rows: np.ndarray,
    index: ClipIndex,
    content_hash: str,
    entries: list[dict[str, Any]] | None = None,
) -> None:
    """Write rows, float32 or int16 in half precision, as one file.

    `entries` are those of the index, perhaps with more in them.

    Raises:
        OutputError: it cannot be written.
    """
    half = rows.dtype == np.int16
    described = {
        "robot": index.robot,
        "joint_names": index.joint_names,
        "body_names": index.body_names,
        "clips": index.entries() if entries is None else entries,
    }
    if index.group_names != (DEFAULT_GROUP,):
        described["group_names"] = index.group_names
    metadata = {
        # Older versions read full precision.
        "mimiclab_motion_library": "2" if half else "1",
        "index": json.dumps(described),
        "content_hash": content_hash,
    }
    _save(path, {"frames": rows}, metadata)


def write_index(
    folder: Path, index: ClipIndex, shards: list[tuple[int, str]], content_hash: str
) -> None:
    """Write the index of a folder whose shards, as rows and content hash, are complete.

    Raises:
        OutputError: it cannot be written.
    """
    settings = {
        "robot": index.robot,
        "joint_names": index.joint_names,
        "body_names": index.body_names,
        "shards": shards,
        "content_hash": content_hash,
    }
    metadata = {
        "mimiclab_motion_folder": str(FOLDER_SCHEMA),
        "settings": json.dumps(settings),
    }
    _save(folder / INDEX_FILE, index.to_arrays(), metadata)


def _save(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write a safetensors file; equal content gives equal bytes, and nothing is copied."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_header(arrays, metadata))
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).data)


def _header(arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        kind = next(key for key, dtype in _DTYPES.items() if dtype == array.dtype)
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that rows are aligned
    return struct.pack("<Q", len(text)) + text


def _read_index(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            schema = metadata.get("mimiclab_motion_folder", "")
            if not schema.isdigit():
                raise MotionFileError(
                    f"{path} is a safetensors file but not the index of a motion library; "
                    "pack the library again"
                )
            if int(schema) > FOLDER_SCHEMA:
                raise MotionFileError(
                    f"{path} has schema {schema}, this version reads up to {FOLDER_SCHEMA}; "
                    "update mimiclab"
                )
            settings = json.loads(metadata["settings"])
            return settings, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise MotionFileError(
            f"{path} cannot be read ({error}); copy or pack the library again"
        ) from error


def _read_header(path: Path) -> tuple[dict[str, Any], dict[str, str], int]:
    """Tensors and metadata of a safetensors file, and the byte where tensors begin."""
    if not path.is_file():
        raise MotionFileError(f"motion library {path} does not exist; check the path")
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_LONGEST_HEADER, path.stat().st_size):
                raise ValueError(f"its header claims {length} bytes")
            header = json.loads(file.read(length))
        metadata = header.get("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ValueError("its metadata are no object")
        return header, metadata, 8 + length
    except (AttributeError, OSError, struct.error, ValueError) as error:
        raise MotionFileError(
            f"motion library {path} cannot be read ({error}); copy or write it again"
        ) from error
