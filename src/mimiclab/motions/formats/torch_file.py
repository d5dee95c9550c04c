"""Files of `torch.save` read as weights only, their tensors as numpy arrays."""

import pickletools
import zipfile
from pathlib import Path
from typing import Any

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.memory import MemoryBudget
from mimiclab.motions.formats.npz import read_member

TORCH_SUFFIXES = (".pt", ".pth", ".motion")
_STEP_BYTES = 96
_MAX_PICKLE_BYTES = 8 * 2**20


def is_torch_archive(path: Path, head: bytes = b"PK") -> bool:
    """Whether a file that begins with these bytes is a zip archive of torch's."""
    if head[:2] != b"PK":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def load_torch(path: Path) -> Any:
    """The data of a torch file: dicts, lists, numbers, strings, numpy arrays.

    Raises:
        MotionFileError: damaged, of the format before torch 1.6, with anything but weights and
            plain data, or unfolding to more than a file of its size may.
    """
    import torch

    budget = MemoryBudget(path, path.stat().st_size)
    _check_archive(path, budget)
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the damage leads to
        raise MotionFileError(
            f"{path}: not a torch file of weights and plain data, or damaged "
            f"({' '.join(str(error).split())[:300]}). Save it anew as a dict of tensors and numbers"
        ) from error
    return _as_numpy(path, data, budget, 0)


def _check_archive(path: Path, budget: MemoryBudget) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                budget.spend(info.file_size, f"the member {info.filename!r}")
                if info.filename.endswith("data.pkl"):
                    if info.file_size > _MAX_PICKLE_BYTES:
                        raise MotionFileError(
                            f"{path}: {info.file_size} bytes beside the tensors; a motion needs few"
                        )
                    steps = pickletools.genops(bytes(read_member(archive, info, budget)))
                    budget.spend(_STEP_BYTES * sum(1 for _ in steps), "unpickling it")
    except MotionFileError:
        raise
    except Exception as error:  # any damage of archive or pickle
        raise MotionFileError(
            f"{path}: the torch file is truncated or damaged, or older than torch 1.6 "
            f"({str(error)[:80]}); copy it again or save it with a newer torch"
        ) from error


def _as_numpy(path: Path, value: Any, budget: MemoryBudget, depth: int) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        # A view may claim any size on a small storage.
        budget.spend(8 * value.numel(), "a tensor")
        try:
            return value.detach().to_dense().numpy().copy()
        except (RuntimeError, TypeError) as error:
            raise MotionFileError(f"{path}: a tensor of {value.dtype} is no motion") from error
    if isinstance(value, str | bytes | int | float | bool | None):
        return value
    if depth < 8 and isinstance(value, dict):
        return {key: _as_numpy(path, item, budget, depth + 1) for key, item in value.items()}
    if depth < 8 and isinstance(value, list | tuple):
        return [_as_numpy(path, item, budget, depth + 1) for item in value]
    raise MotionFileError(f"{path}: holds a {type(value).__name__}, expected tensors and numbers")
