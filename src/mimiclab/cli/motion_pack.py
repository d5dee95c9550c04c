"""`mimiclab motion pack`: many motions into one library that training streams from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mimiclab.cli.groups import Groups, named
from mimiclab.cli.motion_options import DEFAULTS, Inputs, SourceOptions, Sources
from mimiclab.motions.clip import DEFAULT_GROUP

if TYPE_CHECKING:
    from mimiclab.cli.workers import Outcome
    from mimiclab.motions.library.writer import LibraryWriter, PackedClip, Packing
    from mimiclab.motions.sources import MotionSource


def pack(
    motions: Inputs,
    /,
    *,
    output: Path,
    group: Groups = (),
    source: Sources = DEFAULTS,
    output_fps: float | None = None,
    half: bool = False,
    shard_size: int = 256,
    workers: int | None = None,
    overwrite: bool = False,
) -> int:
    """Pack motions into a library: a folder that `--motion` takes, of any size.

    Body poses and velocities are computed once, here. A bad file ends in the table of failures and
    stops nothing. An interrupted packing goes on where it was when the command is given again.
    Exit code 0: all packed; 1: a file failed.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets, or other libraries.
        output: Folder of the library.
        group: A motion group, beside or instead of the motions above; may be given several times.
        source: How the files are found and read.
        output_fps: Resample to this rate; left out, rates are kept and frames interpolated as
            training asks. The control rate (50) makes training cheaper.
        half: Store body data in 16 bits a number, which takes 57 % of the space; docs/libraries.md
            tells the error.
        shard_size: Size of the files in it, MiB.
        workers: Processes; by default one for each core, where there are files enough.
        overwrite: Replace a library that is there.
    """
    from rich.console import Console
    from rich.progress import track

    from mimiclab.cli.motion_batch import print_failures
    from mimiclab.cli.workers import run_in_order, worker_count
    from mimiclab.errors import MotionError, OutputError
    from mimiclab.motions.library.writer import LibraryWriter

    if output.suffix:
        raise OutputError(
            f"--output {output}: a library is a folder, and folders here have no suffix; for "
            f"example --output {output.with_suffix('')}"
        )
    sources = _find(motions, named(group), source)
    writer = LibraryWriter(
        output,
        robot=source.robot,
        fps=output_fps,
        half=half,
        shard_bytes=shard_size << 20,
        overwrite=overwrite,
        resume=True,
    )
    left = [item for item in sources if _origin(item) not in writer.origins]
    if len(left) < len(sources):
        print(f"going on: {len(sources) - len(left)} of {len(sources)} are in {output} already")
    outcomes = run_in_order(
        left, partial(_pack, packing=writer.packing), worker_count(workers, max(1, len(left)))
    )
    shown = track(
        zip(left, outcomes, strict=True),
        description="packing",
        total=len(left),
        console=Console(stderr=True),
        transient=True,
        disable=len(left) < 2 or not Console(stderr=True).is_terminal,
    )
    names = _Names(sources)
    failures: list[Outcome[PackedClip]] = []
    renamed: list[str] = []
    try:
        for item, outcome in shown:
            if outcome.result is not None:
                try:
                    name = names.choose(outcome.result.name, item, writer)
                    writer.append(outcome.result, name=name, origin=_origin(item))
                    renamed += [name] * (name != outcome.result.name)
                except MotionError as error:
                    outcome.error = error
            if outcome.error is not None:
                failures.append(outcome)
    except KeyboardInterrupt:
        print("Stopped: shards written so far are whole; the same command goes on with the rest.")
        raise
    print_failures(failures)
    if failures and not writer.num_clips:
        raise MotionError(f"no motion could be packed, {output} was not made; see the table above")
    writer.close()
    if renamed:
        print(
            f"{len(renamed)} named after their folders or groups, as their names were taken: "
            f"{renamed[:5]}"
        )
    print(_summary(output, len(failures)))
    return 1 if failures else 0


def _find(
    motions: Sequence[str], groups: Mapping[str, str], source: SourceOptions
) -> "list[MotionSource]":
    """Each motion once in its group."""
    from mimiclab.motions.library.groups import check_names

    if groups:
        check_names(groups)
    found = list(source.find(motions)) if motions or not groups else []
    for name, members in groups.items():
        found += [replace(each, group=name) for each in source.find(members)]
    return list({_origin(each): each for each in found}.values())


def _origin(source: "MotionSource") -> str:
    """Tells whoever goes on with a packing that this motion is done for this group."""
    return source.label if source.group == DEFAULT_GROUP else f"{source.group}={source.label}"


def _pack(source: "MotionSource", packing: "Packing") -> "PackedClip":
    return packing.pack(source.clip())


class _Names:
    """Tells clips of equal names apart: by their groups, or else by their folders."""

    def __init__(self, sources: "Sequence[MotionSource]") -> None:
        files = Counter((s.group, s.path.stem) for s in sources if s.path is not None)
        self._in_folders = {key for key, count in files.items() if count > 1}
        groups = Counter(stem for stem, _ in {(_stem(s), s.group) for s in sources})
        self._in_groups = {stem for stem, count in groups.items() if count > 1}

    def choose(self, name: str, source: "MotionSource", taken: "LibraryWriter") -> str:
        """What to call a clip that calls itself `name`."""
        grouped = source.group != DEFAULT_GROUP and _stem(source) in self._in_groups
        prefix = f"{source.group}/" if grouped else ""
        clash = (source.group, name) in self._in_folders or prefix + name in taken
        if clash and source.path is not None:
            # Registries call every file motion.npz; the folder tells them apart.
            return f"{prefix}{source.path.parent.name}/{name}"
        return prefix + name


def _stem(source: "MotionSource") -> str:
    return source.label.rpartition(":")[2] if source.path is None else source.path.stem


def _summary(folder: Path, failures: int) -> str:
    import numpy as np

    from mimiclab.motions.packed.shards import read_folder

    index, shards, _ = read_folder(folder)
    stored = sum(shard.rows * shard.row_bytes for shard in shards) / 2**20
    minutes = float(((index.frames - 1) / index.fps).sum()) / 60
    counts = np.bincount(index.group_of)
    grouped = [f"{name} {n}" for name, n in zip(index.group_names, counts, strict=True)]
    groups = f" in groups {', '.join(grouped)}" if len(grouped) > 1 else ""
    return (
        f"{len(index)} clips of {index.robot} packed{groups}, {failures} failed: "
        f"{minutes:.1f} minutes, "
        f"{index.rows} frames, {stored:.1f} MiB in {len(shards)} shards -> {folder}"
    )
