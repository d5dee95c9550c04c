"""Registries of motions: named, numbered, immutable versions with a checksum, on disk or elsewhere.

A folder registry holds `NAME/vN/NAME.npz` and, beside each, `motion.json` with its SHA-256 and what
it is. Versions are v0, v1, ...; `latest` is the highest. A version appears whole, by one rename, or
not at all, and is never changed. Any copy of the folder is a registry, so it can be shared by any
means (`write_hub_card` adds what the Hugging Face hub shows). `motions.registry.wandb` keeps the
same in Weights & Biases.
"""

import errno
import json
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from mimiclab.errors import MotionFileError, OutputError, RegistryError, UnknownNameError
from mimiclab.files import file_sha256, write_text
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import FORMATS, write_motion

LOCAL, WANDB = "registry:", "wandb:"
"""What names of motions in the folder registry, and in Weights & Biases, begin with."""
LATEST = "latest"
FOLDER_VARIABLE = "MIMICLAB_REGISTRY"
"""Environment variable that names the folder registry."""
_FACTS = "motion.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VERSION = re.compile(r"v(0|[1-9]\d{0,8})")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One version of one motion."""

    name: str
    version: str
    sha256: str = ""
    """Of the file, in hexadecimal."""
    facts: dict = field(default_factory=dict)
    """What the motion is: robot, fps, frames, duration_s, format, licence, source, tags."""
    problem: str = ""
    """Why it cannot be used; empty if it can."""


class Registry(Protocol):
    """Where motions are kept under names."""

    def push(self, clip: MotionClip, name: str = "", format: str = "") -> Entry:
        """Store a clip as the next version of `name`, or find that the latest is the same.

        Args:
            clip: what to store.
            name: letters, digits, `.`, `_` and `-`; the clip's own if left out.
            format: a name in `FORMATS`; the registry's usual one if left out.

        Raises:
            RegistryError: a name that no registry can hold.
            OutputError: it cannot be stored; nothing was changed.
        """
        ...

    def pull(self, name: str, version: str = LATEST) -> Path:
        """A file with this version, its checksum verified.

        Raises:
            UnknownNameError: no such motion or version.
            RegistryError: the file is not what was pushed, or cannot be fetched.
        """
        ...

    def entries(self) -> list[Entry]:
        """All versions, by name and number."""
        ...


class FolderRegistry:
    """Motions in a folder, by default `registry_folder()`."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """The folder is made by the first push."""
        self.folder = registry_folder() if folder is None else Path(folder)

    def push(self, clip: MotionClip, name: str = "", format: str = "") -> Entry:
        """See `Registry`; the format is mimiclab npz if left out."""
        name, format = checked_name(name or clip.name), checked_format(format or "mimiclab_npz")
        home = self._inside(self.folder / name)
        made = None
        try:
            home.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".push-", dir=home))
            file = made / f"{name}{FORMATS[format].suffix}"
            write_motion(replace(clip, name=name), file, format)
            facts = {"sha256": file_sha256(file), "file": file.name} | clip_facts(clip, format)
            versions = self._versions(name)
            if versions and self._entry(name, versions[-1]).sha256 == facts["sha256"]:
                return self._entry(name, versions[-1])
            write_text(made / _FACTS, json.dumps(facts, indent=1, allow_nan=False) + "\n")
            for part in made.iterdir():
                part.chmod(part.stat().st_mode & 0o444)
            made.chmod(home.stat().st_mode & 0o777)
            return self._entry(name, _publish(made, home, versions[-1] + 1 if versions else 0))
        except OSError as error:
            raise OutputError(
                f"cannot push {name!r} to {self.folder}: {error.strerror}; nothing was changed "
                f"there. Choose another registry (--to FOLDER, or the variable {FOLDER_VARIABLE})"
            ) from error
        finally:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)
            with suppress(OSError):  # goes only if nothing is in it
                home.rmdir()

    def pull(self, name: str, version: str = LATEST) -> Path:
        """See `Registry`; the file in the registry itself."""
        versions = self._versions(checked_name(name))
        if not versions:
            raise UnknownNameError(f"motion of the registry {self.folder}", name, self._names())
        known = [f"v{number}" for number in versions]
        if version not in (LATEST, *known):
            raise UnknownNameError(f"version of {name!r}", version, (LATEST, *known))
        number = versions[-1] if version == LATEST else int(version[1:])
        entry = self._entry(name, number)
        if entry.problem:
            raise RegistryError(entry.problem)
        file = self._inside(self.folder / name / entry.version / entry.facts["file"])
        verify(file, entry.sha256)
        return file

    def entries(self) -> list[Entry]:
        """See `Registry`; damaged versions are there with their problem."""
        return [
            self._entry(name, number) for name in self._names() for number in self._versions(name)
        ]

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        found = [path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(name for name in found if self._versions(name))

    def _versions(self, name: str) -> list[int]:
        home = self._inside(self.folder / name)
        if not home.is_dir():
            return []
        return sorted(int(p.name[1:]) for p in home.iterdir() if _VERSION.fullmatch(p.name))

    def _entry(self, name: str, number: int) -> Entry:
        version = f"v{number}"
        path = self._inside(self.folder / name / version) / _FACTS
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            sha256, file = facts.pop("sha256"), facts["file"]
            files = {name + each.suffix for each in FORMATS.values()}
            if not re.fullmatch(r"[0-9a-f]{64}", sha256) or file not in files:
                raise ValueError("a checksum or file name that is none")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{path} is missing or damaged ({error}); push the motion again"
            return Entry(name=name, version=version, problem=problem)
        return Entry(name=name, version=version, sha256=sha256, facts=facts)

    def _inside(self, path: Path) -> Path:
        """The path, if it is in the registry's folder with no link leading out of it."""
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise RegistryError(
                f"{path} is a link that leaves the registry {self.folder}; replace it by what it "
                "points to"
            )
        return path


