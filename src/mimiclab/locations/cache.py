"""Files that were fetched, with their checksums; the cache mirrors the places they came from."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from mimiclab.errors import LocationError
from mimiclab.files import atomic_path, file_sha256, write_text

FOLDER_VARIABLE = "MIMICLAB_CACHE"
"""Environment variable that names the folder."""
FRESH_S = 3600.0
"""So long a file that may change is used without asking for it again, s."""


class AbsentError(LocationError):
    """There is no such file at a place that answered."""


class OutOfReachError(LocationError):
    """The place did not answer."""


class Source(Protocol):
    """A place that files are fetched from."""

    @property
    def folder(self) -> tuple[str, ...]:
        """Where its files lie in the cache."""
        ...

    def fetch(self, name: str, to: Path, known: str) -> str | None:
        """Write the whole file `name` to `to`.

        Args:
            name: path of the file at this place, parted by slashes.
            to: an empty file.
            known: what the last fetch returned, or empty.

        Returns:
            A mark that changes when the file does, empty if the place gives none; None if the mark
            is still `known`, then nothing was written.

        Raises:
            AbsentError, OutOfReachError, LocationError: it cannot be fetched.
        """
        ...

    def words(self, name: str) -> str:
        """How messages name the file; without passwords."""
        ...


def cache_folder() -> Path:
    """The folder of `MIMICLAB_CACHE`, else `mimiclab` among the user's caches."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mimiclab"


def kept(source: Source, name: str, sha256: str = "", *, optional: bool = False) -> Path | None:
    """A file of a source in the cache, whole and as fresh as `FRESH_S` asks for.

    Args:
        source: where it comes from.
        name: path of the file there.
        sha256: what it must be; empty for what is there now.
        optional: a file that is not there is no error.

    Returns:
        The file; None for an optional one that is not there.

    Raises:
        LocationError: see `Source.fetch`; or its checksum is not `sha256`.
        OutputError: the cache cannot be written.
    """
    file = cache_folder().joinpath(*map(_safe, (*source.folder, *name.strip("/").split("/"))))
    note = file.with_name(f".{file.name}.json")
    noted = _read(note)
    whole = file.is_file() and file_sha256(file) == noted.get("sha256")
    if sha256 and whole and noted["sha256"] == sha256:
        return file
    if not sha256 and time.time() - noted.get("asked", 0.0) < FRESH_S:
        if whole:
            return file
        if optional and noted.get("absent"):
            return None
    known = str(noted.get("mark", "")) if whole and not sha256 else ""
    try:
        with atomic_path(file) as temporary:
            mark = source.fetch(name, temporary, known)
            if mark is None:
                raise _Unchanged
            found = file_sha256(temporary)
            if sha256 and found != sha256:
                raise LocationError(
                    f"{source.words(name)}: the SHA-256 is {found}, but {sha256} was asked for; "
                    "the file was changed or damaged there. It was not kept"
                )
    except _Unchanged:
        found, mark = noted["sha256"], known
    except AbsentError:
        if not optional:
            raise
        file.unlink(missing_ok=True)
        write_text(note, json.dumps({"absent": True, "asked": time.time()}) + "\n")
        return None
    except OutOfReachError as error:
        if sha256 or not whole:
            raise
        minutes = (time.time() - noted["asked"]) / 60.0
        print(f"mimiclab: {error}; using the copy of {minutes:.0f} minutes ago", file=sys.stderr)
        return file
    write_text(note, json.dumps({"sha256": found, "mark": mark, "asked": time.time()}) + "\n")
    return file


class _Unchanged(Exception):
    """Nothing was fetched, so nothing is to be renamed."""


def _safe(part: str) -> str:
    """A part of an address as the name of a file, one for one; it never climbs out of the cache."""
    name = quote(part, safe=" +=@,()")
    return name.replace(".", "%2E") if name.startswith(".") or not name.strip(".") else name or "%"


def _read(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # never fetched whole, so it is fetched
    return found if isinstance(found, dict) else {}
