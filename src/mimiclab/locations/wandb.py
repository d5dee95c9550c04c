"""Files of Weights & Biases runs, and what all that talks to W&B needs.

Needs the extra `wandb`, and an account for what is not public.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from mimiclab.errors import LocationError, MimiclabError, UnknownNameError
from mimiclab.locations.bar import bar_for
from mimiclab.locations.cache import AbsentError, OutOfReachError

_NUMBER = re.compile(r"\d+")
_SHOWN = 12


def wandb_package(what: str, kind: type[MimiclabError]) -> Any:
    """W&B's package.

    Args:
        what: needs it, in the plural, for the message.
        kind: of the error.
    """
    try:
        import wandb
    except ImportError as error:
        raise kind(f"{what} need its package; pip install mimiclab[wandb]") from error
    return wandb


def wandb_api(place: str, what: str, instead: str, kind: type[MimiclabError]) -> Any:
    """W&B's client for reading.

    Args:
        place: that is asked.
        what: needs it, in the plural.
        instead: what to do without W&B.
        kind: of the errors.
    """
    mode = os.environ.get("WANDB_MODE")
    if mode in ("offline", "disabled"):
        raise kind(f"{place}: WANDB_MODE={mode} forbids to fetch; unset it, or {instead}")
    return wandb_package(what, kind).Api()


@contextmanager
def named_errors(what: str, kind: type[MimiclabError]) -> Iterator[None]:
    """Any failure of W&B's client or of the network, told as what could not be done."""
    try:
        yield
    except (MimiclabError, UnknownNameError):
        raise
    except Exception as error:  # W&B raises errors of many libraries
        raise kind(
            f"cannot {what}: {type(error).__name__}: {error}; is the address right, and are you "
            "logged in (`wandb login`)?"
        ) from error


@dataclass(frozen=True)
class WandbRun:
    """A run of Weights & Biases as a `Source`."""

    path: str
    """Entity, project and id."""
    folder: tuple[str, ...]
    """See `Source`."""

    @classmethod
    def of(cls, location: str, rest: str) -> tuple[Self, str]:
        """The run and the file's name, empty if none is given.

        Raises:
            LocationError: no run.
        """
        parts = rest.strip("/").split("/")
        if len(parts) > 3 and parts[2] == "runs":
            parts.pop(2)
        if len(parts) < 3 or not all(part.strip(".") for part in parts):
            raise LocationError(
                f"{location}: expected wandb://ENTITY/PROJECT/RUN_ID/FILE, or without the file; "
                "motions of a registry are named wandb:ENTITY/PROJECT/NAME"
            )
        return cls("/".join(parts[:3]), ("wandb", *parts[:3])), "/".join(parts[3:])

    def words(self, name: str) -> str:
        """See `Source`."""
        return f"wandb://{self.path}/{name}"

    @cached_property
    def files(self) -> dict[str, Any]:
        """What the run has, by name.

        Raises:
            OutOfReachError: no such run, not logged in, or no network.
        """
        place = f"wandb://{self.path}"
        with named_errors(f"read the run {place}", OutOfReachError):
            api = wandb_api(place, "runs in Weights & Biases", "give a path", OutOfReachError)
            return {file.name: file for file in api.run(self.path).files()}

    def choice(self) -> str:
        """The file that a run means by itself: its last checkpoint, else its one policy or .zip.

        Raises:
            LocationError: it has none, or several; the message names its files.
        """
        checkpoints = [name for name in self.files if name.endswith(".pt")]
        last = [name for name in checkpoints if name.rpartition("/")[2] == "last.pt"]
        if checkpoints:
            return last[0] if last else max(checkpoints, key=_last_number)
        others = [name for name in self.files if name.endswith((".onnx", ".zip"))]
        if len(others) != 1:
            found = "no checkpoint, policy or .zip" if not others else "several policies"
            raise LocationError(
                f"wandb://{self.path}: the run has {found}; name a file of it. {self._listed()}"
            )
        return others[0]

    def fetch(self, name: str, to: Path, known: str) -> str | None:
        """See `Source`; the mark is W&B's MD5."""
        file = self.files.get(name)
        if file is None:
            raise AbsentError(f"{self.words(name)}: the run has no such file. {self._listed()}")
        mark = str(getattr(file, "md5", None) or "")
        if known and mark == known:
            return None
        with (
            tempfile.TemporaryDirectory(dir=to.parent) as folder,
            named_errors(f"fetch {self.words(name)}", OutOfReachError),
        ):
            found, size = Path(folder) / name, int(file.size)
            with bar_for(self.words(name), found, size):
                file.download(root=folder, replace=True).close()
            if found.stat().st_size != size:
                raise OutOfReachError(
                    f"{self.words(name)}: the download has {found.stat().st_size} bytes, W&B says "
                    f"{size}; nothing was kept. Try again"
                )
            found.replace(to)
        return mark

    def _listed(self) -> str:
        names = sorted(self.files)
        shown = ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
        return f"Its files: {shown or 'none'}"


def _last_number(name: str) -> tuple[int, str]:
    numbers = _NUMBER.findall(name)
    return (int(numbers[-1]) if numbers else -1, name)
