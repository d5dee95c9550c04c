"""Opening HDF5 motion files: the arrays and attributes of one clip, out of one clip or of many."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.formats.memory import MemoryBudget

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file."""
HDF5_SUFFIXES = (".h5", ".hdf5")


def hdf5_clips(path: Path) -> list[str]:
    """Names of the clips in a file that holds them as groups; none where the file is one clip.

    Raises:
        MotionFileError: the file cannot be opened.
    """
    with _open(path) as file:
        return _clips(file)


def read_hdf5(path: Path, clip: str = "") -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Datasets and attributes of a file, or of one clip in it, by their paths; the clip's name.

    Strings become `str`. Attributes are keyed `group/name`, those of the clip itself `name`. The
    name is empty where the file is the clip.

    Raises:
        MotionFileError: damaged, many clips and none named, or parts in other files.
        UnknownNameError: no such clip.
    """
    budget = MemoryBudget(path, path.stat().st_size)
    arrays: dict[str, np.ndarray] = {}
    attrs: dict[str, Any] = {}
    with _open(path) as file:
        try:
            clip = _named(path, _clips(file), clip)
            _collect(file[clip] if clip else file, "", arrays, attrs, budget)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError) as error:
            raise MotionFileError(
                f"{path}: the HDF5 file is truncated or damaged ({error}); copy or convert it again"
            ) from error
    return arrays, attrs, clip


def _open(path: Path) -> "h5py.File":
    import h5py

    try:
        return h5py.File(path, "r")
    except (OSError, ValueError, RuntimeError) as error:
        raise MotionFileError(
            f"{path}: not an HDF5 file, or truncated ({error}); copy or download it again"
        ) from error


def _clips(file: "h5py.File") -> list[str]:
    """Names of the clips in dm_control's layout: groups that hold `walkers`, and nothing else."""
    import h5py

    try:
        names = sorted(file)
        groups = all(file.get(name, getclass=True) is h5py.Group for name in names[:1])
        return names if names and groups and "walkers" in file[names[0]] else []  # pyright: ignore
    except (OSError, KeyError, ValueError, TypeError, RuntimeError):
        return []  # reading tells what is wrong


def _named(path: Path, names: list[str], clip: str) -> str:
    if not clip and len(names) > 1:
        raise MotionFileError(
            f"{path}: holds {len(names)} clips ({', '.join(names[:3])}, ...), expected one; name "
            f"it: {path}#{names[0]}"
        )
    if clip and not names:
        raise MotionFileError(f"{path}: holds one motion without a name; leave out #{clip}")
    if clip and clip not in names:
        raise UnknownNameError(f"clip of {path}", clip, names)
    return clip or "".join(names)


def _collect(group: Any, prefix: str, arrays: dict, attrs: dict, budget: MemoryBudget) -> None:
    import h5py

    for key, value in group.attrs.items():
        # VideoMimic writes some names with a leading slash.
        attrs[(prefix + key).lstrip("/")] = _plain(np.asarray(value))
    for key in group:
        where = prefix + key
        budget.spend(1024, "so many parts")  # groups that hold each other have no end
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise MotionFileError(f"{budget.path}: {where!r} lies in another place; copy it in")
        item = group[key]
        if isinstance(item, h5py.Group):
            if prefix.count("/") > 8:
                raise MotionFileError(f"{budget.path}: groups are nested without end at {where!r}")
            _collect(item, f"{where}/", arrays, attrs, budget)
        elif isinstance(item, h5py.Dataset) and item.shape is not None:
            if item.is_virtual or item.external:
                raise MotionFileError(f"{budget.path}: {where!r} lies in another file; copy it in")
            bytes_each = max(8, item.dtype.itemsize)
            budget.spend(bytes_each * math.prod(item.shape), f"the array {where!r}")
            arrays[where] = np.asarray(_plain(np.asarray(item[()])))


def _plain(value: np.ndarray) -> Any:
    """Numbers as they are, strings as `str`; one value as a scalar."""
    if value.dtype.kind in "SO":
        texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value.flat]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"values that are neither numbers nor strings: {value.dtype}")
        value = np.array(texts, dtype=str).reshape(value.shape)
    return value if value.ndim else value[()]
