"""Motion sets: a name, a description and a list of clips, in YAML.

Seven published sets of LAFAN1 clips are shipped by name; the clips themselves are the user's.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.formats import MOTION_SUFFIXES

BUILTIN = "builtin:"
"""What names of built-in motions begin with."""
_KEYS = {"name", "description", "motions"}


@dataclass(frozen=True, kw_only=True)
class MotionSet:
    """A named list of clips."""

    name: str
    description: str
    motions: tuple[str, ...]
    """In order: file names with or without suffix, relative to a folder, or `builtin:NAME`."""

    def resolve(self, folder: str | Path) -> list[Path | str]:
        """The file of every clip, searched in `folder` and below; `builtin:NAME` stays as it is.

        Raises:
            MotionFileError: the folder is missing, or clips are absent or ambiguous; all of them
                are listed.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise MotionFileError(
                f"motion set {self.name!r}: {folder} is not a folder; give the folder that holds "
                "its clips (--motion-folder)"
            )
        there: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix in MOTION_SUFFIXES and path.is_file():
                relative = path.relative_to(folder)
                for name in {path.stem, path.name, str(relative), str(relative.with_suffix(""))}:
                    there.setdefault(name, []).append(path)
        found = {
            name: there.get(_clip_name(name), [])
            for name in self.motions
            if not name.startswith(BUILTIN)
        }
        absent = [name for name, paths in found.items() if not paths]
        if absent:
            raise MotionFileError(
                f"motion set {self.name!r}: {len(absent)} of {len(self.motions)} clips are not in "
                f"{folder}: {', '.join(absent)}; put them there as .csv or .npz, or write a "
                "smaller set"
            )
        double = {name: paths for name, paths in found.items() if len(paths) > 1}
        if double:
            listing = "; ".join(
                f"{name}: {', '.join(str(path.relative_to(folder)) for path in paths)}"
                for name, paths in double.items()
            )
            raise MotionFileError(
                f"motion set {self.name!r}: more than one file fits {listing}; give a folder that "
                "holds one of each, or name them in the set with folder and suffix"
            )
        return [found[name][0] if name in found else name for name in self.motions]


def set_names() -> tuple[str, ...]:
    """Names of the shipped sets."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in _shipped().iterdir()))


def load_set(name_or_path: str | Path) -> MotionSet:
    """A shipped set by name, or a set from a YAML file.

    Raises:
        UnknownNameError: neither a file nor a shipped name; the nearest names are offered.
        MotionFileError: the file is missing or not a motion set.
    """
    text = str(name_or_path)
    if text in set_names():
        return _parse(_shipped().joinpath(f"{text}.yaml").read_text(encoding="utf-8"), text)
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        raise UnknownNameError("motion set", text, set_names())
    if not path.is_file():
        raise MotionFileError(
            f"{path}: no such motion set file; shipped sets are {', '.join(set_names())}"
        )
    try:
        return _parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise MotionFileError(f"{path}: not a text file, expected YAML") from error


def _parse(text: str, where: str) -> MotionSet:
    example = "expected `name: ...`, `description: ...` and `motions:` with a list of clip names"
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MotionFileError(f"{where}: not valid YAML ({error}); {example}") from error
    if not isinstance(data, dict):
        raise MotionFileError(f"{where}: not a motion set; {example}")
    unknown = sorted(map(str, data.keys() - _KEYS))
    if unknown:
        raise MotionFileError(f"{where}: unknown keys {', '.join(unknown)}; {example}")
    motions = data.get("motions")
    if not isinstance(motions, list) or not motions or not all(isinstance(m, str) for m in motions):
        raise MotionFileError(
            f"{where}: `motions` is missing, empty or no list of names; {example}"
        )
    twice = sorted({name for name in motions if motions.count(name) > 1})
    if twice:
        raise MotionFileError(f"{where}: clips listed twice: {', '.join(twice)}; keep one of each")
    return MotionSet(
        name=str(data.get("name") or Path(where).stem),
        description=str(data.get("description") or ""),
        motions=tuple(motions),
    )


def _clip_name(entry: str) -> str:
    """Plain clip name of an entry; registry entries `entity/project/clip:alias` keep their clip."""
    match = re.fullmatch(r"[^/]+/[^/]+/([^/:]+):[\w.-]+", entry)
    return match[1] if match else entry


def _shipped() -> Traversable:
    return files("mimiclab") / "assets" / "motion_sets"
