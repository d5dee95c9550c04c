"""`mimiclab motion split`: a data set in two by name or by length, or long clips into pieces."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Sources

if TYPE_CHECKING:
    from mimiclab.motions.sets.folder_index import FolderIndex
    from mimiclab.motions.sources import MotionSource


def split(
    motions: Inputs,
    /,
    *,
    output: Path,
    into: Literal["sets", "lengths", "snippets"] = "sets",
    source: Sources = DEFAULTS,
    val: float = 0.1,
    seed: int = 0,
    group: str | None = None,
    longest: float = 6.3,
    overlap: float = 0.99,
    whole: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> int:
    """Split motions into a training and a validation set, by length, or cut long ones into pieces.

    Sets: writes OUTPUT/train.yaml and OUTPUT/val.yaml. A hash of each clip's name decides, so clips
    that come later move no other; pieces and mirror images stay with their clip. Lengths: writes
    OUTPUT/short.yaml and OUTPUT/long.yaml, the latter of clips longer than --longest; no file is
    moved. Pieces: cuts by MoCapAct's rule and writes OUTPUT/CLIP-FIRST-LAST.npz; the defaults are
    MoCapAct's.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets, or expressions of them.
        output: Folder to write to.
        into: What to write.
        source: How the files are found and read.
        val: Expected share of clips for validation, 0 to 1.
        seed: Number that makes another split of the same share.
        group: Regular expression; clips in whose names it finds the same stay on one side, as
            `subject[0-9]+` keeps each person together.
        longest: Longest piece, or longest clip that counts as short, in seconds.
        overlap: Seconds that neighbouring pieces share.
        whole: Motions that are not cut, for example `cmu.get_up`.
        overwrite: Replace existing files.
        workers: Processes; by default one for each core, where there are files enough.
    """
    # Words may overlap: what two of them name is one clip.
    sources = list({found.label: found for found in source.find(motions)}.values())
    if into == "sets":
        return _into_sets(sources, output, source.motion_folder, val, seed, group, overwrite)
    if into == "lengths":
        return _into_lengths(sources, output, source.motion_folder, longest, overwrite, workers)
    cut = _Cut(output=output, longest_s=longest, overlap_s=overlap, overwrite=overwrite)
    return _into_snippets(sources, cut, whole, source.motion_folder, workers)


def _into_sets(
    sources: "Sequence[MotionSource]",
    output: Path,
    folder: Path | None,
    val: float,
    seed: int,
    group: str | None,
    overwrite: bool,
) -> int:
    from mimiclab.motions.sets.splits import split_names

    named: dict[str, list[MotionSource]] = {}
    for found in sources:
        named.setdefault(_clip(found), []).append(found)
    parts = split_names(list(named), val, seed=seed, group=group)
    share = f"split by name: {val:g} for validation, seed {seed}"
    share += f", grouped by {group}" if group else ""
    train, held = ([found for name in names for found in named[name]] for names in parts)
    return _save({"train": train, "val": held}, share, output, folder, overwrite)


def _into_lengths(
    sources: "Sequence[MotionSource]",
    output: Path,
    folder: Path | None,
    longest: float,
    overwrite: bool,
    workers: int | None,
) -> int:
    from mimiclab.cli.motion_batch import over_all, print_failures

    outcomes = over_all(sources, _duration, "measuring", workers=workers)
    parts: dict[str, list[MotionSource]] = {"short": [], "long": []}
    for found, outcome in zip(sources, outcomes, strict=True):
        if outcome.result is not None:
            parts["long" if outcome.result > longest else "short"].append(found)
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    print_failures(failures)
    total = sum(outcome.result or 0.0 for outcome in outcomes)
    print(f"{total / 60:.1f} minutes in {len(outcomes) - len(failures)} clips")
    _save(parts, f"up to {longest:g} s are short", output, folder, overwrite)
    return 1 if failures else 0


def _duration(source: "MotionSource") -> float:
    return source.clip().duration_s


def _save(
    parts: "Mapping[str, Sequence[MotionSource]]",
    rule: str,
    output: Path,
    folder: Path | None,
    overwrite: bool,
) -> int:
    """Write a set of each name; one without clips is left out."""
    from mimiclab.errors import OutputError
    from mimiclab.motions.sets import MotionSet, save_set
    from mimiclab.motions.sets.entries import entry_of
    from mimiclab.motions.sets.folder_index import FolderIndex

    total = sum(map(len, parts.values()))
    targets = {output / f"{name}.yaml": chosen for name, chosen in parts.items() if chosen}
    index = FolderIndex(folder or _common_folder([s for part in parts.values() for s in part]))
    for target in targets:
        if target.exists() and not overwrite:
            raise OutputError(f"{target} exists; choose another output or add --overwrite")
    for target, chosen in targets.items():
        entries = [entry_of(_entry(found, index), found.member) for found in chosen]
        weights = {
            entry: found.weight
            for entry, found in zip(entries, chosen, strict=True)
            if isinstance(entry, str) and found.weight != 1.0
        }
        save_set(
            MotionSet(
                name=target.stem,
                description=f"{len(entries)} of {total} clips, {rule}",
                motions=tuple(entries),
                weights=weights,
            ),
            target,
        )
        print(f"{target}: {len(entries)} clips")
    print(f"use them with --motion {next(iter(targets))} --motion-folder {index.folder}")
    return 0


def _common_folder(sources: "Sequence[MotionSource]") -> Path:
    parents = [str(found.path.parent.absolute()) for found in sources if found.path is not None]
    return Path(os.path.commonpath(parents)) if parents else Path()


def _clip(found: "MotionSource") -> str:
    """The clip's name, known without reading it."""
    from mimiclab.motions.sets.entries import file_name

    name = file_name(found.member.where)
    # Registries call every file motion.npz; the folder tells them apart.
    return found.path.parent.name if found.path and name == "motion" else name


