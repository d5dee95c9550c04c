"""`mimiclab train`: defaults by preset, help, and a run from the command line."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimiclab.cli.main import main
from mimiclab.cli.train import defaults
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.run import load_run
from mimiclab.tasks.tracking import TrackingTask


def test_presets_decide_the_defaults() -> None:
    gpu = defaults(["--preset", "gpu"])
    assert gpu.train == TrainCfg()
    assert gpu.task == TrackingTask()
    cpu = defaults(["--preset=cpu"])
    assert cpu.train.num_envs == 128
    assert cpu.task.residual_action and cpu.task.curriculum.enabled
    assert defaults(["--device", "cpu"]).train == cpu.train
    assert defaults(["--device", "cuda:1"]).train == gpu.train


def test_other_control_rates_keep_rollout_and_discount_the_same_in_seconds() -> None:
    at_25 = defaults(["--preset", "gpu", "--control-hz", "25"]).train.ppo
    hints = TrackingTask(control_hz=25).ppo_hints()
    assert at_25.steps_per_env == hints["steps_per_env"] == 12
    assert at_25.discount == pytest.approx(hints["discount"])
    assert at_25.gae_lambda == pytest.approx(hints["gae_lambda"])


@pytest.mark.parametrize("preset, value", [("gpu", "4096"), ("cpu", "128")])
def test_help_is_quick_and_shows_the_presets_values(preset: str, value: str) -> None:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mimiclab.cli.main", "train", "tracking", "--preset", preset, "-h"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert f"(default: {value})" in done.stdout
    for flag in ("--robot", "--motion", "--minutes", "--ppo.learning-rate", "--sampler.kind"):
        assert flag in done.stdout
    assert time.perf_counter() - started < 5.0  # about 0.3 s on an idle machine


def test_a_run_from_the_command_line_and_its_resuming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = "train tracking --preset cpu --device cpu --motion builtin:stand --name try"
    small = "--num-envs 4 --ppo.steps-per-env 4 --ppo.hidden 16 16"
    assert main([*command.split(), *small.split(), "--iterations", "2"]) == 0
    out = capsys.readouterr().out
    assert "1 clip(s)" in out and "finished after 2 updates" in out
    assert load_run("runs/try").train.ppo.hidden == (16, 16)
    assert main(["train", "resume", "runs/latest", "--iterations", "3"]) == 0
    assert "resuming at update 2" in capsys.readouterr().out
    assert load_run("runs/try").find(3).is_file()


def test_unknown_motion_and_robot_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "tracking", "--motion", "builtin:wlak"]) == 2
    assert "walk" in capsys.readouterr().err
    assert main(["train", "tracking", "--robot", "unitree_g2"]) == 2
    assert "unitree_g1" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
