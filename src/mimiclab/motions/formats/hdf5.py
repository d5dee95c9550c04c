"""Opening HDF5 motion files: the arrays and attributes of one clip, out of one clip or of many."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.formats.hdf5_heap import check_strings
from mimiclab.motions.formats.memory import MemoryBudget

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file."""
_MAX_DEPTH = 8
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
            clip = choose_clip(path, _clips(file), clip)
            part = file[clip] if clip else file
            check_strings(path, list(_text_attributes(part, 0)))
            _collect(part, "", arrays, attrs, budget)
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


def choose_clip(path: Path, names: Sequence[str], clip: str) -> str:
    """The clip of a file that holds `names`; empty where it holds one motion without a name.

    Raises:
        MotionFileError: many clips and none named, or one named where there are no names.
        UnknownNameError: no such clip.
    """
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

    for key in map(_text, group.attrs):
        about = group.attrs.get_id(key)
        _admit(about.dtype, about.shape, f"the attribute {key!r}", budget)
        # VideoMimic writes some names with a leading slash.
        attrs[(prefix + key).lstrip("/")] = _plain(np.asarray(group.attrs[key]))
    for key in map(_text, group):
        where = prefix + key
        budget.spend(1024, "so many parts")  # groups that hold each other have no end
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise MotionFileError(f"{budget.path}: {where!r} lies in another place; copy it in")
        item = group[key]
        if isinstance(item, h5py.Group):
            if prefix.count("/") > _MAX_DEPTH:
                raise MotionFileError(f"{budget.path}: groups are nested without end at {where!r}")
            _collect(item, f"{where}/", arrays, attrs, budget)
        elif isinstance(item, h5py.Dataset) and item.shape is not None:
            if item.is_virtual or item.external:
                raise MotionFileError(f"{budget.path}: {where!r} lies in another file; copy it in")
            _admit(item.dtype, item.shape, f"the array {where!r}", budget)
            if item.dtype.kind == "O":
                raise MotionFileError(
                    f"{budget.path}: the strings of {where!r} have any length; store them as an "
                    "attribute, or with a fixed length"
                )
            arrays[where] = np.asarray(_plain(np.asarray(item[()])))


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError(f"a name that is no text: {name!r:.40}")
    return name


def _text_attributes(group: Any, depth: int) -> Iterator[tuple[str, int]]:
    """Names and numbers of the attributes, here and below, that hold strings of any length."""
    import h5py

    for key in map(_text, group.attrs):
        about = group.attrs.get_id(key)
        text = h5py.check_string_dtype(about.dtype)
        if text is not None and text.length is None:
            yield key, math.prod(about.shape or (1,))
    for key in map(_text, group if depth < _MAX_DEPTH else ()):
        if group.get(key, getclass=True, getlink=True) is h5py.HardLink:
            item = group[key]
            if isinstance(item, h5py.Group):
                yield from _text_attributes(item, depth + 1)


def _admit(dtype: Any, shape: Any, what: str, budget: MemoryBudget) -> None:
    """Numbers and strings only: the library crashes on other types whose description is damaged."""
    import h5py

    if dtype.kind not in "fiubS" and h5py.check_string_dtype(dtype) is None:
        raise ValueError(f"{what} holds neither numbers nor strings")
    budget.spend(max(8, dtype.itemsize) * math.prod(shape or ()), what)


def _plain(value: np.ndarray) -> Any:
    """Numbers as they are, strings as `str`; one value as a scalar."""
    if value.dtype.kind in "SO":
        texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value.flat]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"values that are neither numbers nor strings: {value.dtype}")
        value = np.array(texts, dtype=str).reshape(value.shape)
    return value if value.ndim else value[()]
