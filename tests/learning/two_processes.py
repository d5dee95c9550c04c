"""Running a test's worker in two gloo processes under torchrun."""

import os
import subprocess
import sys
from pathlib import Path


def run_two(worker: str, folder: Path) -> None:
    """Run a file beside this one, which leaves its results in `folder`."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(Path(__file__).with_name(worker)), str(folder),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
