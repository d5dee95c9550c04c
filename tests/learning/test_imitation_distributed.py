"""Two processes on the CPU imitate together: equal students and schedules from different data."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_teachers import same


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes under torchrun left, see `imitation_worker.py`."""
    folder = tmp_path_factory.mktemp("two")
    worker = Path(__file__).with_name("imitation_worker.py")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(worker), str(folder),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def results(folder: Path, mode: str) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{mode}-{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("mode", ["hybrid", "distil"])
def test_students_and_schedules_are_equal_and_data_are_not(two: Path, mode: str) -> None:
    a, b = results(two, mode)
    for part in ("actor", "critic", "algorithm"):
        assert same(a[part], b[part]), part
    assert a["algorithm"]["updates"] == 5
    assert not torch.equal(a["seen"], b["seen"])
    assert not torch.equal(a["order"], b["order"])


@pytest.mark.parametrize("mode", ["hybrid", "distil"])
def test_imitation_is_logged_over_both_processes(two: Path, mode: str) -> None:
    a, b = results(two, mode)
    shared = [key for key in a["losses"] if key.startswith("bc_")]
    assert {"bc_teacher", "bc_recording", "bc_teacher/all/action_l2"} <= set(shared)
    assert all(a["losses"][key] == b["losses"][key] for key in shared)
    # Steps of a batch (8 x 8 / 4 mini-batches), of both.
    assert a["losses"]["bc_teacher/all/steps"] == 2 * 16
