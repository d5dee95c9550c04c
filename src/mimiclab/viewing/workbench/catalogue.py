"""The list of motions that a workbench offers: found by words and tags, read when chosen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.sources import MotionSource
from mimiclab.motions.tags import name_tags


@dataclass(frozen=True)
class Entry:
    """A motion that can be opened."""

    label: str
    """What the list shows."""
    name: str
    """The clip's name; a person's motion and its retarget share it."""
    kind: str
    """`robot` or `human`."""
    tags: tuple[str, ...]
    read: Callable[[], MotionClip | HumanClip]

    def fits(self, query: str) -> bool:
        """Whether every word is in the label; `tag:WORD` asks for a tag, `human`/`robot` kinds."""
        for word in query.lower().split():
            if word.startswith("tag:"):
                if word.removeprefix("tag:") not in map(str.lower, self.tags):
                    return False
            elif word not in self.label.lower() and word != self.kind:
                return False
        return True


class Catalogue:
    """Entries in order."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Of equal labels, the later ones are numbered.

        Raises:
            MotionFileError: there is no entry.
        """
        if not entries:
            raise MotionFileError("no motion was named; give files, folders or builtin:walk")
        self._by_label: dict[str, Entry] = {}
        for entry in entries:
            label, number = entry.label, 1
            while label in self._by_label:
                number += 1
                label = f"{entry.label} ({number})"
            self._by_label[label] = replace(entry, label=label)
        self.entries = tuple(self._by_label.values())

    def search(self, query: str) -> list[Entry]:
        """Entries that fit, in order."""
        return [entry for entry in self.entries if entry.fits(query)]

    def tags(self) -> list[str]:
        """All tags, the most frequent first."""
        count: dict[str, int] = {}
        for entry in self.entries:
            for tag in entry.tags:
                count[tag] = count.get(tag, 0) + 1
        return sorted(count, key=lambda tag: (-count[tag], tag))

    def entry(self, label: str) -> Entry:
        """The entry with this label."""
        return self._by_label[label]

    def partner(self, entry: Entry) -> Entry | None:
        """The motion of the other kind with the same name."""
        for other in self.entries:
            if other.kind != entry.kind and other.name == entry.name:
                return other
        return None


def robot_entries(sources: Sequence[MotionSource]) -> list[Entry]:
    """Motions of robots, as `find_sources` names them; nothing is read yet."""
    return [
        Entry(
            label=_short(source.path) if source.path else source.label,
            name=source.path.stem if source.path else source.label,
            kind="robot",
            tags=tuple(dict.fromkeys((*source.tags, *name_tags(source.path or source.label)))),
            read=source.clip,
        )
        for source in sources
    ]


def human_entries(paths: Sequence[Path], fps: float | None = None) -> list[Entry]:
    """Motions of people; nothing is read yet."""
    return [
        Entry(
            label=_short(path),
            name=path.stem,
            kind="human",
            tags=name_tags(path.stem),
            read=partial(read_human, path, fps=fps),
        )
        for path in paths
    ]


def _short(path: Path) -> str:
    """The file with its folder; the whole path would not fit into a list."""
    return str(Path(*path.parts[-2:]))
