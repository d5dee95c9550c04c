"""Opening a motion file whole, without executing anything in it."""

import zipfile
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.base import Content
from mimiclab.motions.formats.hdf5 import HDF5_SUFFIXES, SIGNATURE, read_hdf5, split_member


def open_content(path: str | Path) -> Content:
    """Read a file into memory: the arrays of npz and HDF5, or text; of one clip, `all.h5#CLIP`.

    Raises:
        MotionFileError: missing, a folder, empty, truncated, not npz or text, or with pickled
            objects inside.
    """
    given, (path, clip) = Path(path), split_member(path)
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix == path.suffix)[:5]
        there = f"; that folder has {', '.join(near)}" if near else ""
        raise MotionFileError(f"{path}: no such file{there}")
    if path.is_dir():
        raise MotionFileError(f"{path} is a folder, expected one motion file")
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    if not head:
        raise MotionFileError(f"{path}: the file is empty (0 bytes); copy or download it again")
    if head == SIGNATURE or path.suffix in HDF5_SUFFIXES:
        arrays, attrs, clip = read_hdf5(path, clip)
        return Content(path=given, arrays=arrays, attrs=attrs, notes={"clip": clip})
    if head[:2] == b"PK":
        return Content(path=path, arrays=_read_npz(path))
    if path.suffix == ".npz":
        raise MotionFileError(f"{path}: not an npz archive; it is damaged or misnamed")
    if head[:1] == b"\x80" or path.suffix in (".pkl", ".pickle", ".pt", ".joblib"):
        raise MotionFileError(
            f"{path}: pickled files are refused because loading one can run any code; "
            "convert it to csv or npz in the environment that made it"
        )
    try:
        return Content(path=path, text=path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MotionFileError(f"{path}: neither an npz archive nor a text file") from error


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {}
            for key in archive.files:
                try:
                    arrays[key] = archive[key]
                except ValueError as error:
                    if "pickle" not in str(error):
                        raise
                    raise MotionFileError(
                        f"{path}: the array {key!r} holds Python objects; they are refused "
                        "because unpickling one can run any code. Store numbers and strings only"
                    ) from error
            return arrays
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise MotionFileError(
            f"{path}: the npz archive is truncated or damaged ({error}); copy or convert it again"
        ) from error
