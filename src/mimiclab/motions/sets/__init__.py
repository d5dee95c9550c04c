"""Motion sets in YAML: a name, a description, and the clips that belong to it.

The shipped sets name clips of LAFAN1 and of CMU; the clips themselves are the user's.
"""

import math
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.files import write_text
from mimiclab.motions.sets.algebra import Member
from mimiclab.motions.sets.entries import SetEntry, parse_entry
from mimiclab.motions.sets.folder_index import FolderIndex, check_name

BUILTIN = "builtin:"
"""What names of built-in motions begin with."""
_KEYS = {"name", "description", "motions", "weights", "tags"}


@dataclass(frozen=True, kw_only=True)
class MotionSet:
    """A named list of clips."""

    name: str
    description: str
    motions: tuple[str | SetEntry, ...]
    """In order: file names with or without suffix, relative to a folder; patterns; `builtin:NAME`;
    other sets, shipped ones by name, others by a YAML file's name; expressions of all of these;
    and any of them with what is said of it."""
    weights: dict[str, float] = field(default_factory=dict)
    """Expression to how often its clips are drawn in training, where 1 is usual; the last one that
    holds a clip counts."""
    tags: tuple[str, ...] = ()
    """Tags of all its clips."""
    path: Path | None = None
    """The YAML file; None for shipped sets."""

    def resolve(self, folder: str | Path) -> list[Path | str]:
        """The file of every clip, searched in `folder` and below; `builtin:NAME` stays as it is.

        Raises:
            MotionFileError: the folder is missing, or clips are absent or ambiguous; all of them
                are listed. Also those of `members`.
        """
        return [member.where for member in self.members(folder)]

    def members(self, folder: str | Path) -> list[Member]:
        """As `resolve`, with weights and tags.

        Raises:
            MotionFileError: as `resolve`; also a set that holds itself, a name that leaves its
                folder, and weights of no clip.
            UnknownNameError: a set or built-in motion that does not exist.
        """
        from mimiclab.motions.sets.selection import SetSelection

        return SetSelection(self, FolderIndex(Path(folder))).members()


@cache
def set_names() -> tuple[str, ...]:
    """Names of the shipped sets."""
    names = (p.name for p in _shipped().iterdir())
    return tuple(sorted(n.removesuffix(".yaml") for n in names if n.endswith(".yaml")))


def load_set(name_or_path: str | Path) -> MotionSet:
    """A shipped set by name, or a set from a YAML file.

    Raises:
        UnknownNameError: neither a file nor a shipped name; the nearest names are offered.
        MotionFileError: the file is missing or not a motion set.
    """
    text = str(name_or_path)
    if text in set_names():
        return _parse(_shipped().joinpath(f"{text}.yaml").read_text(encoding="utf-8"), text, None)
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        raise UnknownNameError("motion set", text, set_names())
    if not path.is_file():
        raise MotionFileError(
            f"{path}: no such motion set file; shipped sets are {', '.join(set_names())}"
        )
    try:
        return _parse(path.read_text(encoding="utf-8"), str(path), path)
    except UnicodeDecodeError as error:
        raise MotionFileError(f"{path}: not a text file, expected YAML") from error


def save_set(found: MotionSet, path: str | Path) -> None:
    """Write a set as YAML, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    document: dict[str, object] = {"name": found.name, "description": found.description}
    if found.tags:
        document["tags"] = list(found.tags)
    document["motions"] = [
        item if isinstance(item, str) else item.document() for item in found.motions
    ]
    if found.weights:
        document["weights"] = found.weights
    write_text(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000))


def clip_name(entry: str) -> str:
    """Plain clip name of an entry; registry entries `entity/project/clip:alias` keep their clip."""
    match = re.fullmatch(r"[^/]+/[^/]+/([^/:]+):[\w.-]+", entry)
    return match[1] if match else entry


def _parse(text: str, where: str, path: Path | None) -> MotionSet:
    example = "expected `name: ...`, `description: ...` and `motions:` with a list of clip names"
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise MotionFileError(f"{where}: not valid YAML ({error}); {example}") from error
    if not isinstance(data, dict):
        raise MotionFileError(f"{where}: not a motion set; {example}")
    unknown = sorted(map(str, data.keys() - _KEYS))
    if unknown:
        raise MotionFileError(f"{where}: unknown keys {', '.join(unknown)}; {example}")
    motions = data.get("motions")
    if not isinstance(motions, list) or not motions:
        raise MotionFileError(
            f"{where}: `motions` is missing, empty or no list of names; {example}"
        )
    motions = [parse_entry(item, where) for item in motions]
    twice = sorted({str(item) for item in motions if motions.count(item) > 1})
    if twice:
        raise MotionFileError(f"{where}: clips listed twice: {', '.join(twice)}; keep one of each")
    tags = data.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise MotionFileError(f"{where}: `tags` is {tags!r}; expected a list of words")
    for item in motions:
        check_name(clip_name(str(item)), where)
    return MotionSet(
        name=str(data.get("name") or Path(where).stem),
        description=str(data.get("description") or ""),
        motions=tuple(motions),
        weights=_weights(data.get("weights") or {}, where),
        tags=tuple(tags),
        path=path,
    )


def _weights(given: object, where: str) -> dict[str, float]:
    if not isinstance(given, dict):
        raise MotionFileError(
            f"{where}: `weights` is {given!r}; expected lines of `NAME: NUMBER`, as `walk*: 2`"
        )
    for name, value in given.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(name, str) or not number or not (0 < value < math.inf):
            raise MotionFileError(
                f"{where}: weight {name!r}: {value!r}; expected a name and a positive number; to "
                "leave clips out, take them away with `-`"
            )
    return {name: float(value) for name, value in given.items()}


def _shipped() -> Traversable:
    return files("mimiclab") / "assets" / "motion_sets"
