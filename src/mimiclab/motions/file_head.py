"""The first bytes of a file, or the reason why it cannot be a motion at all."""

from pathlib import Path

from mimiclab.errors import MotionFileError


def file_head(path: Path, count: int) -> bytes:
    """At most `count` bytes, at least one.

    Raises:
        MotionFileError: missing, a folder, unreadable or empty.
    """
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix == path.suffix)[:5]
        there = f"; that folder has {', '.join(near)}" if near else ""
        raise MotionFileError(f"{path}: no such file{there}")
    if path.is_dir():
        raise MotionFileError(f"{path} is a folder, expected one motion file")
    try:
        with path.open("rb") as file:
            head = file.read(count)
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    if not head:
        raise MotionFileError(f"{path}: the file is empty (0 bytes); copy or download it again")
    return head
