"""`mimiclab bench simulation`: env steps per second of each engine, beside the physical limit."""

import json as json_format
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mimiclab.errors import EngineError
from mimiclab.files import write_text
from mimiclab.simulation.threads import available_cores

ENGINES = ("native", "warp", "mjbatch", "mj_step")


def bench_simulation(
    *,
    json: Path | None = None,
    envs: str = "64,256,1024",
    engines: str = ",".join(ENGINES),
    seconds: float = 10.0,
    rounds: int = 5,
    motion: str = "builtin:walk",
    robot: str = "unitree_g1",
) -> int:
    """Measure environment steps per second on the CPU, on the full tracking task.

    For each number of environments, every engine gets a process of its own with the same task,
    motion and seed, and they take turns, so that a change in the load of the machine meets all of
    them. native: our engine with randomisation, noise and pushes. warp: mjlab's own environment and
    CPU path. mj_step: bare MuJoCo, one control step at a time on all cores, on states and controls
    recorded from the task: the physical limit for this model. mjbatch: the same through mjbatch,
    with the native engine's model settings. `cores used` is processor over wall-clock time: where a
    threaded engine used clearly fewer than there are, something else ran on the machine.

    Args:
        json: Also write the rows to this file.
        envs: Numbers of environments, with commas.
        engines: Which of native, warp, mjbatch, mj_step, with commas.
        seconds: Measuring time for each row.
        rounds: Turns that this time is divided into; the rate is that of all turns together.
        motion: Motion to track.
        robot: Robot.

    Returns:
        0.
    """
    names, counts = _parse(engines, envs)
    rows: list[dict[str, Any]] = []
    header: dict[str, Any] = {}
    for num_envs in counts:
        workers = {
            engine: _Worker(engine, num_envs, motion=motion, robot=robot) for engine in names
        }
        try:
            for worker in workers.values():
                worker.start()
            for worker in workers.values():
                header = worker.wait_until_ready()
            for _ in range(rounds):
                for worker in workers.values():
                    worker.measure(seconds / rounds)
            rows += [worker.row() for worker in workers.values()]
        finally:
            for worker in workers.values():
                worker.stop()
        _print_rows(rows, num_envs)
    result = {"schema": 1, **header, "cores": available_cores(), "rows": rows}
    if json is not None:
        write_text(json, json_format.dumps(result, indent=2) + "\n")
        print(f"wrote {json}")
    return 0


def _parse(engines: str, envs: str) -> tuple[list[str], list[int]]:
    names = [name.strip() for name in engines.split(",") if name.strip()]
    unknown = sorted(set(names) - set(ENGINES))
    if unknown or not names:
        raise EngineError(f"engines is {engines!r}: give some of {','.join(ENGINES)}")
    try:
        counts = [int(count) for count in envs.split(",")]
        assert min(counts) > 0
    except (ValueError, AssertionError):
        raise EngineError(f"envs is {envs!r}: give positive numbers, as in 64,256") from None
    return names, counts


class _Worker:
    """One engine in a process of its own, idle unless it is its turn."""

    command = (sys.executable, "-m", "mimiclab.cli.bench_simulation_worker")

    def __init__(self, engine: str, num_envs: int, **task: str) -> None:
        self.engine, self.num_envs, self.task = engine, num_envs, task
        self.steps = self.seconds = self.physics_seconds = self.cpu_seconds = 0.0
        self.decimation = 1
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": "passive", "MJLAB_WARP_QUIET": "1"},
        )
        self._tell({"engine": self.engine, "num_envs": self.num_envs, **self.task})

    def wait_until_ready(self) -> dict[str, Any]:
        header = self._hear()
        self.decimation = header["decimation"]
        return header

    def measure(self, seconds: float) -> None:
        self._tell({"seconds": seconds})
        answer = self._hear()
        self.steps += answer["steps"]
        self.seconds += answer["seconds"]
        self.physics_seconds += answer["physics_seconds"]
        self.cpu_seconds += answer["cpu_seconds"]

    def row(self) -> dict[str, Any]:
        rate = self.steps * self.num_envs / self.seconds
        return {
            "engine": self.engine,
            "num_envs": self.num_envs,
            "env_steps_per_s": round(rate, 1),
            "physics_steps_per_s": round(rate * self.decimation, 1),
            "outside_physics": round(1.0 - self.physics_seconds / self.seconds, 4),
            "cores_used": round(self.cpu_seconds / self.seconds, 2),
        }

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait()

    def _tell(self, question: dict[str, Any]) -> None:
        assert self.process is not None and self.process.stdin is not None
        try:
            self.process.stdin.write(json_format.dumps(question) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; `_hear` tells

    def _hear(self) -> dict[str, Any]:
        assert self.process is not None and self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise EngineError(
                f"the {self.engine} benchmark with {self.num_envs} environments ended with code "
                f"{self.process.wait()}; what it wrote above says why"
            )
        return json_format.loads(line)


def _print_rows(rows: list[dict[str, Any]], num_envs: int) -> None:
    rates = {r["engine"]: r["env_steps_per_s"] for r in rows if r["num_envs"] == num_envs}
    print(f"{'engine':<10}{'envs':>6}{'env steps/s':>14}{'outside physics':>18}{'cores used':>12}")
    for row in rows:
        if row["num_envs"] == num_envs:
            print(
                f"{row['engine']:<10}{num_envs:>6}{row['env_steps_per_s']:>14,.0f}"
                f"{row['outside_physics']:>18.0%}{row['cores_used']:>12.2f}"
            )
    if "native" in rates:
        for other, meaning in (
            ("warp", "times mjlab's CPU path"),
            ("mj_step", "of bare mj_step, the physical limit of this model as it is"),
            ("mjbatch", "of bare mjbatch with the native engine's model settings"),
        ):
            if other in rates:
                print(f"  native is {rates['native'] / rates[other]:.2f} {meaning}")
    print(flush=True)
