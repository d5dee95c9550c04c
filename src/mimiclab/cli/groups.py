"""Motion groups on the command line: the option --group, given once for each."""

from collections.abc import Sequence
from typing import Annotated

import tyro

from mimiclab.errors import MimiclabError

Groups = Annotated[
    tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=MOTIONS")
]
"""Type of the option --group."""


def named(pairs: Sequence[str], option: str = "--group NAME=MOTIONS") -> dict[str, str]:
    """NAME=VALUE words as a dict.

    Raises:
        MimiclabError: a word without a name or value, or a name twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise MimiclabError(f"{pair!r} has no name or no value; write {option}")
        if name in found:
            raise MimiclabError(f"{name!r} was given twice; give {option} once for each name")
        found[name] = value
    return found
