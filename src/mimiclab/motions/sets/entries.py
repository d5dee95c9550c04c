"""Entries of a motion set that say more than a name: `{motion: walk1, start: 2, end: 5}`."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.motions.edit import ClipEdit
from mimiclab.motions.sets.algebra import Member, Selection

_EDITS = tuple(item.name for item in fields(ClipEdit))
_KEYS = ("motion", "name", "weight", "tags", "fps", "root_quat_order", *_EDITS)


@dataclass(frozen=True, kw_only=True)
class SetEntry:
    """Motions of a set, and how they are to be read, changed and drawn."""

    motion: str
    """A name, pattern, set or expression, as entries without more are."""
    name: str = ""
    """What the clip is called; a piece is called `CLIP-1s-2.5s` without it."""
    weight: float = 1.0
    """How many times as often as usual its clips are drawn in training."""
    tags: tuple[str, ...] = ()
    """Tags of its clips."""
    fps: float | None = None
    """Frame rate of files that do not state theirs."""
    root_quat_order: str | None = None
    """`wxyz` or `xyzw`, for files that leave it open."""
    edit: ClipEdit = field(default_factory=ClipEdit)
    """What is done to each clip."""

    def __str__(self) -> str:
        return self.motion

    def document(self) -> dict[str, object]:
        """The entry as YAML has it."""
        own = {key: getattr(self, key) for key in _KEYS if key not in _EDITS}
        given = {key: value for key, value in own.items() if value not in ("", (), None)}
        if self.weight == 1.0:
            del given["weight"]
        if self.tags:
            given["tags"] = list(self.tags)
        return {**given, **self.edit.given()}


def parse_entry(given: object, where: str) -> "str | SetEntry":
    """An entry of `motions`: a name as it is, a mapping as a `SetEntry`.

    Raises:
        MotionFileError: neither of them, an unknown key, or a value that cannot be; with `where`.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, dict) or not isinstance(given.get("motion"), str):
        raise MotionFileError(
            f"{where}: {given!r:.80} in `motions`; expected a name, or `{{motion: NAME, ...}}`"
        )
    unknown = [str(key) for key in given if key not in _KEYS]
    if unknown:
        raise MotionFileError(
            f"{where}: {given['motion']!r} has unknown keys {', '.join(unknown)}; known are "
            f"{', '.join(_KEYS)}"
        )
    for key in ("weight", "fps"):
        value = given.get(key, 1.0)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < float("inf"):
            raise MotionFileError(
                f"{where}: {key} of {given['motion']!r} is {value!r}, expected a positive number"
            )
    name, tags = given.get("name", ""), given.get("tags", [])
    if not isinstance(name, str) or name.strip(". ") != name or set(name) & set('/\\:#"'):
        raise MotionFileError(f"{where}: the name {name!r} cannot be a file's; use letters, digits")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise MotionFileError(f"{where}: `tags` is {tags!r}; expected a list of words")
    if given.get("root_quat_order") not in (None, "wxyz", "xyzw"):
        raise MotionFileError(
            f"{where}: root_quat_order is {given['root_quat_order']!r}, expected wxyz or xyzw"
        )
    try:
        edit = ClipEdit(**{key: given[key] for key in _EDITS if key in given})
    except MotionError as error:
        raise MotionFileError(f"{where}: {given['motion']!r}: {error}") from error
    own = {key: given[key] for key in _KEYS if key in given and key not in _EDITS}
    return SetEntry(**{**own, "tags": tuple(tags), "edit": edit})


class Treated:
    """What an entry selects, with what it says about it."""

    def __init__(self, inner: Selection, entry: SetEntry) -> None:
        self._inner, self._entry = inner, entry

    @property
    def open(self) -> bool:
        """As what it selects."""
        return self._inner.open

    def holds(self, member: Member) -> bool:
        """Whether the clip, or a piece of it, is in it."""
        return self._inner.holds(member)

    def members(self) -> list[Member]:
        """See `Selection`; also what a set within says of the same clips.

        Raises:
            MotionFileError: a name for several clips, or both say the same thing of one.
        """
        entry, found = self._entry, self._inner.members()
        if entry.name and len(found) > 1:
            raise MotionFileError(
                f"the name {entry.name!r} is given to {len(found)} clips that {entry.motion!r} "
                "selects; name them one by one"
            )
        try:
            return [self._treat(member) for member in found]
        except MotionError as error:
            raise MotionFileError(f"{entry.motion!r}: {error}") from error

    def _treat(self, member: Member) -> Member:
        entry = self._entry
        return replace(
            member,
            weight=member.weight * entry.weight,
            tags=tuple(dict.fromkeys((*member.tags, *entry.tags))),
            fps=member.fps or entry.fps,
            root_quat_order=member.root_quat_order or entry.root_quat_order,
            given_name=entry.name or member.given_name,
            edit=entry.edit.merged(member.edit),
        )


def entry_of(motion: str, member: Member) -> "str | SetEntry":
    """How a set writes this clip: as `motion`, unless more than weight and tags is said of it."""
    plain = SetEntry(motion=motion, weight=member.weight, tags=member.tags)
    entry = replace(
        plain,
        name=member.given_name,
        fps=member.fps,
        root_quat_order=member.root_quat_order,
        edit=member.edit,
    )
    return motion if entry == plain else entry


def file_name(place: Path | str) -> str:
    """What a clip is called that no set names: by its file, or by its name in a file of many."""
    if isinstance(place, str):
        return place.rpartition(":")[2]
    return place.stem if place.is_file() else place.name
