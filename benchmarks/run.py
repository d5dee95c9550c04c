"""Run the benchmarks and store, for each, its JSON and its raw output with command and machine.

python benchmarks/run.py            all of them
python benchmarks/run.py motion     only those named
"""

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COMMANDS = {
    "simulation": "bench simulation --envs 64,256,1024 --seconds 10 --rounds 3",
    "motion": "bench motion --repeats 10",
}


def machine() -> str:
    """Processor, cores and versions, as a header of comments."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = {line.split(":", 1)[1].strip() for line in info.splitlines() if "model name" in line}
    from mimiclab.simulation.threads import available_cores

    packages = ("mimiclab", "mujoco", "mjbatch", "mjlab", "mujoco-warp", "torch", "numpy")
    return "\n".join(
        [
            f"# machine: {available_cores()} cores, {', '.join(models) or platform.processor()}",
            f"# system: {platform.system()}, Python {platform.python_version()}",
            f"# versions: {', '.join(f'{name} {version(name)}' for name in packages)}",
        ]
    )


def main(names: list[str]) -> int:
    """Run the named benchmarks; the exit code is that of the first which failed."""
    RESULTS.mkdir(exist_ok=True)
    for name in names or COMMANDS:
        words = ["mimiclab", *COMMANDS[name].split(), "--json", f"benchmarks/results/{name}.json"]
        command = [sys.executable, "-m", "mimiclab.cli.main", *words[1:]]
        print(f"$ {' '.join(words)}", flush=True)
        done = subprocess.run(command, cwd=RESULTS.parents[1], capture_output=True, text=True)
        print(done.stdout, done.stderr)
        if done.returncode:
            return done.returncode
        text = f"# command: {' '.join(words)}\n{machine()}\n\n{done.stdout}"
        (RESULTS / f"{name}.txt").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
