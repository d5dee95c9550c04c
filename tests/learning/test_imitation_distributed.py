"""Two processes on the CPU imitate together: equal students and schedules from different data."""

from pathlib import Path
from typing import Any

import pytest
import torch
from toy_tracking import same
from two_processes import run_two


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes under torchrun left, see `imitation_worker.py`."""
    folder = tmp_path_factory.mktemp("two")
    run_two("imitation_worker.py", folder)
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
