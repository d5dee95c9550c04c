"""A FastSAC run on the robot is resumed, loaded, exported and begun from like any other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimiclab.deployment.export import export_run
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.errors import CheckpointError
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.cfg import SacCfg
from mimiclab.learning.logs import read_metrics
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.train import resume, train
from mimiclab.motions.library.open import open_motions
from mimiclab.tasks.tracking import TrackingTask

SAC = SacCfg(
    actor_hidden=(32,), critic_hidden=(32,), atoms=21, batch=32, updates=1, replay_steps=20,
    steps_per_env=10, n_step=2,
)  # fmt: skip
CFG = TrainCfg(
    num_envs=4, iterations=2, device="cpu", algorithm="fastsac", sac=SAC, logger="none",
    progress="none",
)  # fmt: skip
TASK = TrackingTask(randomisation=False)


@pytest.fixture(scope="module")
def library():
    return open_motions("builtin:squat", robot="unitree_g1", fps=50.0)


@pytest.fixture(scope="module")
def run(library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two log lines, resumed for a third."""
    folder = tmp_path_factory.mktemp("runs") / "sac"
    assert train(TASK, library, CFG, folder).iteration == 2
    assert resume(folder, iterations=3).iteration == 3
    return folder


def test_the_log_holds_every_line(run: Path) -> None:
    lines = read_metrics(run / "metrics.jsonl")
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert [line["env_steps"] for line in lines] == [40, 80, 120]
    assert "critic" in lines[1]["losses"]
    assert load_run(run).train.algorithm == "fastsac"


def test_its_policy_is_loaded_and_exported_with_bounded_actions(run: Path, tmp_path: Path) -> None:
    policy = load_policy(load_run(run))
    assert policy.iteration == 3
    bound: Any = policy.actor.distribution.bound  # type: ignore
    assert bound.shape == (29,) and len(set(bound.tolist())) > 5
    obs = 3.0 * torch.randn(20, sum(policy.layout["observations"]["actor"].values()))
    actions = policy(obs)
    assert (actions.abs() <= bound).all() and actions.abs().max() > 0
    file = OnnxPolicy(export_run(run, tmp_path / "p.onnx"))
    given = np.asarray(file.act(obs.numpy()))
    np.testing.assert_allclose(given, actions.numpy(), atol=1e-5 * float(actions.abs().max() + 1))


def test_a_new_run_begins_with_its_networks_and_ppo_refuses_them(
    run: Path, library, tmp_path: Path
) -> None:
    begun = replace(CFG, iterations=0)
    begun.warm_start = replace(begun.warm_start, path=str(run))
    train(TASK, library, begun, tmp_path / "again")
    a, b = (load_policy(load_run(folder)) for folder in (run, tmp_path / "again"))
    assert b.iteration == 0
    for name, value in a.actor.state_dict().items():
        assert torch.equal(value, b.actor.state_dict()[name]), name
    begun.algorithm = "ppo"
    with pytest.raises(CheckpointError, match="algorithm: fastsac in the checkpoint, ppo here"):
        train(TASK, library, begun, tmp_path / "ppo")
