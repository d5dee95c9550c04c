"""Set algebra over motions: `lafan1.walk + lafan1.run`, `clips - tag:dance`, `(a + b) & c`.

An expression becomes a tree of selections. A selection can list its clips, if it knows where they
are, and it can always tell whether it holds a given one; so `clips & tag:dance` needs only that
`clips` can be listed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mimiclab.errors import MotionFileError
from mimiclab.motions.edit import ClipEdit
from mimiclab.motions.tags import name_tags, stored_tags

TAG = "tag:"
"""What selections by tag begin with."""
_DEEPEST = 50
"""Parentheses within parentheses."""
_OPERATOR = re.compile(r"\s+([-+&])\s+")


@dataclass(frozen=True, kw_only=True)
class Member:
    """A clip in a selection."""

    where: Path | str
    """Its file, or a name with a prefix, as `builtin:walk`."""
    weight: float = 1.0
    """How many times as often as a clip of weight 1 it is drawn in training."""
    tags: tuple[str, ...] = ()
    """Tags that sets gave it."""
    given_name: str = ""
    """What a set calls it, if not as its file."""
    fps: float | None = None
    """Frame rate that a set states, for a file that does not."""
    root_quat_order: str | None = None
    """Order of its root quaternion that a set states, for a file that leaves it open."""
    edit: ClipEdit = ClipEdit()
    """What is done to it after reading."""

    @property
    def key(self) -> str:
        """Equal for the same clip, and for all pieces of it."""
        return str(self.where.absolute()) if isinstance(self.where, Path) else self.where

    @property
    def piece_key(self) -> tuple[str, str, str]:
        """Equal for the same piece of the same clip."""
        return self.key, self.edit.piece, self.given_name

    def has_tag(self, tag: str) -> bool:
        """Whether its name, a set or the file itself gives it the tag; case does not count."""
        wanted = tag.lower()
        found = (*self.tags, *name_tags(self.where))
        if wanted in map(str.lower, found):
            return True
        stored = stored_tags(self.where) if isinstance(self.where, Path) else ()
        return wanted in map(str.lower, stored)


class Selection(Protocol):
    """A part of an expression."""

    @property
    def open(self) -> bool:
        """Whether it can only tell of a clip if it holds it, and not list its clips."""
        ...

    def members(self) -> list[Member]:
        """Its clips, each once, in order.

        Raises:
            MotionFileError: it is open, or files are missing.
        """
        ...

    def holds(self, member: Member) -> bool:
        """Whether the clip is in it."""
        ...


class Union:
    """Clips of the first and then those of the second; the first's weight counts, all tags do."""

    def __init__(self, first: Selection, second: Selection) -> None:
        self._first, self._second = first, second

    @property
    def open(self) -> bool:
        """Both must be listed."""
        return self._first.open or self._second.open

    def members(self) -> list[Member]:
        """See `Selection`."""
        return unique([*self._first.members(), *self._second.members()])

    def holds(self, member: Member) -> bool:
        """See `Selection`."""
        return self._first.holds(member) or self._second.holds(member)


class Intersection:
    """Clips of the first that the second holds too; of the second, if only that can be listed."""

    def __init__(self, first: Selection, second: Selection) -> None:
        self._first, self._second = first, second

    @property
    def open(self) -> bool:
        """One that can be listed is enough."""
        return self._first.open and self._second.open

    def members(self) -> list[Member]:
        """See `Selection`."""
        one, other = self._first, self._second
        if one.open and not other.open:
            one, other = other, one
        return [member for member in one.members() if other.holds(member)]

    def holds(self, member: Member) -> bool:
        """See `Selection`."""
        return self._first.holds(member) and self._second.holds(member)


class Difference:
    """Clips of the first that the second does not hold."""

    def __init__(self, first: Selection, second: Selection) -> None:
        self._first, self._second = first, second

    @property
    def open(self) -> bool:
        """What is taken away need not be listed."""
        return self._first.open

    def members(self) -> list[Member]:
        """See `Selection`."""
        return [member for member in self._first.members() if not self._second.holds(member)]

    def holds(self, member: Member) -> bool:
        """See `Selection`."""
        return self._first.holds(member) and not self._second.holds(member)


