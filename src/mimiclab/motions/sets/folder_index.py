"""Which file of a folder a clip's name means."""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats import MOTION_SUFFIXES
from mimiclab.motions.formats.members import clip_paths
from mimiclab.motions.sets.algebra import Member

GLOB_SIGNS = "*?["
"""Characters that make a name a pattern."""


class FolderIndex:
    """The motion files in a folder and below, listed once."""

    def __init__(self, folder: Path) -> None:
        """Nothing is listed before it is asked for."""
        self.folder = folder

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every motion file, sorted; hidden ones are left out.

        Raises:
            MotionFileError: the folder is missing.
        """
        if not self.folder.is_dir():
            raise MotionFileError(
                f"{self.folder} is not a folder; give the folder that holds the clips "
                "(motion_folder=..., on the command line --motion-folder)"
            )
        return tuple(motion_files(self.folder))

    def members(self) -> list[Member]:
        """Every file as a member of a selection; raises as `files`."""
        return [Member(where=path) for path in self.files]

    def find(self, name: str) -> Sequence[Path]:
        """Files that the name of a clip fits: none, one, or several; a pattern gives all.

        A name that is the whole way from the folder to one file means only that one.
        """
        if is_pattern(name) and not self.has(name):
            return [path for path in self.files if fits(name, file_names(path, self.folder))]
        found = self._by_name.get(name, [])
        places = [path.relative_to(self.folder) for path in found]
        whole = [
            path
            for path, place in zip(found, places, strict=True)
            if name in (place.as_posix(), place.with_suffix("").as_posix())
        ]
        return whole if len(whole) == 1 else found

    def names_of(self, path: Path) -> list[str]:
        """What a file may be called; one outside of the folder is known by its name alone."""
        inside = path.absolute().is_relative_to(self.folder.absolute())
        return file_names(path.absolute(), self.folder.absolute() if inside else None)

    def means(self, name: str, path: Path) -> bool:
        """Whether a name or pattern stands for this file."""
        if not fits(name, self.names_of(path)):
            return False
        inside = path.absolute().is_relative_to(self.folder.absolute())
        if not inside or not self.has(name):
            return True
        return path.absolute() in [other.absolute() for other in self.find(name)]

    def has(self, name: str) -> bool:
        """Whether a file is called so; a missing folder has none."""
        return self.folder.is_dir() and name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self.files:
            for name in set(file_names(path, self.folder)):
                found.setdefault(name, []).append(path)
        return found


def motion_files(folder: Path) -> Iterator[Path]:
    """Motion files in a folder and below, sorted, and each clip of those that hold many.

    Hidden files and folders are left out.
    Files that begin with a dot are other programs' leftovers and our own unfinished writing.
    """
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in MOTION_SUFFIXES and not hidden and path.is_file():
            yield from clip_paths(path)


def is_pattern(name: str) -> bool:
    """Whether the name stands for all that fit it."""
    return any(sign in name for sign in GLOB_SIGNS)


def file_names(path: Path, folder: Path | None = None) -> list[str]:
    """What a file may be called in a set: with and without suffix and the folders above it.

    Folders count up to `folder`, or all of them.
    """
    inner = path.relative_to(folder) if folder and path.is_relative_to(folder) else path
    parts = inner.as_posix().split("/")
    stems = [*parts[:-1], inner.stem]
    places = {0, len(parts) - 1} if folder else range(len(parts))
    return ["/".join(whole[place:]) for whole in (parts, stems) for place in places]


def fits(name: str, names: Sequence[str]) -> bool:
    """Whether a name or pattern means a file of these names (`file_names`).

    `*` does not cross folders, `**` does; a pattern without a folder fits files in any.
    """
    if not is_pattern(name) or name in names:
        return name in names
    if "/" not in name:
        names = [each for each in names if "/" not in each]
    pattern = _pattern(name)
    return any(pattern.fullmatch(each) for each in names)


@cache
def _pattern(name: str) -> re.Pattern:
    return re.compile(_regex(name))


def _regex(pattern: str) -> str:
    """`fnmatch` by folders: `**` as a whole part stands for any number of them."""
    parts = pattern.split("/")
    made = ""
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**" and not last:
            made += "(?:[^/]+/)*"
        else:
            one = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z")
            made += one.replace(".*", "[^/]*") + ("" if last else "/")
    return made


def check_name(name: str, where: str) -> None:
    """Refuse a name that leaves its folder.

    Raises:
        MotionFileError: an absolute path, a home folder, or `..` in it.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = re.match(r"[A-Za-z]:[\\/]", name)
    if ".." in parts or name.startswith(("/", "\\", "~")) or drive:
        raise MotionFileError(
            f"{where}: {name!r} leaves the folder that names are looked up in; names in a set are "
            "relative to it and go down only"
        )
