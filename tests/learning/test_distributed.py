"""Two processes on the CPU train one policy; the sharing of clips among processes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from distributed_worker import pooled_sampler
from toy_tracking import LAYOUT, ToyTracking
from two_processes import run_two

from mimiclab.errors import CheckpointError, EngineError
from mimiclab.learning import distributed
from mimiclab.learning.checkpoint import load_checkpoint
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.logs import read_metrics
from mimiclab.learning.runner import Runner
from mimiclab.learning.waiting import Waiting


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two gloo processes under torchrun left, see `distributed_worker.py`."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("same", "sharded", "groups"):
        (folder / name).mkdir()
    run_two("distributed_worker.py", folder)
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


def test_two_processes_learn_what_one_with_all_environments_learns(
    two: Path, toy_cfg: TrainCfg
) -> None:
    torch.manual_seed(0)
    alone = Runner(ToyTracking(32, seed=1), toy_cfg, layout=LAYOUT)
    alone.learn(iterations=60)
    assert alone.best is not None
    together = results(two / "same", "first")[0]["length"]
    assert together == pytest.approx(alone.best["value"], rel=0.1)


def test_shared_statistics_of_two_levels_are_those_of_all_episodes(two: Path) -> None:
    a, b = results(two, "statistics")
    pooled = pooled_sampler((0, 1)).clip_probabilities()
    assert torch.equal(a["clips"], b["clips"])
    torch.testing.assert_close(a["clips"], pooled)
    assert not torch.allclose(pooled, pooled_sampler((0,)).clip_probabilities())
    assert a["kept"] and b["kept"]  # each process keeps the clips of its own environments
    assert float(a["assigned"].sum()) == 6.0


def test_groups_that_are_divided_train_one_policy(two: Path) -> None:
    """Two clips of `many` for each process, the one of `few` for both; 2 and 6 of 8 places."""
    a, b = results(two / "groups", "groups")
    for name, value in a["actor"].items():
        assert torch.equal(value, b["actor"][name]), name
    assert a["sharded"] and b["sharded"]
    assert a["group_names"] == b["group_names"] == ("few", "many")
    assert set(a["clips"]) & set(b["clips"]) == {"stand"}
    assert len(a["clips"]) == len(b["clips"]) == 3
    for each in (a, b):
        # Statistics are of the process's own clips.
        assert each["sampler"]["clip_names"] == list(each["clips"])
        assert float(each["sampler"]["assigned"].sum()) >= 8
        assert each["sampler"]["control_steps"] == 3 * 8
    saved = load_checkpoint(two / "groups" / "run" / "checkpoints" / "last.pt")
    noted = [rank["environment"]["terms"]["command.motion"] for rank in saved["ranks"]]
    assert [state["clip_names"] for state in noted] == [list(a["clips"]), list(b["clips"])]


def test_waiting_for_the_slower_process_is_measured_and_logged(two: Path) -> None:
    """One of two processes waits 0.4 s of 0.4 s, the other does not: half of their time."""
    a, b = results(two, "waiting")
    assert a == b
    assert 0.15 < a["waiting_s"] < 0.35
    assert 0.3 < a["parallel_efficiency"] < 0.7
    for line in read_metrics(two / "groups" / "run" / "metrics.jsonl"):
        assert 0.0 < line["parallel_efficiency"] < 1.0
        assert line["steps_per_s"] == pytest.approx(2 * line["steps_per_s_per_process"])


def test_one_process_waits_for_nobody() -> None:
    operation = torch.distributed.all_reduce
    with Waiting() as waiting:
        assert torch.distributed.all_reduce is operation
        assert waiting.report() == {}


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineError, match="CUDA device"):
        distributed.pick_device(f"cuda:{torch.cuda.device_count()}")
    with pytest.raises(EngineError, match="unknown device"):
        distributed.pick_device("tpu")
    assert distributed.pick_device("cpu") == "cpu"
