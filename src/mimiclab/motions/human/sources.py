"""From what a user names to files with motions of people."""

import glob
from collections.abc import Sequence
from pathlib import Path

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.formats import HUMAN_SUFFIXES, recognise_human


def find_human_files(words: Sequence[str | Path]) -> list[Path]:
    """Files as they are; of folders and globs, those that are recognised as motions of people.

    Raises:
        MotionFileError: a file that is missing, or a folder or pattern with no such motion.
    """
    found: list[Path] = []
    for word in map(str, words):
        path = Path(word).expanduser()
        if path.is_file():
            found.append(path)
            continue
        if path.is_dir():
            candidates = sorted(path.rglob("*"))
        elif any(sign in word for sign in "*?["):
            candidates = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        else:
            raise MotionFileError(f"{word}: no such file or folder")
        human = [
            file
            for file in candidates
            if file.suffix.lower() in HUMAN_SUFFIXES
            and file.is_file()
            and recognise_human(file) is not None
        ]
        if not human:
            raise MotionFileError(
                f"{word}: no motion of a person in it; known are {', '.join(HUMAN_SUFFIXES)}"
            )
        found += human
    return list(dict.fromkeys(found))
