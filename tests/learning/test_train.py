"""A run of the real tracking task, from settings to policy; tiny, as it is not about learning."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mimiclab.errors import CheckpointError, OutputError
from mimiclab.learning.checkpoint import load_checkpoint, save_checkpoint
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.logs import read_metrics
from mimiclab.learning.policy import load_policy, untrained_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.train import make_training_env, resume, train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import CurriculumCfg, TrackingTask

TASK = TrackingTask(residual_action=True, curriculum=CurriculumCfg(enabled=True))
CFG = TrainCfg(
    num_envs=8,
    iterations=4,
    device="cpu",
    ppo=PpoCfg(hidden=(32, 16), init_std=0.2, steps_per_env=6),
    save_interval=2,
    keep_last=1,
    progress="none",
)


@pytest.fixture(scope="module")
def library() -> MotionLibrary:
    return MotionLibrary.from_clips([builtin_motion("stand")], robot="unitree_g1", fps=50)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, library: MotionLibrary) -> Path:
    """A run that has ended; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("runs") / "stand"
    result = train(TASK, library, CFG, folder)
    assert (result.reason, result.iteration, result.env_steps) == ("iterations", 4, 4 * 6 * 8)
    return folder


def test_run_folder_holds_all_of_the_run(finished: Path, library: MotionLibrary) -> None:
    names = {p.name for p in finished.iterdir()}
    assert {"config.json", "motions.safetensors", "checkpoints", "metrics.jsonl"} <= names
    assert any(name.startswith("events.out") for name in names)
    assert {p.name for p in (finished / "checkpoints").iterdir()} >= {"last.pt", "model_000004.pt"}
    assert (finished.parent / "latest").resolve() == finished.resolve()
    config = json.loads((finished / "config.json").read_text())
    assert config["schema"] == 1
    assert config["motions"]["content_hash"] == library.content_hash
    assert "mujoco" in config["versions"] and "python" in config["versions"]
    assert config["sessions"][0]["engine"] == "native"
    lines = read_metrics(finished / "metrics.jsonl")
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    for key in ("env_steps", "time_s", "steps_per_s", "losses", "rewards", "metrics", "sampler"):
        assert key in lines[-1]
    assert set(lines[-1]["sampler"]) == {"entropy", "top1_prob", "top1_bin"}


def test_run_reads_back_with_its_settings_and_motions(finished: Path) -> None:
    run = load_run(finished)
    assert run.task == TASK
    assert run.train == CFG
    assert run.library.clip_names == ("stand",)
    assert run.checkpoint == finished.resolve() / "checkpoints" / "last.pt"
    by_file = load_run(finished / "checkpoints" / "model_000004.pt")
    assert by_file.checkpoint.name == "model_000004.pt"
    assert run.find(4).name == "model_000004.pt"


def test_policy_gives_the_mean_action_of_the_trained_actor(
    finished: Path, library: MotionLibrary
) -> None:
    run = load_run(finished)
    policy = load_policy(run)
    env = make_training_env(TASK, library, CFG, "cpu", seed=3)
    obs, _ = env.reset()
    actions = policy(obs)
    assert actions.shape == (8, 29)
    assert torch.equal(actions, policy(obs))
    assert torch.equal(actions, policy(obs["actor"]))
    # By hand: standardise, three layers, ELU between.
    state = load_checkpoint(run.checkpoint)["actor"]
    x = (obs["actor"] - state["obs_normalizer._mean"]) / (state["obs_normalizer._std"] + 0.01)
    for layer in (0, 2, 4):
        x = x @ state[f"mlp.{layer}.weight"].T + state[f"mlp.{layer}.bias"]
        x = torch.nn.functional.elu(x) if layer < 4 else x
    torch.testing.assert_close(actions, x, rtol=1e-4, atol=1e-5)
    assert policy.layout["robot"] == "unitree_g1"
    assert sum(policy.layout["observations"]["actor"].values()) == obs["actor"].shape[1]
    fresh = untrained_policy(CFG, policy.layout)
    assert fresh(obs).shape == (8, 29)
    assert torch.equal(fresh(obs), untrained_policy(CFG, policy.layout)(obs))


