"""Teachers, recordings and earlier runs in trainings of the real task; tiny, not about learning."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mimiclab.errors import CheckpointError, MimiclabError
from mimiclab.files import file_sha256
from mimiclab.learning import env_state
from mimiclab.learning.algorithms.cfg import ImitationCfg, WarmStartCfg
from mimiclab.learning.build_imitation import build_imitation, plan_teaching
from mimiclab.learning.checkpoint import load_checkpoint
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.logs import read_metrics
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.load import load_teacher
from mimiclab.learning.train import make_training_env, resume, train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

STILL: dict[str, Any] = {"noise": False, "randomisation": False, "pushes": False, "reset_noise": 0}
EXPERT = TrackingTask(residual_action=True, action_scale=2.0, history=2, **STILL)
STUDENT = TrackingTask(state_estimation=False, **STILL)
CFG = TrainCfg(
    num_envs=4,
    iterations=2,
    device="cpu",
    ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=4, mini_batches=1, epochs=1),
    random_episode_start=False,
    logger="none",
    progress="none",
)


@pytest.fixture(scope="module")
def library() -> MotionLibrary:
    return MotionLibrary.from_clips([builtin_motion("squat")], robot="unitree_g1", fps=50)


@pytest.fixture(scope="module")
def expert(tmp_path_factory: pytest.TempPathFactory, library: MotionLibrary) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "expert"
    train(EXPERT, library, CFG, folder)
    return folder


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, library: MotionLibrary, expert: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "student"
    train(STUDENT, library, taught(expert), folder)
    return folder


def taught(path: Path, mode: Any = "distil", **changes: Any) -> TrainCfg:
    teacher = TeacherCfg(path=str(path), **changes)
    return replace(CFG, imitation=ImitationCfg(mode=mode, teachers=(teacher,)))


def follow(env: Any, act: Any, steps: int = 12) -> list[torch.Tensor]:
    """Joint angles along a rollout; `act` maps observations to actions."""
    seen = []
    torch.manual_seed(0)
    with torch.inference_mode():
        obs, _ = env.reset()
        for _ in range(steps):
            seen.append(env.unwrapped.scene["robot"].data.joint_pos.clone())
            obs, *_ = env.step(act(obs))
    env.close()
    return seen


@pytest.mark.parametrize(
    "task",
    [
        STUDENT,
        replace(STUDENT, residual_action=True, interface=InterfaceCfg(joint_bias_rad=0.2)),
    ],
    ids=["default-pose", "residual-from-a-biased-reference"],
)
def test_a_teachers_actions_move_a_students_robot_as_they_move_its_own(
    task: TrackingTask, library: MotionLibrary, expert: Path
) -> None:
    """Other observations, history, scale and offsets: the robot must not notice."""
    own = follow(make_training_env(EXPERT, library, CFG, "cpu", 3), load_policy(load_run(expert)))
    cfg = taught(expert)
    plan = plan_teaching(cfg, task, library, "cpu")
    env = make_training_env(task, library, CFG, "cpu", 3, views=plan.views, extra=plan.extra)
    layout = env_state.layout_of(env, robot="unitree_g1")
    imitation = build_imitation(cfg, plan, layout, device="cpu", seed=0)
    assert imitation is not None and imitation.router is not None
    router = imitation.router
    theirs = follow(env, lambda obs: router.annotate(obs)["teacher_mean"])
    assert (own[-1] - own[0]).abs().max() > 0.01
    for a, b in zip(own, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_a_teacher_is_the_policy_of_its_run(expert: Path) -> None:
    teacher = load_teacher(TeacherCfg(path=str(expert)))
    checkpoint = expert / "checkpoints" / "last.pt"
    assert teacher.digest == file_sha256(checkpoint)
    assert teacher.task == EXPERT and teacher.history == dict.fromkeys(teacher.expects, 2)
    obs = torch.randn(3, teacher.observation_size)
    assert torch.equal(teacher(obs), load_policy(load_run(expert))(obs))
    std = load_checkpoint(checkpoint)["actor"]["distribution.std_param"]
    assert teacher.std is not None and torch.equal(teacher.std, std)
    by_file = load_teacher(TeacherCfg(path=str(expert / "checkpoints" / "model_000002.pt")))
    assert torch.equal(by_file(obs), teacher(obs))
    with pytest.raises(CheckpointError, match="leave the adapter out"):
        load_teacher(TeacherCfg(path=str(expert), adapter="mosaic"))
    with pytest.raises(CheckpointError, match="not a run folder"):
        load_teacher(TeacherCfg(path=str(expert / "nowhere")))


def test_a_taught_run_needs_its_teacher_for_training_alone(student: Path, expert: Path) -> None:
    run = load_run(student)
    source = run.config["sources"]["teacher"]
    assert source["sha256"] == file_sha256(expert / "checkpoints" / "last.pt")
    assert run.train.imitation.teachers[0].path == str(expert)
    policy = load_policy(run)
    assert set(policy.layout["observations"]) == {"actor", "critic"}
    line = read_metrics(student / "metrics.jsonl")[-1]
    assert {"bc_teacher", "bc_teacher_weight", "bc_teacher/all/action_l2", "value"} <= set(
        line["losses"]
    )


def test_a_taught_run_resumes_with_the_same_teacher_only(
    student: Path, expert: Path, tmp_path: Path
) -> None:
    there = tmp_path / "expert"
    shutil.copytree(expert, there)
    folder = tmp_path / "run"
    shutil.copytree(student, folder)
    text = (folder / "config.json").read_text().replace(str(expert), str(there))
    (folder / "config.json").write_text(text)
    assert resume(folder, iterations=3).iteration == 3
    last = there / "checkpoints" / "last.pt"
    last.write_bytes((folder / "checkpoints" / "last.pt").read_bytes())
    with pytest.raises(CheckpointError, match=r"teacher of .* has changed"):
        resume(folder, iterations=4)
    last.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint last"):
        resume(folder, iterations=4)
    shutil.rmtree(there)
    with pytest.raises(CheckpointError, match="teacher: there is nothing at"):
        resume(folder, iterations=4)


@pytest.mark.parametrize(
    "cfg, told",
    [
        (taught(Path("EXPERT"), sees="student"), r"command: 116 in the checkpoint, 58 here"),
        (taught(Path("EXPERT"), group="walks"), "unknown motion group of a teacher 'walks'"),
        (taught(Path("EXPERT"), "none"), "mode is none"),
    ],
)
def test_bad_teachers_leave_no_run(
    cfg: TrainCfg, told: str, library: MotionLibrary, expert: Path, tmp_path: Path
) -> None:
    teacher = replace(cfg.imitation.teachers[0], path=str(expert))
    cfg = replace(cfg, imitation=replace(cfg.imitation, teachers=(teacher,)))
    with pytest.raises(MimiclabError, match=told):
        train(STUDENT, library, cfg, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_group_that_nobody_teaches_is_an_error_only_under_distil(
    library: MotionLibrary, expert: Path
) -> None:
    from mimiclab.motions.library.groups import joined_groups

    other = MotionLibrary.from_clips([builtin_motion("stand")], robot="unitree_g1", fps=50)
    both = joined_groups({"gmt": library, "adaptor": other})
    with pytest.raises(MimiclabError, match="nobody teaches the motion groups adaptor"):
        plan_teaching(taught(expert, group="gmt"), STUDENT, both, "cpu")
    plan = plan_teaching(taught(expert, "hybrid", group="gmt"), STUDENT, both, "cpu")
    assert plan.untaught == ("adaptor",)


# Warm starts


def begun(path: Path, **changes: Any) -> TrainCfg:
    return replace(CFG, warm_start=WarmStartCfg(path=str(path), **changes))


def parts(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    state = load_checkpoint(folder / "checkpoints" / "last.pt")
    return state["actor"], state["critic"]


def test_warm_start_takes_networks_resets_noise_and_trains_the_critic_first(
    library: MotionLibrary, student: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(student, source)
    cfg = begun(source, std=0.3, critic_warm_up=2)
    train(STUDENT, library, cfg, tmp_path / "run")
    (before, critic_before), (after, critic_after) = parts(source), parts(tmp_path / "run")
    for name, value in before.items():
        if name == "distribution.std_param":
            assert torch.equal(after[name], torch.full((29,), 0.3))
        else:  # statistics included
            assert torch.equal(after[name], value), name
    assert not torch.equal(critic_before["mlp.0.weight"], critic_after["mlp.0.weight"])
    assert load_run(tmp_path / "run").config["sources"]["warm start"]["path"] == str(source)
    shutil.rmtree(source)  # needed no longer
    resume(tmp_path / "run", iterations=3)
    after, _ = parts(tmp_path / "run")
    assert not torch.equal(after["mlp.0.weight"], before["mlp.0.weight"])


def test_a_frozen_normaliser_stays_while_weights_learn(
    library: MotionLibrary, student: Path, tmp_path: Path
) -> None:
    train(STUDENT, library, begun(student, freeze_normaliser=True), tmp_path / "run")
    (before, critic_before), (after, critic_after) = parts(student), parts(tmp_path / "run")
    assert torch.equal(after["obs_normalizer._mean"], before["obs_normalizer._mean"])
    assert not torch.equal(after["mlp.0.weight"], before["mlp.0.weight"])
    name = "obs_normalizer.count"
    assert int(critic_after[name]) == int(critic_before[name]) + 2 * 4 * 4


def test_the_critic_may_come_from_another_run_or_be_fresh(
    library: MotionLibrary, expert: Path, student: Path, tmp_path: Path
) -> None:
    alone = replace(CFG, warm_start=WarmStartCfg(critic=str(expert)), iterations=0)
    train(STUDENT, library, alone, tmp_path / "a")
    assert torch.equal(parts(expert)[1]["mlp.0.weight"], parts(tmp_path / "a")[1]["mlp.0.weight"])
    assert not torch.equal(
        parts(expert)[0]["mlp.2.weight"], parts(tmp_path / "a")[0]["mlp.2.weight"]
    )
    seeing_more = replace(STUDENT, reference_velocity=True)
    train(seeing_more, library, replace(begun(student), iterations=0), tmp_path / "b")
    assert torch.equal(parts(student)[0]["mlp.0.weight"], parts(tmp_path / "b")[0]["mlp.0.weight"])
    with pytest.raises(CheckpointError, match=r"ref_base_lin_vel: absent in the checkpoint"):
        train(seeing_more, library, begun(student, critic=str(student)), tmp_path / "c")


@pytest.mark.parametrize(
    "task, cfg, told",
    [
        ({"history": 5}, {}, r"observations.actor.command: 58 in the checkpoint, 290 here"),
        ({"state_estimation": True}, {}, "base_lin_vel: absent in the checkpoint, 3 here"),
        ({"residual_action": True}, {}, "residual_action: False in the checkpoint, True here"),
        ({"action_scale": 0.5}, {}, "action_scale: 1.0 in the checkpoint, 0.5 here"),
        ({}, {"ppo": replace(CFG.ppo, hidden=(32,))}, r"hidden: \(16,\) in the checkpoint"),
        ({}, {"ppo": replace(CFG.ppo, activation="tanh")}, "activation: elu in the checkpoint"),
    ],
)
def test_an_actor_that_does_not_fit_is_refused_with_the_difference(
    task: dict, cfg: dict, told: str, library: MotionLibrary, student: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=told):
        train(replace(STUDENT, **task), library, replace(begun(student), **cfg), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_network_of_another_kind_and_a_missing_run_are_refused(
    library: MotionLibrary, student: Path, tmp_path: Path
) -> None:
    from mimiclab.learning.networks.cfg import NetworkCfg

    gru = replace(begun(student), network=NetworkCfg(kind="recurrent", width=8))
    with pytest.raises(CheckpointError, match=r"network.kind: mlp in the checkpoint, recurrent"):
        train(STUDENT, library, gru, tmp_path / "run")
    with pytest.raises(CheckpointError, match="warm start: there is nothing at"):
        train(STUDENT, library, begun(tmp_path / "gone"), tmp_path / "run")
    for changes, told in (({"std": 0.1}, "warm-start.path"), ({"critic_warm_up": -1}, "is -1")):
        with pytest.raises(MimiclabError, match=told):
            WarmStartCfg(**changes).check(ImitationCfg())
    assert not list(tmp_path.iterdir())


def test_old_checkpoints_without_the_algorithms_state_resume(student: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(student, folder)
    config = json.loads((folder / "config.json").read_text())
    config["train"]["imitation"] = {}
    del config["sources"]
    (folder / "config.json").write_text(json.dumps(config))
    path = folder / "checkpoints" / "last.pt"
    state = load_checkpoint(path)
    del state["algorithm"]
    torch.save(state, path)
    assert resume(folder, iterations=3).iteration == 3


# Recordings


def test_a_recording_of_rollouts_is_cloned(
    library: MotionLibrary, student: Path, expert: Path, tmp_path: Path
) -> None:
    from mimiclab.cli.main import main
    from mimiclab.errors import RecordingError
    from mimiclab.learning.networks.cfg import NetworkCfg

    file = tmp_path / "student.h5"
    assert main(["record", str(student), "--out", str(file), "--seeds", "1"]) == 0
    imitation = ImitationCfg(mode="distil", recording=str(file), recording_batch=4)
    cfg = replace(CFG, imitation=imitation, iterations=30)
    train(STUDENT, library, cfg, tmp_path / "clone")
    losses = [line["losses"] for line in read_metrics(tmp_path / "clone" / "metrics.jsonl")[1:]]
    early = sum(x["bc_recording"] for x in losses[:5])
    assert sum(x["bc_recording"] for x in losses[-5:]) < 0.8 * early
    assert "recording" in load_run(tmp_path / "clone").config["sources"]
    with pytest.raises(RecordingError, match="other settings than the student has"):
        train(EXPERT, library, cfg, tmp_path / "other")
    recurrent = replace(cfg, network=NetworkCfg(kind="recurrent", width=8))
    with pytest.raises(MimiclabError, match="single steps"):
        train(STUDENT, library, recurrent, tmp_path / "memory")
