"""`mimiclab bench motion`: how fast motions are converted, loaded and looked up."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from mimiclab.motions.clip import MotionClip

SCHEMA = 1


def bench_motion(
    *,
    motions: tuple[str, ...] = ("builtin:*",),
    robot: str = "unitree_g1",
    fps: float | None = None,
    root_quat_order: str | None = None,
    library_clips: int = 1000,
    library_seconds: float = 10.0,
    gather: int = 4096,
    repeats: int = 5,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> None:
    """Measure conversion (CSV to a checked clip with forward kinematics), load and gather rates.

    `× real` is seconds of motion per second of work.

    Every number is the best of the repeats, in one process; the robot's model is compiled before.

    Args:
        motions: Motions to convert: files, folders, `builtin:NAME`; written as CSV first.
        robot: Robot of the motions.
        fps: Frame rate of files that do not state one.
        root_quat_order: Order of the root quaternion in CSV files.
        library_clips: Clips in the library; 0 leaves the library out.
        library_seconds: Length of each clip in the library, s.
        gather: References looked up at once.
        repeats: Runs of each measurement.
        json_path: Write the results as JSON.
    """
    import os
    import tempfile

    from rich.console import Console
    from rich.table import Table

    from mimiclab.cli.motion_batch import write_json
    from mimiclab.motions.sources import load_motions
    from mimiclab.robots import get_robot

    # Rates on a machine that was busy before are too low; whoever reads them should know.
    machine = {"cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0]}
    get_robot(robot).model.nq  # noqa: B018 - compiled here, outside of the measurements
    clips = load_motions(list(motions), robot=robot, fps=fps, root_quat_order=root_quat_order)
    with tempfile.TemporaryDirectory() as folder:
        rows = [_convert_rates(clip, Path(folder), repeats) for clip in clips]
        library = None
        if library_clips:
            shape = (library_clips, library_seconds, gather)
            library = _library_rates(clips[0], Path(folder), shape, repeats)
    console = Console()
    table = Table(title="CSV to checked clip, and mimiclab npz", title_justify="left")
    table.add_column("clip", overflow="fold")
    for name in ("frames", "s", "convert ms", "× real", "npz ms", "× real"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["clip"],
            f"{row['frames']}",
            f"{row['duration_s']:.1f}",
            f"{row['convert_s'] * 1e3:.2f}",
            f"{row['convert_x_real_time']:,.0f}",
            f"{row['npz_read_s'] * 1e3:.2f}",
            f"{row['npz_x_real_time']:,.0f}",
        )
    console.print(table)
    if library is not None:
        for key, value in library.items():
            console.print(f"{key:<24} {value:,.6g}", highlight=False)
    if json_path is not None:
        document = {"schema": SCHEMA, "robot": robot, **machine, "rows": rows, "library": library}
        write_json(json_path, document)


def _best(work: Callable[[], object], repeats: int, *, cpu: bool = False) -> float:
    """Shortest time of the repeats, s: wall clock, or processor time of this process."""
    import time

    clock = time.process_time if cpu else time.perf_counter
    best = float("inf")
    for _ in range(max(1, repeats)):
        start = clock()
        work()
        best = min(best, clock() - start)
    return best


def _convert_rates(clip: "MotionClip", folder: Path, repeats: int) -> dict[str, Any]:
    """CSV to checked clip (read, forward kinematics, all checks), and reading as mimiclab npz."""
    from mimiclab.motions.check import check_file
    from mimiclab.motions.formats import read_motion, read_motion_file, write_motion

    csv, npz = folder / "clip.csv", folder / "clip.npz"
    write_motion(clip, csv)
    write_motion(clip, npz)

    def convert() -> None:
        # The order is declared, as detection would refuse a clip that is upside down on purpose.
        check_file(read_motion_file(csv, robot=clip.robot, fps=clip.fps, root_quat_order="xyzw"))

    convert_s = _best(convert, repeats)
    npz_s = _best(lambda: read_motion(npz), repeats)
    return {
        "clip": clip.name,
        "frames": clip.num_frames,
        "duration_s": clip.duration_s,
        "convert_s": convert_s,
        # Long clips are interrupted on a busy machine; the work is single-threaded.
        "convert_cpu_s": _best(convert, repeats, cpu=True),
        "convert_x_real_time": clip.duration_s / convert_s,
        "npz_read_s": npz_s,
        "npz_x_real_time": clip.duration_s / npz_s,
    }


def _library_rates(
    clip: "MotionClip", folder: Path, shape: tuple[int, float, int], repeats: int
) -> dict[str, float]:
    """Building, saving, loading and gathering from a library of equal clips."""
    from dataclasses import replace

    import numpy as np
    import torch

    from mimiclab.motions.kinematics import resample
    from mimiclab.motions.library import MotionLibrary

    count, seconds, gather = shape
    base = resample(clip, 50.0)
    frames = np.arange(round(seconds * base.fps) + 1) % base.num_frames
    long = replace(
        base,
        root_pos=base.root_pos[frames],
        root_quat_wxyz=base.root_quat_wxyz[frames],
        joint_pos=base.joint_pos[frames],
    )
    clips = [replace(long, name=f"clip_{i:04d}") for i in range(count)]
    made: list[MotionLibrary] = []
    build_s = _best(lambda: made.append(MotionLibrary.from_clips(clips, robot=clip.robot)), 1)
    path = folder / "library.safetensors"
    save_s = _best(lambda: made[0].save(path), 1)
    load_s = _best(lambda: MotionLibrary.load(path), repeats)
    library = MotionLibrary.load(path)
    rng = torch.Generator().manual_seed(0)
    which = torch.randint(count, (gather,), generator=rng)
    times = torch.rand(gather, generator=rng) * seconds
    gather_s = _best(lambda: library.frames(which, times), 20 * repeats)
    return {
        "clips": count,
        "clip_seconds": seconds,
        "file_mib": path.stat().st_size / 2**20,
        "build_s": build_s,
        "build_x_real_time": count * seconds / build_s,
        "save_s": save_s,
        "load_s": load_s,
        "gather_references": gather,
        "gather_ms": gather_s * 1e3,
        "torch_threads": torch.get_num_threads(),
    }
