"""The training loop on the toy problem: it learns, stops, saves and resumes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_tracking import LAYOUT, Lines, ToyTracking, same

from mimiclab.errors import CheckpointError, EngineError
from mimiclab.learning import checkpoint as ckpt
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.logs import JsonlLog, read_metrics
from mimiclab.learning.runner import Runner


def make(cfg: TrainCfg, seed: int = 0, **kwargs: Any) -> Runner:
    torch.manual_seed(seed)
    return Runner(ToyTracking(cfg.num_envs, seed), cfg, layout=LAYOUT, **kwargs)


def test_ppo_learns_to_track(toy_cfg: TrainCfg) -> None:
    sink = Lines()
    runner = make(toy_cfg, sinks=[sink])
    assert runner.learn() == "iterations"
    first, last = sink.lines[1], sink.lines[-1]
    assert first["mean_episode_length"] < 15
    assert last["mean_episode_length"] > 55  # of 60
    assert last["step_reward"] > 0.85
    assert last["rewards"]["follow"] > 0.8
    assert last["metrics"]["error"] < 0.15
    assert last["env_steps"] == 60 * 32 * 16
    assert set(last["losses"]) == {"value", "surrogate", "entropy"}
    assert last["share"] == 1.0 and last["eta_s"] == 0.0


def test_resumed_training_equals_uninterrupted_bit_for_bit(
    toy_cfg: TrainCfg, tmp_path: Path
) -> None:
    straight = make(toy_cfg)
    straight.learn(iterations=3)
    straight.learn(iterations=6)  # every `learn` starts with a reset of the environments

    make(toy_cfg, folder=tmp_path).learn(iterations=3)
    resumed = make(toy_cfg, seed=99)
    resumed.restore(tmp_path / "checkpoints" / "last.pt")
    assert resumed.iteration == 3
    resumed.learn(iterations=6)

    a, b = straight.state(), resumed.state()
    for key in ("actor", "critic", "optimizer", "learning_rate", "env_steps", "window"):
        assert same(a[key], b[key]), key
    assert same(a["ranks"][0]["random"], b["ranks"][0]["random"])
    assert same(a["ranks"][0]["environment"], b["ranks"][0]["environment"])


def test_another_observation_layout_is_refused(toy_cfg: TrainCfg, tmp_path: Path) -> None:
    make(toy_cfg, folder=tmp_path).learn(iterations=1)
    other = make(toy_cfg)
    other.layout = {**LAYOUT, "robot": "plane"}
    with pytest.raises(CheckpointError, match="robot: point in the checkpoint, plane here"):
        other.restore(tmp_path / "checkpoints" / "last.pt")


def test_checkpoints_of_a_run(toy_cfg: TrainCfg, tmp_path: Path) -> None:
    cfg = replace(toy_cfg, save_interval=10, keep_last=2, iterations=45)
    runner = make(cfg, folder=tmp_path)
    runner.learn()
    folder = tmp_path / "checkpoints"
    assert [n for n, _ in ckpt.numbered(folder)] == [40, 45]
    assert ckpt.load_checkpoint(folder / "last.pt")["iteration"] == 45
    best = ckpt.load_checkpoint(folder / "best.pt")
    assert best["best"] == runner.best
    assert best["iteration"] == runner.best["iteration"]
    assert runner.best["metric"] == "mean_episode_length"
    assert runner.best["value"] > 50


def test_best_by_an_error_metric_is_the_smallest(toy_cfg: TrainCfg) -> None:
    sink = Lines()
    runner = make(replace(toy_cfg, best_metric="metrics.error", iterations=20), sinks=[sink])
    runner.learn()
    values = [line["metrics"].get("error", 9.0) for line in sink.lines]
    assert runner.best is not None
    assert runner.best["value"] <= min(values[5:])


def test_time_budget_counts_over_resumes(toy_cfg: TrainCfg, tmp_path: Path) -> None:
    cfg = replace(toy_cfg, iterations=100_000)
    runner = make(cfg, folder=tmp_path)
    assert runner.learn(minutes=0.6 / 60) == "minutes"
    assert 0.6 <= runner.train_time_s < 2.0
    again = make(cfg)
    again.restore(tmp_path / "checkpoints" / "last.pt")
    before = again.iteration
    assert again.learn(minutes=0.6 / 60) == "minutes"
    assert again.iteration == before


def test_nan_from_the_environment_stops_with_its_number(toy_cfg: TrainCfg) -> None:
    runner = make(toy_cfg)
    runner.env.poison_at = 5
    weights = {k: v.clone() for k, v in runner.alg.actor.state_dict().items()}
    with pytest.raises(EngineError, match=r"environments \[3"):
        runner.learn()
    assert same(weights, dict(runner.alg.actor.state_dict()))


_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from toy_tracking import LAYOUT, ToyTracking
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.logs import JsonlLog
from mimiclab.learning.runner import Runner
ppo = PpoCfg(hidden=(32, 32), steps_per_env=16)
cfg = TrainCfg(iterations=10**6, ppo=ppo, save_seconds=0.0, save_interval=10**6)
folder = Path(sys.argv[2])
log = JsonlLog(folder / "metrics.jsonl")
runner = Runner(ToyTracking(), cfg, layout=LAYOUT, folder=folder, sinks=[log])
print("ready", flush=True)
print(runner.learn(), runner.iteration, flush=True)
"""


def start_training(folder: Path) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, here, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        path = folder / "metrics.jsonl"
        if path.exists() and len(read_metrics(path)) > 5:
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("the training did not start")


def test_ctrl_c_ends_after_the_update_with_everything_saved(tmp_path: Path) -> None:
    process = start_training(tmp_path)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    reason, iteration = out.splitlines()[-1].split()
    assert reason == "interrupted"
    saved = ckpt.load_checkpoint(tmp_path / "checkpoints" / "last.pt")
    assert (
        saved["iteration"]
        == int(iteration)
        == read_metrics(tmp_path / "metrics.jsonl")[-1]["iteration"]
    )


def test_a_killed_run_resumes_from_its_last_checkpoint(toy_cfg: TrainCfg, tmp_path: Path) -> None:
    process = start_training(tmp_path)
    process.kill()
    process.wait(timeout=30)
    path = tmp_path / "metrics.jsonl"
    reached = read_metrics(path)[-1]["iteration"]
    runner = make(replace(toy_cfg, ppo=replace(toy_cfg.ppo, init_std=1.0)), folder=tmp_path)
    runner.restore(tmp_path / "checkpoints" / "last.pt")
    # Here every update is saved; at most the one in progress is lost.
    assert reached - 1 <= runner.iteration <= reached
    runner.sinks = [JsonlLog(path, first_iteration=runner.iteration + 1)]
    runner.learn(iterations=reached + 3)
    lines = [line["iteration"] for line in read_metrics(path)]
    assert lines == list(range(1, reached + 4))
    assert not list(tmp_path.rglob(".last-*.tmp"))