def _publish(made: Path, home: Path, number: int) -> int:
    """Rename the finished folder to the first free version, whoever else pushes at this moment."""
    for free in count(number):
        try:
            made.rename(home / f"v{free}")
            return free
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    raise AssertionError("numbers do not end")


def registry_folder() -> Path:
    """The folder of `MIMICLAB_REGISTRY`, else `mimiclab/registry` among the user's data."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "mimiclab" / "registry"


def open_registry(where: str | Path | None = None) -> Registry:
    """The registry that `where` means: `wandb:[ENTITY/]PROJECT`, a folder, or the user's own.

    Raises:
        RegistryError: a W&B address without project.
    """
    if where is not None and str(where).startswith(WANDB):
        from mimiclab.motions.registry.wandb import WandbRegistry

        return WandbRegistry(str(where).removeprefix(WANDB))
    if where is None or str(where) == LOCAL.rstrip(":"):
        return FolderRegistry()
    return FolderRegistry(Path(where).expanduser())


def is_registered(word: str) -> bool:
    """Whether a word names a motion in a registry."""
    return word.startswith((LOCAL, WANDB))


def registered_file(word: str) -> Path:
    """The verified file of `registry:NAME[:vN]` or `wandb:[ENTITY/]PROJECT/NAME[:vN or alias]`.

    Raises:
        UnknownNameError: no such motion or version.
        RegistryError: a name that leaves the registry, a damaged file, or one out of reach.
    """
    if word.startswith(WANDB):
        # Not from the right: a version that is a path shall be refused, not change the address.
        place, _, version = word.removeprefix(WANDB).partition(":")
        where, _, name = place.rpartition("/")
        return open_registry(WANDB + where).pull(name, version or LATEST)
    name, version = split_version(word.removeprefix(LOCAL))
    return FolderRegistry().pull(name, version)


def split_version(text: str) -> tuple[str, str]:
    """Name and version of `NAME` or `NAME:VERSION`."""
    name, _, version = text.partition(":")
    return name, version or LATEST


def checked_name(name: str) -> str:
    """The name, if a registry can hold it.

    Raises:
        RegistryError: it is empty, too long, or has a slash or another sign that a file may not.
    """
    if not _NAME.fullmatch(name):
        raise RegistryError(
            f"{name!r} cannot be a motion's name in a registry: expected 1 to 128 letters, digits, "
            "'.', '_' and '-', beginning with a letter or digit; give another (--name)"
        )
    return name


def checked_format(format: str) -> str:
    """The format, if a file of it says all that reading it needs.

    Raises:
        UnknownNameError: no such format.
        MotionFileError: a format without frame rate.
    """
    if format not in FORMATS:
        raise UnknownNameError("motion format", format, FORMATS)
    if FORMATS[format].suffix in (".csv", ".amc"):
        raise MotionFileError(
            f"format {format} does not hold the frame rate, so it is no format for a registry; "
            "leave out the format"
        )
    return format


def clip_facts(clip: MotionClip, format: str) -> dict:
    """What to know of a motion without reading it."""
    return {
        "schema": 1,
        "format": format,
        "robot": clip.robot,
        "fps": clip.fps,
        "frames": clip.num_frames,
        "duration_s": round(clip.duration_s, 6),
        "licence": clip.licence,
        "source": clip.source,
        "tags": list(clip.tags),
    }


def verify(path: Path, sha256: str) -> None:
    """Compare a file with its checksum.

    Raises:
        RegistryError: it is missing or another file.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror}); push it again") from error
    if found != sha256:
        raise RegistryError(
            f"{path}: the SHA-256 is {found}, but {sha256} was pushed; the file was damaged or "
            "changed since. Push the motion again, or fetch the registry again"
        )
