"""`mimiclab train`: defaults by preset, help, and a run from the command line."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import tyro

from mimiclab.cli.main import main
from mimiclab.cli.train import Tracking, defaults, open_library
from mimiclab.errors import MimiclabError
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.cfg import tracking_sac
from mimiclab.learning.run import load_run
from mimiclab.learning.shard_cfg import ShardCfg
from mimiclab.tasks.tracking import TrackingTask


def test_presets_decide_the_defaults() -> None:
    gpu = defaults(["--preset", "gpu"])
    assert gpu.train == TrainCfg(sac=tracking_sac())
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
    small = "--num-envs 4 --ppo.steps-per-env 8 --ppo.hidden 16 16"
    assert main([*command.split(), *small.split(), "--iterations", "2"]) == 0
    out = capsys.readouterr().out
    assert "1 clip(s)" in out and "finished after 2 updates" in out
    assert load_run("runs/try").train.ppo.hidden == (16, 16)
    assert main(["train", "resume", "runs/latest", "--iterations", "3"]) == 0
    assert "resuming at update 2" in capsys.readouterr().out
    assert load_run("runs/try").find(3).is_file()


def test_a_student_of_two_teachers_from_the_command_line(
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "train tracking --preset cpu --device cpu --num-envs 4 --iterations 2 --name taught"
    small = "--ppo.steps-per-env 4 --ppo.hidden 16 --ppo.mini-batches 2"
    groups = "--group low=builtin:squat --group high=builtin:stand"
    command = [*words.split(), *small.split(), *groups.split()]
    who = ["--teacher", f"low={tiny_run}", "--teacher", f"high={tiny_run}"]
    assert main([*command, *who]) == 2
    assert "--imitation.mode hybrid" in capsys.readouterr().err
    assert main([*command, *who, "--imitation.mode", "distil"]) == 0
    assert "teacher of high motions" in capsys.readouterr().out
    teachers = load_run("runs/taught").train.imitation.teachers
    assert [teacher.group for teacher in teachers] == ["low", "high"]
    assert main(["train", "resume", "runs/taught", "--iterations", "3"]) == 0


def test_unknown_motion_and_robot_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "tracking", "--motion", "builtin:wlak"]) == 2
    assert "walk" in capsys.readouterr().err
    assert main(["train", "tracking", "--robot", "unitree_g2"]) == 2
    assert "unitree_g1" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_motion_groups_and_their_ratios_from_the_command_line() -> None:
    words = "--group clean=builtin:kick --group rough=builtin:bow --sampler.kind two-level"
    words += " --sampler.group-ratios clean 0.25 rough 0.75 --sampler.clips.reassign-s 5"
    arguments = f"--preset cpu {words} --shard.strategy stride --shard.cap 9".split()
    args = tyro.cli(Tracking, args=arguments, default=defaults(arguments))
    assert args.task.sampler.group_ratios == {"clean": 0.25, "rough": 0.75}
    assert args.train.shard == ShardCfg(strategy="stride", cap=9)
    library = open_library(args)
    assert library.group_names == ("clean", "rough")
    share = args.task.sampler.build(library).probabilities().sum(1).tolist()
    assert dict(zip(library.clip_names, share, strict=True)) == pytest.approx(
        {"kick": 0.25, "bow": 0.75}
    )
    args.motion = "builtin:walk"
    with pytest.raises(MimiclabError, match="both --motion builtin:walk and --group"):
        open_library(args)
