"""Lines of a text one after the other: a list of them takes many times the text's memory."""

from collections.abc import Iterator


def filled_lines(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Positions and lines of all lines from `start` on that are not blank."""
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        if line and not line.isspace():
            yield start, line
        start = end + 1
