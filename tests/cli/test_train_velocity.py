"""Training to walk from the command line, and named presets."""

from importlib.metadata import EntryPoint

import pytest

from mimiclab.cli import presets
from mimiclab.cli.main import main
from mimiclab.cli.presets import Preset, expand
from mimiclab.cli.train_velocity import defaults, velocity
from mimiclab.errors import UnknownNameError
from mimiclab.learning.run import load_run

SMALL = "--device cpu --num-envs 4 --ppo.steps-per-env 8 --ppo.hidden 16 --ppo.mini-batches 2"


def test_a_run_its_task_and_its_resuming(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = f"train velocity --preset cpu --robot booster_k1 --name walk --iterations 2 {SMALL}"
    assert main(command.split()) == 0
    assert "velocity of booster_k1, 4 environments" in capsys.readouterr().out
    run = load_run("runs/walk")
    assert run.task.kind == "velocity" and run.task.robot == "booster_k1" and not run.has_motions
    assert not list(run.folder.glob("motions*"))
    assert main(["train", "resume", "runs/walk", "--iterations", "3"]) == 0
    assert load_run("runs/walk").find(3).is_file()
    assert main(["evaluate", "runs/walk"]) == 2
    assert "learnt the task 'velocity'; expected one that tracks motions" in (
        capsys.readouterr().err
    )
    refused = f"train velocity --preset cpu --residual.base runs/walk --name other {SMALL}"
    assert main(refused.split()) == 2
    assert "--residual.base are for tasks that track motions" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "other").exists()


def test_published_names_stand_for_arguments():
    words = expand(["train", "exp:t1-29dof-fast-sac", "--seed", "7"])
    assert words[:2] == ["train", "velocity"]
    args = velocity.read(words[2:], "mimiclab train velocity")  # type: ignore[attr-defined]
    assert (args.task.robot, args.train.algorithm, args.train.seed) == (
        "booster_t1_29", "fastsac", 7
    )  # fmt: skip
    assert args.task.alive_weight == 10.0 and args.train.num_envs == 4096
    assert args.train.sac.symmetry and args.train.sac.discount == 0.97
    # The published number of control steps, in log lines of 24.
    assert args.train.iterations * args.train.sac.steps_per_env == pytest.approx(50_000, abs=24)
    with pytest.raises(UnknownNameError, match="did you mean 'g1-29dof-fast-sac'"):
        expand(["train", "exp:g1-29dof-fastsac"])
    assert expand(["train", "tracking", "exp:x"]) == ["train", "tracking", "exp:x"]


def test_published_settings_of_ppo():
    args = defaults(["--preset", "gpu"])
    ppo = args.train.ppo
    assert (args.train.num_envs, args.train.iterations, ppo.steps_per_env) == (4096, 25_000, 24)
    assert (ppo.epochs, ppo.mini_batches, ppo.init_std, ppo.entropy) == (8, 4, 0.8, 0.01)
    assert (ppo.discount, ppo.gae_lambda, ppo.clip, ppo.normalise) == (0.99, 0.95, 0.2, False)
    assert args.task.alive_weight == 1.0 and args.task.penalties.start == 0.1


def test_a_package_brings_its_own_preset(monkeypatch, capsys):
    class Loaded(EntryPoint):
        def load(self):
            return Preset(command="train tracking", arguments="--motion builtin:wave", about="mine")

    found = [Loaded("waving", "somewhere:PRESET", "mimiclab.presets")]
    monkeypatch.setattr(presets, "entry_points", lambda group: found)
    assert expand(["train", "exp:waving", "--seed", "1"]) == [
        "train", "tracking", "--motion", "builtin:wave", "--seed", "1"
    ]  # fmt: skip
    assert main(["list", "presets"]) == 0
    assert "waving" in capsys.readouterr().out
