"""A motion set as a selection: its members found in a folder, and sets within sets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.sets import BUILTIN, MotionSet, clip_name, load_set, set_names
from mimiclab.motions.sets.algebra import (
    TAG,
    Member,
    Selection,
    Tagged,
    is_expression,
    parse,
    unique,
)
from mimiclab.motions.sets.entries import SetEntry, Treated
from mimiclab.motions.sets.folder_index import FolderIndex, check_name, file_names, fits, is_pattern
from mimiclab.motions.synthesis import builtin_names

Outside = Callable[[str], list[Path | str] | None]
"""What a word with a prefix stands for, `registry:NAME` say; None for words that have none."""


class _Search:
    """What the parts of one set share while they are looked up."""

    def __init__(self, top: MotionSet, index: FolderIndex | None, outside: Outside | None) -> None:
        self.top, self.index, self.outside = top, index, outside
        self.absent: list[str] = []
        self.double: dict[str, list[Path]] = {}
        self.sets: dict[str, SetSelection] = {}

    def names_of(self, path: Path) -> list[str]:
        """What a file may be called in the set."""
        return file_names(path) if self.index is None else self.index.names_of(path)

    def means(self, name: str, path: Path) -> bool:
        """Whether a name or pattern in the set stands for this file."""
        if self.index is None:
            return fits(name, file_names(path))
        return self.index.means(name, path)


class SetSelection:
    """The clips of a set; without an index it is open: it knows names but no files."""

    def __init__(
        self,
        found: MotionSet,
        index: FolderIndex | None = None,
        outside: Outside | None = None,
        *,
        search: _Search | None = None,
        above: tuple[str, ...] = (),
    ) -> None:
        """Look up all parts; `search` and `above` are for sets within sets.

        Raises:
            MotionFileError: a set that holds itself, a bad expression or name.
            UnknownNameError: an unknown built-in motion.
        """
        self._set = found
        self._top = search is None
        self._search = search or _Search(found, index, outside)
        self._above = (*above, _identity(found))
        self._parts = [self._entry(item) for item in found.motions]
        self._weights = [(text, self._part(text), value) for text, value in found.weights.items()]
        # Sets of hundreds of plain names are asked often: one look-up instead of one for each.
        plain = [part for part in self._parts if isinstance(part, _Name) and part.plain]
        self._names = {part.name for part in plain}
        self._others = [part for part in self._parts if part not in plain]
        self._found: list[Member] | None = None

    @property
    def open(self) -> bool:
        """Whether the folder is not known."""
        return self._search.index is None and any(part.open for part in self._parts)

    def holds(self, member: Member) -> bool:
        """Whether a part of the set means this clip."""
        place = member.where
        if isinstance(place, Path) and self._names:
            named = self._names.intersection(self._search.names_of(place))
            if any(self._search.means(name, place) for name in named):
                return True
        return any(part.holds(member) for part in self._others)

    def members(self) -> list[Member]:
        """Its clips, in order.

        Raises:
            MotionFileError: the folder is not known or missing; clips are absent or ambiguous.
        """
        if self._found is None:
            self._found = self._members()
        return self._found

    def _members(self) -> list[Member]:
        name = self._set.name
        if self.open:
            raise MotionFileError(
                f"motion set {name!r}: its clips are not shipped; say which folder holds them "
                "(motion_folder=..., on the command line --motion-folder)"
            )
        try:
            found = unique([member for part in self._parts for member in part.members()])
        except MotionFileError as error:
            if not self._top or str(error).startswith(f"motion set {name!r}"):
                raise
            raise MotionFileError(f"motion set {name!r}: {error}") from error
        if self._top:
            self._complain(len(found))
        weighted = [self._weigh(member) for member in found]
        for text, part, _ in self._weights:
            if not any(part.holds(member) for member in found):
                raise MotionFileError(
                    f"motion set {name!r}: weight {text!r} is that of no clip in the set; correct "
                    "the name or remove it"
                )
        return weighted

    def _weigh(self, member: Member) -> Member:
        own = [value for _, part, value in self._weights if part.holds(member)]
        return replace(
            member,
            weight=member.weight * (own[-1] if own else 1.0),
            tags=tuple(dict.fromkeys((*member.tags, *self._set.tags))),
        )

    def _complain(self, found: int) -> None:
        name, search = self._set.name, self._search
        folder = search.index.folder if search.index else None
        if search.absent:
            absent = list(dict.fromkeys(search.absent))
            raise MotionFileError(
                f"motion set {name!r}: {len(absent)} of {found + len(absent)} clips are not in "
                f"{folder}: {', '.join(absent)}; put their files there, or write a smaller set"
            )
        if search.double:
            listing = "; ".join(
                f"{name}: {', '.join(str(path.relative_to(folder or '')) for path in paths)}"
                for name, paths in search.double.items()
            )
            raise MotionFileError(
                f"motion set {name!r}: more than one file fits {listing}; give a folder that "
                "holds one of each, or name them in the set with folder and suffix"
            )

    def _entry(self, item: str | SetEntry) -> Selection:
        if isinstance(item, str):
            return self._part(item)
        return Treated(self._part(item.motion), item)

    def _part(self, text: str) -> Selection:
        index = self._search.index
        # A file may have an operator in its name.
        plain = not is_expression(text) or (index is not None and index.has(text))
        return self._leaf(text) if plain else parse(text, self._leaf)

    def _leaf(self, word: str) -> Selection:
        search = self._search
        where = f"motion set {self._set.name!r}"
        if word.startswith(TAG):
            index = search.index
            return Tagged(word.removeprefix(TAG), None if index is None else index.members)
        if word.startswith(BUILTIN):
            return _Builtin(word)
        outside = search.outside(word) if search.outside else None
        if outside is not None:
            return Listed([Member(where=place) for place in outside])
        word = clip_name(word)
        check_name(word, where)
        if word in set_names() or Path(word).suffix in (".yaml", ".yml"):
            return self._inner(word)
        return _Name(word, search)

    def _inner(self, word: str) -> "SetSelection":
        base = self._set.path.parent if self._set.path else Path()
        inner = load_set(word if word in set_names() else base / word)
        identity = _identity(inner)
        if identity in self._above:
            circle = [*self._above[self._above.index(identity) :], identity]
            raise MotionFileError(
                f"motion set {self._search.top.name!r}: sets hold each other in a circle: "
                f"{' -> '.join(Path(each).name for each in circle)}; take one of them out"
            )
        known = self._search.sets
        if identity not in known:
            known[identity] = SetSelection(inner, search=self._search, above=self._above)
        return known[identity]


class Listed:
    """Clips that are known one by one."""

    open = False

    def __init__(self, members: list[Member]) -> None:
        """Of these members, each once."""
        self._members = unique(members)
        self._keys = {member.key for member in members}

    def members(self) -> list[Member]:
        """Those given."""
        return self._members

    def holds(self, member: Member) -> bool:
        """Whether it is one of them."""
        return member.key in self._keys


class _Builtin(Listed):
    def __init__(self, word: str) -> None:
        known = builtin_names()
        name = word.removeprefix(BUILTIN)
        if name not in (*known, "*"):
            raise UnknownNameError("built-in motion", name, known)
        super().__init__(
            [Member(where=BUILTIN + each) for each in (known if name == "*" else (name,))]
        )


class _Name:
    """A file name or pattern; what it means elsewhere than in the folder, it means by name."""

    def __init__(self, name: str, search: _Search) -> None:
        self.name, self._search = name, search
        self.plain = not is_pattern(name)
        self.open = search.index is None

    def members(self) -> list[Member]:
        index = self._search.index
        assert index is not None  # the set asks only where it is not open
        found = index.find(self.name)
        if not found:
            self._search.absent.append(self.name)
        elif len(found) > 1 and self.plain:
            self._search.double[self.name] = list(found)
        return [Member(where=path) for path in found]

    def holds(self, member: Member) -> bool:
        place = member.where
        return isinstance(place, Path) and self._search.means(self.name, place)


def _identity(found: MotionSet) -> str:
    return str(found.path.resolve()) if found.path else found.name
