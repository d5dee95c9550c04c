"""From what a user writes after `--motion` to a list of clips."""

import difflib
import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mimiclab.errors import MimiclabError, MotionError, MotionFileError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import MOTION_SUFFIXES, MotionFile, read_motion_file
from mimiclab.motions.sets import BUILTIN, load_set, set_names
from mimiclab.motions.synthesis import builtin_motion, builtin_names
from mimiclab.robots import get_robot

_BUILTIN_FPS = 50.0


@dataclass(frozen=True, kw_only=True)
class MotionSource:
    """One clip that can be loaded: its label, and the file if it comes from one."""

    label: str
    path: Path | None
    read: Callable[[], MotionFile]
    """Reads or makes it; raises the errors of `read_motion_file` or `builtin_motion`."""


def load_motions(
    spec: str | Path | Sequence[str | Path],
    *,
    robot: str,
    fps: float | None = None,
    motion_folder: str | Path | None = None,
    root_quat_order: str | None = None,
) -> list[MotionClip]:
    """The clips that a specification names, each with a name of its own.

    Args:
        spec: comma separated or a sequence of: `builtin:NAME`, `builtin:*`, a file, a folder
            (searched below too), a glob pattern, the name of a shipped motion set, a set's YAML.
        robot: registry name; files made for another robot are refused.
        fps: frame rate of files that do not state one (30 for CSV if left out), which others must
            agree with; and that built-in motions are made at (50 if left out).
        motion_folder: where the clips of motion sets and bare clip names are searched.
        root_quat_order: `wxyz` or `xyzw`, for CSV files.

    Raises:
        UnknownNameError: a word that is no file, set or clip; the nearest names are offered.
        MotionFileError: a file cannot be read, or nothing was found.
    """
    found = find_sources(
        spec, robot=robot, fps=fps, motion_folder=motion_folder, root_quat_order=root_quat_order
    )
    clips = [source.read().clip for source in found]
    names = [clip.name for clip in clips]
    for i, source in enumerate(found):
        if names.count(names[i]) > 1 and source.path is not None:
            # Registries call every file motion.npz; the folder tells them apart.
            clips[i] = replace(clips[i], name=f"{source.path.parent.name}/{names[i]}")
    names = [clip.name for clip in clips]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MotionError(
            f"clips with equal names: {', '.join(twice)}; rename the files or list each clip once"
        )
    return clips


def find_sources(
    spec: str | Path | Sequence[str | Path],
    *,
    robot: str | None,
    fps: float | None = None,
    motion_folder: str | Path | None = None,
    root_quat_order: str | None = None,
    ignore_keys: tuple[str, ...] = (),
) -> list[MotionSource]:
    """As `load_motions`, without reading the files yet.

    Raises:
        UnknownNameError: a word that is no file, set or clip; the nearest names are offered.
        MotionFileError: nothing was found, or a set lacks files.
    """
    if robot is not None:
        get_robot(robot)  # an unknown name is told before any file is searched
    words = [spec] if isinstance(spec, str | Path) else list(spec)
    parts = [part.strip() for word in words for part in _split(word)]
    folder = None if motion_folder is None else Path(motion_folder)

    read = partial(
        read_motion_file,
        robot=robot,
        fps=fps,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
    )

    make = partial(_make, robot=robot or "unitree_g1", fps=_BUILTIN_FPS if fps is None else fps)
    sources: list[MotionSource] = []
    for found in (found for part in filter(None, parts) for found in _expand(part, folder)):
        if isinstance(found, Path):
            sources.append(MotionSource(label=str(found), path=found, read=partial(read, found)))
        else:
            name = found.removeprefix(BUILTIN)
            sources.append(MotionSource(label=found, path=None, read=partial(make, name)))
    if not sources:
        raise MotionFileError(
            "no motion was named; give a file, a folder, builtin:walk or a motion set"
        )
    return sources


def _make(name: str, *, robot: str, fps: float) -> MotionFile:
    clip = builtin_motion(name, robot=robot, fps=fps)
    return MotionFile(path=Path(BUILTIN + name), format="builtin", clip=clip)


def _split(word: str | Path) -> list[str]:
    # A path with a comma in its name is one path.
    return [str(word)] if isinstance(word, Path) or Path(word).exists() else word.split(",")


def _expand(part: str, folder: Path | None) -> Sequence[Path | str]:
    """Files, and built-in motions with their prefix, that one word stands for."""
    if part.startswith(BUILTIN):
        return _builtin(part)
    path = Path(part).expanduser()
    if path.suffix in (".yaml", ".yml") or part in set_names():
        return _set_members(part, path, folder)
    return _files(part, path, folder)


def _builtin(part: str) -> list[str]:
    known = builtin_names()
    name = part.removeprefix(BUILTIN)
    if name == "*":
        return [BUILTIN + each for each in known]
    if name not in known:
        raise UnknownNameError("built-in motion", name, known)
    return [part]


def _set_members(part: str, path: Path, folder: Path | None) -> list[Path | str]:
    found = load_set(path if path.suffix else part)
    if folder is None and path.is_file():
        folder = path.parent
    if folder is None:
        raise MotionFileError(
            f"motion set {part!r}: its clips are not shipped; say which folder holds them "
            "(motion_folder=..., on the command line --motion-folder)"
        )
    members: list[Path | str] = []
    for member in found.resolve(folder):
        members += [member] if isinstance(member, Path) else _builtin(member)
    return members


def _files(part: str, path: Path, folder: Path | None) -> list[Path]:
    bases = [Path()] if folder is None or path.is_absolute() else [Path(), folder]
    for base in bases:
        candidate = base / path
        if candidate.is_dir():
            return _in_folder(candidate)
        if candidate.exists():
            return [candidate]
        if any(sign in part for sign in "*?["):
            matches = [Path(m) for m in sorted(glob.glob(str(candidate), recursive=True))]
            if matches:
                return [file for m in matches for file in (_in_folder(m) if m.is_dir() else [m])]
    if folder is not None:
        named = [folder / f"{part}{suffix}" for suffix in MOTION_SUFFIXES]
        existing = [file for file in named if file.is_file()]
        if len(existing) > 1:
            raise MotionFileError(
                f"motion {part!r}: both {' and '.join(f.name for f in existing)} are in {folder}; "
                "name one with its suffix"
            )
        if existing:
            return existing
    raise _refusal(part, path, folder)


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.suffix in MOTION_SUFFIXES and p.is_file())
    if not files:
        raise MotionFileError(f"{folder}: no {' or '.join(MOTION_SUFFIXES)} file in it or below")
    return files


def _refusal(part: str, path: Path, folder: Path | None) -> MimiclabError:
    """The error that fits what the word looks like."""
    if any(sign in part for sign in "*?["):
        return MotionFileError(f"{part}: no file matches this pattern")
    if path.suffix in MOTION_SUFFIXES or len(path.parts) > 1:
        near = []
        if path.parent.is_dir():
            names = [p.name for p in path.parent.iterdir()]
            near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
        advice = f"; did you mean {' or '.join(near)}?" if near else ""
        return MotionFileError(f"{part}: no such file or folder{advice}")
    known = [BUILTIN + name for name in builtin_names()] + list(set_names())
    if folder is not None and folder.is_dir():
        known += sorted({p.stem for p in folder.rglob("*") if p.suffix in MOTION_SUFFIXES})
    return UnknownNameError("motion", part, known)
