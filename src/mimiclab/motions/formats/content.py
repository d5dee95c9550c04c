"""Opening a motion file whole, without executing anything in it."""

from pathlib import Path

from mimiclab.errors import MotionFileError
from mimiclab.motions.file_head import file_head
from mimiclab.motions.formats.base import Content
from mimiclab.motions.formats.hdf5 import HDF5_SUFFIXES, SIGNATURE, read_hdf5
from mimiclab.motions.formats.members import read_nested, split_member
from mimiclab.motions.formats.npz import read_npz
from mimiclab.motions.formats.restricted_pickle import looks_pickled
from mimiclab.motions.formats.torch_file import TORCH_SUFFIXES, is_torch_archive
from mimiclab.motions.formats.tree import flat_arrays


def open_content(path: str | Path) -> Content:
    """Read a file into memory: arrays of npz, HDF5, pickle or torch, or text; of `all.h5#CLIP`.

    Raises:
        MotionFileError: missing, a folder, empty, truncated, of another kind, with pickled objects
            that are not plain data, or unfolding to more than a file of its size may.
        UnknownNameError: a clip that the file does not hold.
    """
    given, (path, clip) = Path(path), split_member(path)
    head = file_head(path, 8)
    if head == SIGNATURE or path.suffix in HDF5_SUFFIXES:
        arrays, attrs, clip = read_hdf5(path, clip)
        return Content(path=given, arrays=arrays, attrs=attrs, notes={"clip": clip})
    pickled = looks_pickled(path, head) or head.startswith(b"\x93NUMPY")
    if pickled or is_torch_archive(path, head):
        tree = read_nested(path, clip)
        return Content(path=given, arrays=flat_arrays(tree), tree=tree, notes={"clip": clip})
    if head[:2] == b"PK":
        arrays, objects = read_npz(path)
        return Content(path=path, arrays=arrays, object_keys=frozenset(objects))
    if path.suffix == ".npz":
        raise MotionFileError(f"{path}: not an npz archive; it is damaged or misnamed")
    if path.suffix in TORCH_SUFFIXES:
        raise MotionFileError(
            f"{path}: not a torch file, damaged, or older than torch 1.6; save it anew as a dict "
            "of tensors"
        )
    try:
        return Content(path=path, text=path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MotionFileError(f"{path}: neither an npz archive nor a text file") from error