class Tagged:
    """Clips with a tag, of all those that `everything` lists."""

    def __init__(self, tag: str, everything: Callable[[], list[Member]] | None) -> None:
        if not tag:
            raise MotionFileError("tag: needs a word after it, for example tag:dance")
        self._tag, self._everything = tag, everything

    @property
    def open(self) -> bool:
        """Without a folder there is nothing to look through."""
        return self._everything is None

    def members(self) -> list[Member]:
        """See `Selection`."""
        if self._everything is None:
            raise MotionFileError(
                f"tag:{self._tag} selects from other clips: write `clips & tag:{self._tag}`, or "
                "name the folder to look through (--motion-folder)"
            )
        return [member for member in self._everything() if self.holds(member)]

    def holds(self, member: Member) -> bool:
        """See `Selection`."""
        return member.has_tag(self._tag)


def unique(members: list[Member]) -> list[Member]:
    """Each clip once, where it came first, with its first weight and the tags of all."""
    found: dict[tuple[str, str, str], Member] = {}
    for member in members:
        known = found.get(member.piece_key)
        if known is None:
            found[member.piece_key] = member
        elif set(member.tags) - set(known.tags):
            tags = tuple(dict.fromkeys((*known.tags, *member.tags)))
            found[member.piece_key] = replace(known, tags=tags)
    return list(found.values())


def is_expression(text: str) -> bool:
    """Whether the text holds an operator; they stand between spaces, as names may contain them."""
    return bool(_OPERATOR.search(text)) or text.startswith("(")


def parse(text: str, leaf: Callable[[str], Selection]) -> Selection:
    """The selection that an expression means; `&` binds before `+` and `-`, those go left to right.

    Args:
        text: names joined by `+` (or), `-` (without) and `&` (in both), between spaces, and
            parentheses.
        leaf: makes the selection of a name.

    Raises:
        MotionFileError: not an expression.
    """
    parser = _Parser(text, leaf)
    found = parser.sum(0)
    if parser.rest.startswith(")"):
        raise parser.wrong("a `)` without its `(`")
    if parser.rest:
        raise parser.wrong(f"no operator between spaces before {parser.rest!r}")
    return found


class _Parser:
    def __init__(self, text: str, leaf: Callable[[str], Selection]) -> None:
        self.text, self.rest, self.leaf = text, text.strip(), leaf

    def wrong(self, what: str) -> MotionFileError:
        return MotionFileError(
            f"{self.text!r}: {what}; expected names joined by +, - or & between spaces, as in "
            "`(lafan1.walk + lafan1.run) - tag:sprint`"
        )

    def sum(self, depth: int) -> Selection:
        found = self.product(depth)
        while (sign := self.operator("+-")) is not None:
            made = Union if sign == "+" else Difference
            found = made(found, self.product(depth))
        return found

    def product(self, depth: int) -> Selection:
        found = self.operand(depth)
        while self.operator("&") is not None:
            found = Intersection(found, self.operand(depth))
        return found

    def operator(self, signs: str) -> str | None:
        match = re.match(r"\s+([-+&])(?=\s|$)\s*", self.rest)
        if match is None or match[1] not in signs:
            return None
        self.rest = self.rest[match.end() :]
        return match[1]

    def operand(self, depth: int) -> Selection:
        if depth > _DEEPEST:
            raise self.wrong(f"more than {_DEEPEST} parentheses within each other")
        if self.rest.startswith("("):
            self.rest = self.rest[1:].lstrip()
            found = self.sum(depth + 1)
            match = re.match(r"\s*\)", self.rest)
            if match is None:
                raise self.wrong("a `(` without its `)`")
            self.rest = self.rest[match.end() :]
            return found
        name = self.name()
        if not name or re.match(r"[-+&](\s|$)", name):
            raise self.wrong("a name is missing")
        return self.leaf(name)

    def name(self) -> str:
        """Up to the next operator or the `)` that this name has no `(` for."""
        match = _OPERATOR.search(self.rest)
        stop = match.start() if match else len(self.rest)
        level = 0
        for place, sign in enumerate(self.rest[:stop]):
            level += (sign == "(") - (sign == ")")
            if level < 0:
                stop = place
                break
        name, self.rest = self.rest[:stop].rstrip(), self.rest[stop:]
        # A trailing operator has no space behind it: `a +`.
        if re.search(r"\s[-+&]$", name):
            raise self.wrong("nothing after the last operator")
        return name
