"""Several libraries as the motion groups of one: training can give each a share, or a teacher."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch

from mimiclab.errors import MotionError
from mimiclab.motions.clip import DEFAULT_GROUP
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.packed.index import joined

RESERVED = (DEFAULT_GROUP, "all")
"""Names that no group can be given: that of clips without one, and that of all clips in tables."""


def check_names(names: Iterable[str]) -> None:
    """Refuse names that cannot be typed as `GROUP=PATH`, or that mean something else.

    Raises:
        MotionError: such a name, or none at all.
    """
    names = list(names)
    if not names:
        raise MotionError("no motion group was named; give at least one, as name and motions")
    for name in names:
        if name in RESERVED or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            problem = "is reserved" if name in RESERVED else "is no plain word"
            raise MotionError(
                f"motion group {name!r}: the name {problem}; choose another, of letters, digits, "
                "_ . and -"
            )


def joined_groups(groups: Mapping[str, MotionLibrary]) -> MotionLibrary:
    """One library in memory whose groups are these libraries, in the order of their names.

    Clips of equal names in different groups are called GROUP/NAME. They may be the same motion: one
    group comes through an interface, for example, and the other does not.

    Raises:
        MotionError: a wrong name, other robots or bodies, or a streamed library, which is too large
            to be joined in memory.
    """
    check_names(groups)
    libraries = [groups[name] for name in sorted(groups)]
    for name in sorted(groups):
        _check_fits(name, groups[name], libraries[0])
    parts = [
        replace(groups[name].index.packed().in_group(name), digests=groups[name].digests)
        for name in sorted(groups)
    ]
    count = Counter(clip for part in parts for clip in part.names)
    for i, part in enumerate(parts):
        (group,) = part.group_names
        names = [f"{group}/{clip}" if count[clip] > 1 else clip for clip in part.names]
        parts[i] = replace(part, names=tuple(names))
    device = libraries[0].device
    rows = torch.cat([library.frames_table.to(device) for library in libraries])
    return MotionLibrary(rows, joined(parts))


def _check_fits(name: str, library: MotionLibrary, first: MotionLibrary) -> None:
    if library.streamed_from is not None:
        raise MotionError(
            f"motion group {name!r}: the library {library.streamed_from} is streamed, as it is "
            "too large for the memory, and groups are joined in memory; pack all groups into one "
            "library with `mimiclab motion pack --group`, and train on that"
        )
    for what in ("robot", "body_names"):
        mine, others = getattr(library, what), getattr(first, what)
        if mine != others:
            raise MotionError(
                f"motion group {name!r}: its {what} {mine!r} differ from {others!r} of the group "
                "before; pack the motions again with equal settings"
            )
