"""Human motion files in: one module for each format, found by what a file holds."""

import glob
from collections.abc import Iterable
from pathlib import Path

from mimiclab.errors import MotionError, MotionFileError, UnknownNameError
from mimiclab.motions.file_head import file_head
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import asf_amc, bvh, deepmimic_json, positions_npy, smpl_npz
from mimiclab.motions.human.formats.base import HumanFormat, HumanReadOptions, finish

HUMAN_FORMATS: dict[str, HumanFormat] = {
    item.name: item
    for item in (
        bvh.FORMAT,
        asf_amc.FORMAT,
        deepmimic_json.FORMAT,
        positions_npy.FORMAT,
        smpl_npz.FORMAT,
    )
}
"""All formats of human motions by name."""

HUMAN_SUFFIXES = tuple(sorted({s for item in HUMAN_FORMATS.values() for s in item.suffixes}))
"""Suffixes of human motion files; `.npz`, `.txt` and `.json` may be anything's."""
OWN_SUFFIXES = (".amc", ".bvh")
"""Those that nothing else has."""


def read_human(
    path: str | Path,
    *,
    fps: float | None = None,
    skeleton: str | Path | None = None,
    units: str | None = None,
    up: str | None = None,
    format: str | None = None,
    asf: str | Path | None = None,
    body_model: str | Path | None = None,
    frame_range: tuple[int, int] | None = None,
) -> HumanClip:
    """The person's motion in a file: world positions of joints in metres, z up.

    Args:
        path: file to read.
        fps: frame rate; must agree with the file where that states one.
        skeleton: name of a shipped landmark map or path to one's own; found by the joints' names
            if left out.
        units: `m`, `cm`, `mm`, `inch` or `cmu` (inches / 0.45), where the format leaves it open;
            found by the size of the body if left out.
        up: `y` or `z`, where the format leaves it open; found by how the body stands if left out.
        format: a name in `HUMAN_FORMATS`; found by the content if left out.
        asf: the skeleton of an AMC; the one beside it if left out.
        body_model: a licensed SMPL model as npz, for the joints of this very body; published mean
            joint positions if left out.
        frame_range: first frame and the one after the last, counted from 0.

    Raises:
        MotionFileError: the file cannot be read as a motion; the message says why and what to do.
        MotionError: its content is invalid, or the landmark map does not fit.
        UnknownNameError: unknown format or landmark map.
    """
    path = Path(path)
    options = HumanReadOptions(
        fps=fps,
        skeleton=None if skeleton is None else str(skeleton),
        units=units,
        up=up,
        asf=None if asf is None else Path(asf),
        body_model=None if body_model is None else Path(body_model),
    )
    found = find_human_format(path) if format is None else _named(format)
    raw = found.read(path, options)
    if frame_range is not None:
        first, end = frame_range
        if not 0 <= first < end <= len(raw.pos):
            raise MotionError(
                f"{path}: frames {first} to {end} are not in the file, which has {len(raw.pos)}; "
                "give the first frame and the one after the last, counted from 0"
            )
        raw.pos = raw.pos[first:end].copy()
        raw.quat_wxyz = None if raw.quat_wxyz is None else raw.quat_wxyz[first:end].copy()
    return finish(raw, options)


def find_human_format(path: str | Path) -> HumanFormat:
    """The format of a file by its content.

    Raises:
        MotionFileError: missing, a folder, empty, or of no known format.
    """
    path = Path(path)
    file_head(path, 1)
    found = recognise_human(path)
    if found is not None:
        return found
    for known in HUMAN_FORMATS.values():
        if path.suffix.lower() in known.suffixes:
            return known  # its reader tells what is wrong
    listing = "; ".join(f"{item.name} ({item.summary})" for item in HUMAN_FORMATS.values())
    raise MotionFileError(f"{path}: no known format of human motions. Known: {listing}")


def recognise_human(path: str | Path) -> HumanFormat | None:
    """The format that a file's content is recognised as, if it is a human motion's.

    Raises:
        MotionFileError: the file cannot be opened.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    return next((item for item in HUMAN_FORMATS.values() if item.recognise(path, head)), None)


def find_human_files(words: Iterable[str | Path]) -> list[Path]:
    """Human motion files that files, folders (searched below) and glob patterns name, sorted.

    Of suffixes that other files have too (`.npz`, `.txt`, `.json`), folders give only files whose
    content is recognised. An AMC counts, its ASF does not.

    Raises:
        MotionFileError: a word that names nothing, or a folder without human motions.
    """
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word).expanduser()
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_human(file)]
            if not inside:
                raise MotionFileError(
                    f"{path}: no human motion in it or below ({', '.join(HUMAN_SUFFIXES)})"
                )
        elif path.exists():
            inside = [path]
        else:
            inside = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
            if not inside:
                find_human_format(path)  # says what is near
        found |= dict.fromkeys(inside)
    return list(found)


def _is_human(path: Path) -> bool:
    if path.suffix.lower() not in HUMAN_SUFFIXES or not path.is_file():
        return False
    return path.suffix.lower() in OWN_SUFFIXES or recognise_human(path) is not None


def _named(name: str) -> HumanFormat:
    if name not in HUMAN_FORMATS:
        raise UnknownNameError("human motion format", name, HUMAN_FORMATS)
    return HUMAN_FORMATS[name]
