"""Two processes on the CPU train one policy by FastSAC."""

from pathlib import Path

import pytest
import torch
from toy_tracking import same
from two_processes import run_two


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes under torchrun left, see `fastsac_worker.py`."""
    folder = tmp_path_factory.mktemp("two")
    run_two("fastsac_worker.py", folder)
    return folder


def results(folder: Path, name: str) -> list:
    return [torch.load(folder / f"{name}-{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", ["first", "resumed"])
def test_both_processes_end_with_the_same_networks(two: Path, name: str) -> None:
    a, b = results(two, name)
    for part in ("actor", "critic", "optimizer", "log_alpha"):
        assert same(a[part], b[part]), part
    assert not torch.equal(a["replay"], b["replay"])  # each remembers its own environments
    assert a["batch"] == b["batch"] == 32  # of 64 over all
    assert a["steps"] == b["steps"] > 0


def test_statistics_are_those_of_the_pooled_observations(two: Path) -> None:
    a, b = results(two, "first")
    assert not torch.equal(a["seen"], b["seen"])
    pooled = torch.cat([a["seen"], b["seen"]]).double()
    mean, std = a["actor"]["obs_normalizer._mean"][0], a["actor"]["obs_normalizer._std"][0]
    torch.testing.assert_close(mean.double(), pooled.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(std.double(), pooled.std(0), atol=1e-5, rtol=1e-3)
    assert int(a["actor"]["obs_normalizer.count"]) == len(pooled) == 2 * 5 * 8 * 16


def test_each_process_gets_its_replay_back(two: Path) -> None:
    for result in results(two, "resumed"):
        assert result["remarks"] == []
        assert result["kept"] == 40


def test_gradients_are_averaged(two: Path) -> None:
    assert results(two, "average") == [[2.0, 3.0, None]] * 2
