"""`mimiclab motion pack`: many motions into one library that training streams from."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Sources

if TYPE_CHECKING:
    from mimiclab.cli.workers import Outcome
    from mimiclab.motions.library.writer import LibraryWriter, PackedClip, Packing
    from mimiclab.motions.sources import MotionSource


def pack(
    motions: Inputs,
    /,
    *,
    output: Path,
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
    sources = list({found.label: found for found in source.find(motions)}.values())
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
    from mimiclab.motions.packed.shards import read_folder

    index, shards, _ = read_folder(folder)
    stored = sum(shard.rows * shard.row_bytes for shard in shards) / 2**20
    minutes = float(((index.frames - 1) / index.fps).sum()) / 60
    return (
        f"{len(index)} clips of {index.robot} packed, {failures} failed: {minutes:.1f} minutes, "
        f"{index.rows} frames, {stored:.1f} MiB in {len(shards)} shards -> {folder}"
    )
