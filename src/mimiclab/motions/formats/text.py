"""Lines of a text one after the other: a list of them takes many times the text's memory."""

import re
from collections.abc import Iterator

_LINE = re.compile(r"[^\n]+")


def filled_lines(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Positions and lines of all lines from `start` on that are not blank."""
    # A pattern that asks for a letter too would try every length of a long blank line.
    for match in _LINE.finditer(text, start):
        line = match.group()
        if not line.isspace():
            yield match.start(), line
