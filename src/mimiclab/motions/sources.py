"""From what a user writes after `--motion` to a list of clips."""

import difflib
import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mimiclab.errors import MimiclabError, MotionError, MotionFileError, UnknownNameError
from mimiclab.motions.clip import DEFAULT_GROUP, MotionClip
from mimiclab.motions.edit import ClipEdit
from mimiclab.motions.formats import MOTION_SUFFIXES, MotionFile, read_motion_file
from mimiclab.motions.formats.cmu_amc import AMC_ROBOTS
from mimiclab.motions.formats.members import clip_paths, split_member
from mimiclab.motions.human.formats import HUMAN_FORMATS, HUMAN_SUFFIXES
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.packed.clips import clip_paths as library_paths
from mimiclab.motions.packed.clips import is_packed, read_clip, split_clip
from mimiclab.motions.registry import is_registered, registered_file
from mimiclab.motions.sets import BUILTIN, load_set, set_names
from mimiclab.motions.sets.algebra import TAG, Member, Selection, Tagged, is_expression, parse
from mimiclab.motions.sets.entries import file_name
from mimiclab.motions.sets.folder_index import FolderIndex, motion_files
from mimiclab.motions.sets.selection import Listed, SetSelection
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
    member: Member
    """All that motion sets say of it."""
    name: str = ""
    """What a motion set calls the clip or the piece of it; empty where that is as its file."""
    group: str = DEFAULT_GROUP
    """Motion group of the clip; the usual one leaves it in that which a packed library says."""

    @property
    def weight(self) -> float:
        """How many times as often as usual it is drawn in training."""
        return self.member.weight

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that motion sets give it, beside those stored in the file."""
        return self.member.tags

    def clip(self) -> MotionClip:
        """Read it; the clip has the group, and the weight and tags of the sets that named it."""
        clip = self.read().clip
        tags = tuple(dict.fromkeys((*clip.tags, *self.tags)))
        group = clip.group if self.group == DEFAULT_GROUP else self.group
        return replace(clip, weight=self.weight, tags=tags, group=group)


def load_motions(
    spec: str | Path | Sequence[str | Path],
    *,
    robot: str,
    fps: float | None = None,
    motion_folder: str | Path | None = None,
    root_quat_order: str | None = None,
    ignore_keys: tuple[str, ...] = (),
    terrain: str = "",
    mirror: bool = False,
) -> list[MotionClip]:
    """The clips that a specification names, each with a name of its own.

    Args:
        spec: comma separated or a sequence of: `builtin:NAME`, `builtin:*`, a file, a folder
            (searched below too), a glob pattern, the name of a shipped motion set, a set's YAML,
            `registry:NAME[:VERSION]`, `wandb:[ENTITY/]PROJECT/NAME[:VERSION]`, `all.h5#CLIP`,
            `tag:WORD`; or of expressions of these with `+`, `-`, `&` between spaces.
        robot: registry name; files made for another robot are refused.
        fps: frame rate of files that do not state one (30 for CSV if left out), which others must
            agree with; and that built-in motions are made at (50 if left out).
        motion_folder: where the clips of motion sets and bare clip names are searched.
        root_quat_order: `wxyz` or `xyzw`, for CSV files.
        ignore_keys: npz keys to pass over although the format does not know them.
        terrain: the ground's mesh of files that do not name theirs.
        mirror: add the mirror image of every clip, its name ending in `_mirrored`.

    Raises:
        UnknownNameError: a word that is no file, set or clip; the nearest names are offered.
        MotionFileError: a file cannot be read, or nothing was found.
        RobotError: mirror images of a robot that is not symmetric.
    """
    found = find_sources(
        spec,
        robot=robot,
        fps=fps,
        motion_folder=motion_folder,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
        terrain=terrain,
    )
    clips = [source.clip() for source in found]
    count = Counter(clip.name for clip in clips)
    for i, source in enumerate(found):
        if count[clips[i].name] > 1 and source.path is not None:
            # Registries call every file motion.npz; the folder tells them apart.
            clips[i] = replace(clips[i], name=f"{source.path.parent.name}/{clips[i].name}")
    if mirror:
        clips += [mirror_clip(clip) for clip in clips]
    count = Counter(clip.name for clip in clips)
    twice = sorted(name for name in count if count[name] > 1)
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
    terrain: str = "",
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
        _read,
        robot=robot,
        fps=fps,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
        terrain=terrain,
    )

    make = partial(_make, robot=robot or "unitree_g1", fps=_BUILTIN_FPS if fps is None else fps)
    sources: list[MotionSource] = []
    index = None if folder is None else FolderIndex(folder)
    for part in filter(None, parts):
        members = select(part, index).members()
        if not members:
            raise MotionFileError(f"{part!r} selects no clip; loosen it")
        for member in members:
            place, name = member.where, ""
            if member.given_name or member.edit.piece:
                name = member.given_name or file_name(member.where) + member.edit.piece
            if isinstance(place, Path):
                stated = {key: getattr(member, key) for key in ("fps", "root_quat_order")}
                reader = partial(read, place, **{k: v for k, v in stated.items() if v is not None})
                path = place
            else:
                reader, path = partial(make, place.removeprefix(BUILTIN)), None
            if name or member.edit.given():
                reader = partial(_edited, reader, member.edit, name)
            label = f"{place} ({name})" if name else str(place)
            sources.append(
                MotionSource(label=label, path=path, read=reader, member=member, name=name)
            )
    if not sources:
        raise MotionFileError(
            "no motion was named; give a file, a folder, builtin:walk or a motion set"
        )
    return sources


def _edited(read: Callable[[], MotionFile], edit: ClipEdit, name: str) -> MotionFile:
    file = read()
    clip = edit.apply(file.clip)
    done = ", ".join(f"{key} {value:g}" for key, value in edit.given().items())
    return replace(
        file,
        clip=replace(clip, name=name or clip.name),
        # What the file says beside its coordinates is of other frames, or of another height.
        stored=None if done else file.stored,
        remarks=(*file.remarks, f"changed by its motion set: {done}") if done else file.remarks,
    )


def _read(path: Path, *, robot: str | None, **options: Any) -> MotionFile:
    packed = None if path.exists() else split_clip(path)
    if packed is not None:
        return read_clip(*packed, robot=robot, fps=options["fps"])
    try:
        return read_motion_file(path, robot=robot, **options)
    except MotionFileError as error:
        is_amc_robot = path.suffix.lower() == ".amc" and robot in AMC_ROBOTS
        human = None if is_amc_robot else _human_format(path)
        if human is None:
            raise
        raise MotionFileError(
            f"{path}: a human motion ({human}), not a robot's; make it one: `mimiclab motion "
            f"retarget {path} --robot {robot or 'NAME'}`"
        ) from error


def _human_format(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(1024)
        fitting = (item.name for item in HUMAN_FORMATS.values() if item.recognise(path, head))
        return next(fitting, None)
    except (OSError, MotionFileError):
        return None


def _make(name: str, *, robot: str, fps: float) -> MotionFile:
    clip = builtin_motion(name, robot=robot, fps=fps)
    return MotionFile(path=Path(BUILTIN + name), format="builtin", clip=clip)


def _split(word: str | Path) -> list[str]:
    # A path with a comma in its name is one path.
    return [str(word)] if isinstance(word, Path) or os.path.exists(word) else word.split(",")


def select(part: str, index: FolderIndex | None = None) -> Selection:
    """The clips that one word or expression stands for; `index` is that of the motion folder.

    Raises:
        UnknownNameError: a word that is no file, set or clip.
        MotionFileError: an expression or set that is wrong, a folder without motions.
    """
    folder = None if index is None else index.folder

    def leaf(word: str) -> Selection:
        listed = _prefixed(word)
        if listed is not None:
            return Listed([Member(where=place) for place in listed])
        if word.startswith(TAG):
            return Tagged(word.removeprefix(TAG), None if index is None else index.members)
        path = Path(word).expanduser()
        if path.suffix in (".yaml", ".yml") or word in set_names():
            return _set(word, path, index)
        return Listed([Member(where=place) for place in _files(word, path, folder)])

    # A path with an operator in its name is a path.
    whole = not is_expression(part) or os.path.exists(os.path.expanduser(part))
    return leaf(part) if whole else parse(part, leaf)


def _prefixed(word: str) -> list[Path | str] | None:
    """What a word with a prefix stands for, in sets too; None for a word that has none."""
    if is_registered(word):
        return [registered_file(word)]
    return [*_builtin(word)] if word.startswith(BUILTIN) else None


def _set(word: str, path: Path, index: FolderIndex | None) -> Selection:
    if index is not None and path.suffix and not path.is_file():
        inside = index.folder / path
        path = inside if inside.is_file() else path
    found = load_set(word if word in set_names() else path)
    if index is None and found.path is not None:
        index = FolderIndex(found.path.parent)
    return SetSelection(found, index, _prefixed)


def _builtin(part: str) -> list[str]:
    known = builtin_names()
    name = part.removeprefix(BUILTIN)
    if name == "*":
        return [BUILTIN + each for each in known]
    if name not in known:
        raise UnknownNameError("built-in motion", name, known)
    return [part]


def _files(part: str, path: Path, folder: Path | None) -> list[Path]:
    try:
        path.exists()
    except OSError as error:
        raise MotionFileError(f"{part}: cannot be a file's name ({error.strerror})") from error
    bases = [Path()] if folder is None or path.is_absolute() else [Path(), folder]
    for base in bases:
        candidate = base / path
        if is_packed(candidate):
            return library_paths(candidate)
        if split_clip(candidate):
            return [candidate]
        if candidate.is_dir():
            return _in_folder(candidate)
        if candidate.exists() or split_member(candidate)[1]:
            return clip_paths(candidate)
        if any(sign in part for sign in "*?["):
            matches = [Path(m) for m in sorted(glob.glob(str(candidate), recursive=True))]
            if matches:
                found = [_in_folder(m) if m.is_dir() else clip_paths(m) for m in matches]
                return [clip for clips in found for clip in clips]
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
    found = list(motion_files(folder))
    if not found:
        human = any(p.suffix.lower() in HUMAN_SUFFIXES and p.is_file() for p in folder.rglob("*"))
        advice = "; human motions become a robot's by `mimiclab motion retarget`" if human else ""
        raise MotionFileError(
            f"{folder}: no {' or '.join(MOTION_SUFFIXES)} file in it or below{advice}"
        )
    return found


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
