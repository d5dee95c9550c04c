"""`mimiclab motion pack`: many motions into one library that training streams from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mimiclab.cli.motion_options import DEFAULTS, Inputs, SourceOptions, Sources

if TYPE_CHECKING:
    from mimiclab.cli.workers import Outcome
    from mimiclab.motions.library.writer import LibraryWriter, PackedClip, Packing
    from mimiclab.motions.sources import MotionSource

_NO_GROUPS: dict[str, str] = {}


def pack(
    motions: Inputs,
    /,
    *,
    output: Path,
    groups: dict[str, str] = _NO_GROUPS,
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
        groups: Motion groups, the name of each and its motions, beside or instead of those above.
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
    sources = _find(motions, groups, source)
    writer = LibraryWriter(
        output,
        robot=source.robot,
        fps=output_fps,
        half=half,
        shard_bytes=shard_size << 20,
        overwrite=overwrite,
        resume=True,
    )
    left = [item for item in sources if item.label not in writer.origins]
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
    stems = Counter(item.path.stem for item in sources if item.path is not None)
    shared = {stem for stem, count in stems.items() if count > 1}
    failures: list[Outcome[PackedClip]] = []
    renamed: list[str] = []
    try:
        for item, outcome in shown:
            if outcome.result is not None:
                try:
                    _append(writer, outcome.result, item, shared, renamed)
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
        print(f"{len(renamed)} named after their folders, as their names were taken: {renamed[:5]}")
    print(_summary(output, len(failures)))
    return 1 if failures else 0


def _find(
    motions: Sequence[str], groups: Mapping[str, str], source: SourceOptions
) -> "list[MotionSource]":
    """Each motion once, with its group."""
    from mimiclab.errors import MotionError
    from mimiclab.motions.library.groups import check_names

    if groups:
        check_names(groups)
    found = list(source.find(motions)) if motions or not groups else []
    for name, named in groups.items():
        found += [replace(each, group=name) for each in source.find(named)]
    once: dict[str, MotionSource] = {}
    for each in found:
        before = once.setdefault(each.label, each)
        if before.group != each.group:
            raise MotionError(
                f"{each.label} is in two motion groups, {before.group!r} and {each.group!r}; leave "
                "it out of one"
            )
    return list(once.values())


def _pack(source: "MotionSource", packing: "Packing") -> "PackedClip":
    return packing.pack(source.clip())


def _append(
    writer: "LibraryWriter",
    packed: "PackedClip",
    source: "MotionSource",
    shared: set[str],
    renamed: list[str],
) -> None:
    name = packed.name
    if (name in shared or name in writer) and source.path is not None:
        # Registries call every file motion.npz; the folder tells them apart.
        name = f"{source.path.parent.name}/{name}"
    writer.append(packed, name=name, origin=source.label)
    if name != packed.name:
        renamed.append(name)


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