def _entry(found: "MotionSource", index: "FolderIndex") -> str:
    """What a set calls the clip: its place below the folder, without suffix if that is enough."""
    from mimiclab.errors import MotionFileError

    if found.path is None:
        return str(found.member.where)
    path, base = found.path.absolute(), index.folder.absolute()
    if not path.is_relative_to(base):
        raise MotionFileError(
            f"{found.path} is not in {index.folder}, where the set would look for it; leave out "
            "--motion-folder, or name one that holds all"
        )
    inner = path.relative_to(base)
    short = inner.with_suffix("").as_posix()
    return short if len(index.find(short)) == 1 else inner.as_posix()


@dataclass(frozen=True, kw_only=True)
class _Cut:
    output: Path
    longest_s: float
    overlap_s: float
    overwrite: bool


def _into_snippets(
    sources: "Sequence[MotionSource]",
    cut: _Cut,
    whole: str | None,
    folder: Path | None,
    workers: int | None,
) -> int:
    from mimiclab.cli.motion_batch import over_all, print_failures
    from mimiclab.motions.sets.algebra import Member
    from mimiclab.motions.sets.folder_index import FolderIndex
    from mimiclab.motions.sources import select

    kept: set[str] = set()
    if whole is not None:
        spared = select(whole, FolderIndex(folder) if folder else None)
        kept = {s.label for s in sources if s.path and spared.holds(Member(where=s.path))}
    base = _common_folder(sources)
    work = partial(_write_pieces, cut=cut, kept=kept, base=base)
    outcomes = over_all(sources, work, "cutting", workers=workers)
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    done = [outcome.result for outcome in outcomes if outcome.result is not None]
    written, skipped = (sum(counts) for counts in zip(*done, strict=True)) if done else (0, 0)
    print_failures(failures)
    more = f", {skipped} skipped (they exist; --overwrite replaces them)" if skipped else ""
    print(f"{written} pieces of {len(done)} clips written{more}, {len(failures)} failed")
    return 1 if failures else 0


def _write_pieces(source: "MotionSource", cut: _Cut, kept: set[str], base: Path) -> tuple[int, int]:
    """Pieces written and skipped."""
    from dataclasses import replace

    from mimiclab.motions.formats import write_motion
    from mimiclab.motions.sets.snippets import cut_snippets

    clip = replace(source.clip(), name=source.name or _clip(source))
    longest = float("inf") if source.label in kept else cut.longest_s
    below = Path() if source.path is None else source.path.parent.absolute().relative_to(base)
    counts = [0, 0]
    for piece in cut_snippets(clip, longest_s=min(longest, 1e9), overlap_s=cut.overlap_s):
        target = cut.output / below / f"{piece.name}.npz"
        exists = target.exists() and not cut.overwrite
        counts[exists] += 1
        if not exists:
            write_motion(piece, target)
    return counts[0], counts[1]