def test_resume_goes_on_and_restores_sampler_and_counter(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    before = load_checkpoint(folder / "checkpoints" / "last.pt")
    saved = before["ranks"][0]["environment"]
    assert set(saved["terms"]) == {"command.motion", "curriculum.disturbance"}
    assert saved["steps"] == 4 * 6
    result = resume(folder, iterations=6)
    assert result.iteration == 6
    after = load_checkpoint(folder / "checkpoints" / "last.pt")
    assert after["ranks"][0]["environment"]["steps"] == 6 * 6
    seconds = [
        s["ranks"][0]["environment"]["terms"]["command.motion"]["seconds"].sum()
        for s in (before, after)
    ]
    assert seconds[1] >= seconds[0]
    assert [line["iteration"] for line in read_metrics(folder / "metrics.jsonl")] == list(
        range(1, 7)
    )
    assert len(load_run(folder).config["sessions"]) == 2
    assert load_run(folder).train.iterations == 6


def test_resuming_with_other_observations_is_refused_with_the_difference(
    finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    config = json.loads((folder / "config.json").read_text())
    config["task"]["state_estimation"] = False
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"observations\.actor\..* absent here"):
        resume(folder, iterations=6)


def test_runs_of_older_versions_know_how_clips_were_divided(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    config = json.loads((folder / "config.json").read_text())
    del config["train"]["shard"]
    for before, strategy in ((True, "balanced"), (False, "none")):
        config["train"]["shard_clips"] = before
        (folder / "config.json").write_text(json.dumps(config))
        assert load_run(folder).train.shard.strategy == strategy


def test_a_finished_run_is_not_overwritten(finished: Path, library: MotionLibrary) -> None:
    with pytest.raises(OutputError, match="mimiclab train resume"):
        train(TASK, library, CFG, finished)


def test_folders_and_checkpoints_that_are_not_there(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a run folder"):
        load_run(tmp_path)
    with pytest.raises(CheckpointError, match=r"there is .*last\.pt"):
        load_run(finished, 77)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"schema": 1, "task"')
    with pytest.raises(CheckpointError, match="damaged"):
        load_run(broken)
    (broken / "config.json").write_text('{"schema": 9}')
    with pytest.raises(CheckpointError, match="schema 9"):
        load_run(broken)
    (broken / "config.json").write_text('{"schema": 1, "task": {}}')
    with pytest.raises(CheckpointError, match="damaged: it lacks train"):
        load_run(broken)
    with pytest.raises(CheckpointError, match="It holds the runs broken; name one of them"):
        load_run(tmp_path)
    loose = tmp_path / "loose.pt"
    shutil.copy(finished / "checkpoints" / "last.pt", loose)
    # It tells what it is of, but has no motions along.
    alone = load_run(loose)
    assert alone.tracking == load_run(finished).task and not alone.brings_motions
    with pytest.raises(CheckpointError, match=r"loose\.pt brings no motions along"):
        _ = alone.library
    save_checkpoint({**load_checkpoint(loose), "config": None}, loose)
    with pytest.raises(CheckpointError, match=r"loose\.pt is not in a run folder"):
        load_run(loose)


def test_resuming_a_finished_run_tells_how_to_train_on(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    assert resume(tmp_path / "run", progress="lines").iteration == 4
    assert "limit of 4 updates is reached already; raise it with --iterations" in " ".join(
        capsys.readouterr().out.split()
    )


def test_weights_of_another_network_are_refused(finished: Path) -> None:
    run = load_run(finished)
    run.train = replace(CFG, ppo=replace(CFG.ppo, hidden=(64, 16)))
    with pytest.raises(CheckpointError, match="another network"):
        load_policy(run)
