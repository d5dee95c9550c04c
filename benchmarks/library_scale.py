"""What a motion library costs as it grows from 100 to 100,000 clips, in memory and streamed.

python benchmarks/library_scale.py [--folder SCRATCH] [--clips 100,1000,10000,100000]

Libraries of the G1 in half precision, clips of 2 s at 50 Hz (64 different ones under many names),
are written to SCRATCH (5.2 GB at the most, removed at the end). Each is measured in a process of
its own, single-threaded where torch decides nothing else. Results: benchmarks/results/
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

RAM = Path("/dev/shm") / f"mimiclab-{os.getpid()}"
SECONDS, FPS, REFERENCES = 2.0, 50.0, 4096
IN_MEMORY_UP_TO = 10_000
"""Clips; more than 1 GB of float32 is not taken into memory here."""


def write(folder: Path, clips: int) -> float:
    """Write a library; returns seconds."""
    import numpy as np

    from mimiclab.motions.clip import MotionClip
    from mimiclab.motions.kinematics import resample
    from mimiclab.motions.library.writer import LibraryWriter
    from mimiclab.motions.synthesis import builtin_motion, builtin_names

    began = time.perf_counter()
    with LibraryWriter(folder, robot="unitree_g1", half=True) as writer:

        def cut(i: int) -> MotionClip:
            names = [name for name in builtin_names() if name != "hop"]
            base = resample(builtin_motion(names[i % len(names)]), FPS)
            part = base.cut(5 * (i // len(names)), 5 * (i // len(names)) + int(SECONDS * FPS))
            return replace(part, root_pos=part.root_pos + np.array([0.3 * i, 0.0, 0.0]))

        pool = [writer.packing.pack(cut(i)) for i in range(64)]
        for i in range(clips):
            writer.append(pool[i % 64], name=f"session_{i // 100:04d}/clip_{i:06d}")
    return time.perf_counter() - began


def held_mib() -> dict[str, int]:
    """Resident memory of this process: its own, and mapped files."""
    text = Path("/proc/self/status").read_text()
    found = {key: re.search(key + r":\s+(\d+)", text) for key in ("RssAnon", "RssFile")}
    return {key: int(match[1]) // 1024 if match else -1 for key, match in found.items()}


def timed(work: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Best and median of the repeats, and best processor time, ms."""
    times, used = [], []
    for _ in range(repeats):
        began, busy = time.perf_counter(), time.process_time()
        work()
        used.append(1e3 * (time.process_time() - busy))
        times.append(1e3 * (time.perf_counter() - began))
    return min(times), sorted(times)[repeats // 2], min(used)


def measure(folder: Path, way: str) -> dict[str, object]:
    """Open, draw and look up, in this process."""
    import torch

    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.sampler_cfg import SamplerCfg

    torch.manual_seed(0)
    before = held_mib()
    began = time.perf_counter()
    library = MotionLibrary.load(folder, streaming=way != "memory")
    out: dict[str, object] = {"open_ms": 1e3 * (time.perf_counter() - began)}
    opened = held_mib()
    n = REFERENCES
    everyone = torch.arange(n)
    for kind in ("uniform", "adaptive"):
        sampler = SamplerCfg(kind=kind).build(library)
        out[f"draw_{kind}_ms"] = timed(lambda s=sampler: s.sample(everyone), 10)

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        return sampler.sample(everyone)

    def between(clip: torch.Tensor, time_s: torch.Tensor) -> object:
        return library.frames(clip, time_s + 0.007)

    if way == "disk":
        drop_cache(folder)
        clip, time_s = drawn()
        out["cold_ms"] = timed(lambda: library.frames(clip, time_s), 1)
        warm(folder)
    starts = [drawn() for _ in range(30)]
    for name, look_up in (("stored", library.frames), ("between", between)):
        todo = iter(starts + starts)
        out[f"random_{name}_ms"] = timed(lambda f=look_up, t=todo: f(*next(t)), 30)
    # As in training: every environment goes on by a step, one in 250 begins anew.
    clip, time_s = drawn()

    def step_on() -> None:
        ended = (torch.rand(n) < 1 / 250) | (time_s >= library.durations_s[clip])
        clip[ended], time_s[ended] = sampler.sample(everyone[ended])
        library.frames(clip, time_s, False)
        time_s.add_(0.02)

    out["training_ms"] = timed(step_on, 200)
    after = held_mib()
    out["index_mib"] = opened["RssAnon"] - before["RssAnon"]
    out["rss_mib"] = {key: after[key] - before[key] for key in after}
    return out


def drop_cache(folder: Path) -> None:
    """Forget what the system holds of the files."""
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def warm(folder: Path) -> None:
    """Read all files once."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass


def main() -> int:
    """Measure all sizes and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--clips", default="100,1000,10000,100000")
    parser.add_argument("--measure", nargs=2)
    options = parser.parse_args()
    if options.measure:
        folder, way = options.measure
        print(json.dumps(measure(Path(folder), way)))
        return 0
    scratch = Path(tempfile.mkdtemp(dir=options.folder))
    lines = [f"# load before: {os.getloadavg()[0]:.2f}"]
    try:
        for count in (int(word) for word in options.clips.split(",")):
            folder = scratch / str(count)
            seconds = write(folder, count)
            size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
            shards = len(list(folder.glob("shard_*")))
            lines.append(
                f"\n{count} clips, {count * SECONDS / 3600:.2f} h, {size:.0f} MiB in {shards} "
                f"shards, written in {seconds:.1f} s"
            )
            ways = {"memory": folder, "disk": folder, "cached": cached(folder, size)}
            for way, place in ways.items():
                if place is None or (way == "memory" and count > IN_MEMORY_UP_TO):
                    continue
                command = [sys.executable, __file__, "--measure", str(place), way]
                environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
                done = subprocess.run(
                    command, capture_output=True, text=True, check=True, env=environment
                )
                found = json.loads(done.stdout)
                lines.append(f"  {way}: " + ", ".join(told(k, v) for k, v in found.items()))
            print("\n".join(lines[-4:]), flush=True)
            shutil.rmtree(folder)
            if ways["cached"] is not None:
                shutil.rmtree(ways["cached"])
    finally:
        shutil.rmtree(scratch)
        shutil.rmtree(RAM, ignore_errors=True)
    from run import RESULTS, machine

    text = f"# command: python benchmarks/library_scale.py\n{machine()}\n"
    about = (
        f"# {REFERENCES} references at once, clips of {SECONDS:g} s, half precision\n"
        "# memory: all rows in memory; disk: streamed, the files read once before (a machine may "
        "forget them again);\n# cached: streamed from a file system in memory, so that all is "
        "cached\n# times in ms: best/median/processor; other programs make the first two longer\n"
        "# stored: on stored frames; between: interpolated; training: each environment one step "
        "on, 1 in 250 anew\n"
        "# memory of the process in MiB: own (RssAnon) and mapped files (RssFile), grown since "
        "before the library was opened\n"
    )
    (RESULTS / "library_scale.txt").write_text(text + about + "\n".join(lines) + "\n")
    return 0


def cached(folder: Path, mib: float) -> Path | None:
    """A copy in a file system in memory: all of it is cached whatever this machine does."""
    if not RAM.parent.is_dir() or shutil.disk_usage(RAM.parent).free / 2**20 < 1.5 * mib:
        return None
    return shutil.copytree(folder, RAM / folder.name)


def told(key: str, value: object) -> str:
    """One measurement as text."""
    name = key.removesuffix("_ms").removesuffix("_mib").replace("_", " ")
    if isinstance(value, list):
        return f"{name} {'/'.join(f'{v:.2f}' for v in dict.fromkeys(value))}"
    if isinstance(value, dict):
        return f"{name} " + " ".join(f"{k} {v}" for k, v in value.items())
    return f"{name} {value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
