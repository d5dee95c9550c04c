"""Files that hold many clips: which there are, and how one is named on a command line.

`all.h5#CLIP` and `all.pkl/CLIP` name the clip CLIP of a file; the second spelling sorts, and
mirrors to a folder of outputs, as if the file were a folder. Three layouts hold many: groups of an
HDF5 file (dm_control), a dict of clips in a pickle (PHC), and the packed library of ProtoMotions.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.hdf5 import HDF5_SUFFIXES, choose_clip, hdf5_clips
from mimiclab.motions.formats.memory import MemoryBudget
from mimiclab.motions.formats.npz import parse_npy
from mimiclab.motions.formats.restricted_pickle import PICKLE_SUFFIXES, load_pickle
from mimiclab.motions.formats.torch_file import TORCH_SUFFIXES, is_torch_archive, load_torch

_MANY = (*HDF5_SUFFIXES, *PICKLE_SUFFIXES, *TORCH_SUFFIXES)
_LIBRARY = {
    "gts": "rigid_body_pos",
    "grs": "rigid_body_rot",
    "gvs": "rigid_body_vel",
    "gavs": "rigid_body_ang_vel",
    "dps": "dof_pos",
    "dvs": "dof_vel",
    "contacts": "rigid_body_contacts",
    "lrs": "local_rigid_body_rot",
}
"""Keys of ProtoMotions' packed library, and of a single clip."""


def split_member(path: str | Path) -> tuple[Path, str]:
    """A file and the clip inside it; the name is empty where none is given."""
    path = Path(path)
    try:
        if path.exists():
            return path, ""
    except OSError:  # a name too long for a file
        return path, ""
    file, sign, clip = str(path).rpartition("#")
    if sign and Path(file).suffix in _MANY:
        return Path(file), clip
    for parent in path.parents:
        if parent.suffix in _MANY and parent.is_file():
            return parent, str(path.relative_to(parent))
    return path, ""


def clip_paths(path: Path) -> list[Path]:
    """A file that holds many clips as `file/CLIP` for each of them; any other file as it is.

    So is a file that cannot be opened: reading it tells why, without stopping a search of many.
    """
    if path.suffix not in _MANY or not path.is_file():
        file, clip = split_member(path)
        return [file / clip] if clip else [path]
    try:
        names = hdf5_clips(path) if path.suffix in HDF5_SUFFIXES else _clips(_data(path))
    except (MotionFileError, OSError):
        return [path]
    if path.suffix in HDF5_SUFFIXES:
        return [path / name for name in names] or [path]
    return [path / name for name in names] if len(names) > 1 else [path]


def read_nested(path: Path, clip: str = "") -> dict:
    """The dict of a pickle or torch file, or of one clip in it.

    Raises:
        MotionFileError: not plain data, damaged, or many clips and none named.
        UnknownNameError: no such clip.
    """
    tree = _data(path)
    names = _clips(tree)
    clip = choose_clip(path, names, clip)
    return _one(path, tree, names.index(clip) if clip else 0) if names else tree


def _data(path: Path) -> dict:
    about = path.stat()
    return _loaded(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1)
def _loaded(path: Path, _changed: int, _size: int) -> dict:
    """The last file stays, because the clips of one file are read one after the other."""
    if path.suffix == ".npy":
        tree = _in_array(path)
    else:
        tree = load_torch(path) if is_torch_archive(path) else load_pickle(path)
    while isinstance(tree, list) and len(tree) == 1:  # tools wrap a single clip in a list
        tree = tree[0]
    if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
        raise MotionFileError(f"{path}: holds a {type(tree).__name__}, expected a dict of arrays")
    return tree


def _in_array(path: Path) -> Any:
    """What a numpy array of objects holds: a single one as it is, several as a list."""
    data = path.read_bytes()
    budget = MemoryBudget(path, len(data))
    found = parse_npy(budget, path.stem, data, allow_objects=True)
    if not isinstance(found, np.ndarray) or found.dtype != object:
        raise MotionFileError(
            f"{path}: an array without names, expected one that holds a dict of arrays; positions "
            "of a person's joints are retargeted: `mimiclab motion retarget`"
        )
    return found.tolist()


def _clips(tree: dict) -> tuple[str, ...]:
    if "gts" in tree and "length_starts" in tree:
        count = np.size(tree["length_starts"])
        files = tree.get("motion_files")
        names = [f"motion_{i:04d}" for i in range(count)]
        if isinstance(files, list) and len(files) == count:
            stems = [Path(str(file)).stem for file in files]
            names = stems if len(set(stems)) == count else names
        return tuple(names)
    if tree and all(isinstance(value, dict) for value in tree.values()):
        return tuple(key.strip("/") for key in tree)
    return ()


def _one(path: Path, tree: dict, index: int) -> dict:
    if "gts" not in tree:
        return list(tree.values())[index]
    try:
        start = int(tree["length_starts"][index])
        stop = start + int(tree["motion_num_frames"][index])
        rate = 1.0 / float(tree["motion_dt"][index])
        if not 0 <= start < stop <= len(tree["gts"]):
            raise ValueError(f"frames {start} to {stop} of {len(tree['gts'])}")
        found = {new: tree[old][start:stop] for old, new in _LIBRARY.items() if old in tree}
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise MotionFileError(
            f"{path}: the packed library is damaged ({type(error).__name__}: {error!s:.80})"
        ) from error
    # Time steps are stored as float32: 0.033333335 means 30 per second.
    whole = round(rate)
    return found | {"fps": float(whole) if abs(rate - whole) < 1e-4 * rate else rate}
