"""Two processes on the CPU train one policy; the sharing of clips among processes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.errors import CheckpointError, EngineError
from mimiclab.learning import distributed
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.distributed import Ranks
from mimiclab.learning.runner import Runner


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes under torchrun left, see `distributed_worker.py`."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("same", "sharded"):
        (folder / name).mkdir()
    worker = Path(__file__).with_name("distributed_worker.py")
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


def results(folder: Path, name: str) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{name}-{rank}.pt") for rank in range(2)]


def test_two_processes_end_with_the_same_policy_which_has_learnt(two: Path) -> None:
    a, b = results(two / "same", "first")
    for part in ("actor", "critic"):
        for name in a[part]:
            assert torch.equal(a[part][name], b[part][name]), name
    assert a["learning_rate"] == b["learning_rate"]
    assert a["env_steps"] == b["env_steps"] == 60 * 16 * 16 * 2
    assert a["length"] > 50  # of 60


def test_processes_differ_in_their_seeds_and_data(two: Path) -> None:
    a, b = results(two / "same", "first")
    assert (a["seed"], b["seed"]) == (1, 2)
    assert not torch.equal(a["seen"], b["seen"])


def test_normaliser_equals_the_statistics_of_the_pooled_data(two: Path) -> None:
    a, b = results(two / "same", "first")
    pooled = torch.cat([a["seen"], b["seen"]]).double().numpy()
    state = a["actor"]
    np.testing.assert_allclose(state["obs_normalizer._mean"][0], pooled.mean(0), atol=1e-5)
    np.testing.assert_allclose(state["obs_normalizer._std"][0], pooled.std(0), rtol=1e-4)
    assert int(state["obs_normalizer.count"]) == len(pooled)


def test_sampler_statistics_are_shared_when_clips_are(two: Path) -> None:
    a, b = results(two / "same", "first")
    assert torch.equal(a["sampler"], b["sampler"])


def test_two_processes_resume_and_one_may_take_over(two: Path, toy_cfg: TrainCfg) -> None:
    first = results(two / "same", "first")[0]
    a, b = results(two / "same", "resumed")
    assert a["start"] == b["start"] == 60
    assert torch.equal(a["sampler_before"], first["sampler"])
    assert torch.equal(a["actor"]["mlp.0.weight"], b["actor"]["mlp.0.weight"])
    alone = Runner(ToyTracking(8), toy_cfg, layout=LAYOUT)
    alone.restore(two / "same" / "checkpoints" / "last.pt")
    assert alone.iteration == 63


def test_with_different_clips_each_process_keeps_its_sampler_statistics(
    two: Path, toy_cfg: TrainCfg
) -> None:
    first, again = results(two / "sharded", "first"), results(two / "sharded", "resumed")
    assert not torch.equal(first[0]["sampler"], first[1]["sampler"])
    assert torch.equal(first[0]["actor"]["mlp.0.weight"], first[1]["actor"]["mlp.0.weight"])
    for rank in range(2):
        assert torch.equal(again[rank]["sampler_before"], first[rank]["sampler"])
    alone = Runner(ToyTracking(8), toy_cfg, layout=LAYOUT)
    with pytest.raises(CheckpointError, match="--nproc-per-node 2"):
        alone.restore(two / "sharded" / "checkpoints" / "last.pt")


@given(
    st.lists(st.floats(0.1, 60.0), min_size=1, max_size=40),
    st.integers(1, 6),
)
def test_shards_cover_each_clip_once_and_are_balanced(durations: list[float], world: int) -> None:
    shards = [distributed.shard(durations, Ranks(r, world)) for r in range(world)]
    if world == 1 or len(durations) < world:
        assert shards == [None] * world
        return
    assert sorted(clip for part in shards for clip in part or []) == list(range(len(durations)))
    loads = [sum(durations[c] for c in part or []) for part in shards]
    assert max(loads) - min(loads) <= max(durations) + 1e-9


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineError, match="CUDA device"):
        distributed.pick_device(f"cuda:{torch.cuda.device_count()}")
    with pytest.raises(EngineError, match="unknown device"):
        distributed.pick_device("tpu")
    assert distributed.pick_device("cpu") == "cpu"
