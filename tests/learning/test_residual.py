"""Residual trainings on real runs: bases of every kind, and life after the base is gone."""

import json
import shutil
from dataclasses import replace

import onnx
import pytest
import torch
from foreign_files import (
    ISAAC_TO_MODEL,
    SIZES,
    WITHOUT_ESTIMATION,
    Foreign,
    Network,
    isaac_metadata,
    write,
)

from mimiclab.deployment.export import export_run
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.errors import CheckpointError, ContractError, MimiclabError
from mimiclab.evaluation.candidates import open_candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg, ResidualCfg
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.start.residual import install_base, open_source, prepare_residual
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.load import load_teacher
from mimiclab.learning.train import resume, train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.groups import joined_groups
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import TrackingTask


def settings(base, **residual) -> TrainCfg:
    return TrainCfg(
        num_envs=8, iterations=2, engine="native", device="cpu", logger="none", progress="none",
        ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=4, mini_batches=1),
        residual=ResidualCfg(base=str(base), **{"hidden": (24,), "gain": 0.0, **residual}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def orphan(tmp_path_factory, tiny_run):
    """A residual run whose base is gone, and what the base did on some observations."""
    folder = tmp_path_factory.mktemp("residual")
    base = folder / "gmt"
    shutil.copytree(tiny_run, base)
    run = load_run(base)
    obs = torch.randn(20, 160, generator=torch.Generator().manual_seed(0))
    expected = load_policy(run)(obs)
    train(run.task, run.library, settings(base), folder / "adapted")
    shutil.rmtree(base)
    return folder / "adapted", obs, expected


def test_a_run_holds_its_base(orphan):
    folder, obs, expected = orphan
    policy = load_policy(load_run(folder))
    torch.testing.assert_close(policy.actor.mlp.base(obs), expected)
    assert not torch.equal(policy(obs), expected)  # two updates have moved the correction
    config = json.loads((folder / "config.json").read_text())
    spec = config["train"]["residual"]["base_network"]
    assert spec["kind"] == "run" and spec["source"].endswith("gmt") and spec["extra"] == []
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert any("residual/ratio" in json.dumps(line) for line in lines)


def test_it_goes_on_without_its_base(orphan, tmp_path):
    folder, obs, expected = orphan
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert resume(copy, iterations=4).iteration == 4
    policy = load_policy(load_run(copy))
    torch.testing.assert_close(policy.actor.mlp.base(obs), expected)


def test_it_is_evaluated_and_exported_as_one_network(orphan, tmp_path):
    folder, obs, _ = orphan
    path = export_run(folder, tmp_path / "policy.onnx", policy_only=True)
    policy = load_policy(load_run(folder))
    torch.testing.assert_close(
        torch.from_numpy(OnnxPolicy(path).act(obs.numpy())), policy(obs), atol=1e-5, rtol=1e-5
    )
    candidate = open_candidate(folder)
    protocol = Protocol(seeds=1, random_starts=0, initial_noise=0.0)
    report = evaluate(
        candidate.policy, candidate.task, candidate.library, protocol, label={}, num_envs=1
    )
    assert 0.0 < report.summary()["completion"]["mean"] <= 1.0


def test_a_file_of_ours_is_a_base_like_its_run(tiny_run, tmp_path):
    run = load_run(tiny_run)
    policy = load_policy(run)
    layout = policy.layout
    obs = torch.randn(20, 160, generator=torch.Generator().manual_seed(0))
    for base in (tiny_run, tiny_run / "policy.onnx", run.checkpoint):
        cfg = prepare_residual(settings(base), layout, run.task)
        actor = build_actor(cfg, layout)
        assert install_base(actor, cfg, layout, run.task)
        torch.testing.assert_close(actor({"actor": obs}), policy(obs), atol=1e-5, rtol=1e-5)
        source = open_source(base)
        torch.testing.assert_close(
            source.normaliser[0], policy.actor.input_normaliser()[0], rtol=1e-4, atol=1e-5
        )


def layout_of(task, **changes):
    names = WITHOUT_ESTIMATION if not task.state_estimation else tuple(SIZES)
    return {
        "robot": task.robot,
        "control_hz": 50.0,
        "observations": {"actor": {n: task.history * SIZES[n] for n in names}, "critic": {"x": 1}},
        "history": {"actor": dict.fromkeys(names, task.history)} if task.history > 1 else {},
        "actions": {"joint_pos": 29},
    } | changes


def test_a_released_policy_is_a_base(tmp_path, g1):
    """The student sees more and longer: the base gets its terms and its newest frames."""
    network = Network(WITHOUT_ESTIMATION, 5)
    foreign = Foreign(
        network, WITHOUT_ESTIMATION, ISAAC_TO_MODEL, g1.default_pose, g1.action_scale,
        (g1.default_pose, g1.action_scale),
    )  # fmt: skip
    path = write(foreign, tmp_path / "gmt.onnx", isaac_metadata(g1, WITHOUT_ESTIMATION, 5))
    task = TrackingTask(history=7, action_scale=0.5)
    layout = layout_of(task)
    cfg = prepare_residual(settings(path, gain=1.0), layout, task)
    assert len(cfg.residual.base_network["extra"]) == 160 * 7 - 154 * 5
    actor = build_actor(cfg, layout)
    install_base(actor, cfg, layout, task)
    obs = torch.randn(20, 160 * 7, generator=torch.Generator().manual_seed(0))
    parts, start = {}, 0
    for name in SIZES:
        parts[name] = obs[:, start : start + 7 * SIZES[name]].reshape(20, 7, -1)[:, 2:]
        start += 7 * SIZES[name]
    parts["actions"] = 0.5 * parts["actions"]  # half as many rad for each unit here
    seen = torch.cat([parts[name].flatten(1) for name in WITHOUT_ESTIMATION], dim=1)
    with torch.inference_mode():
        torch.testing.assert_close(actor.mlp.base(obs), 2.0 * network(seen), atol=1e-4, rtol=1e-4)


def released(tmp_path, g1, terms, history):
    ours = (g1.default_pose, g1.action_scale)
    policy = Foreign(Network(terms, history), terms, ISAAC_TO_MODEL, *ours, ours)
    return write(policy, tmp_path / f"{history}.onnx", isaac_metadata(g1, terms, history))


def test_a_correction_is_distilled_from_a_teacher_of_other_conventions(tmp_path, g1):
    """MOSAIC's last stage: base and teacher are released files, corrections are told by group."""
    base = released(tmp_path, g1, WITHOUT_ESTIMATION, 5)
    teacher = released(tmp_path, g1, tuple(SIZES), 1)
    task = TrackingTask(history=5, state_estimation=False, randomisation=False)
    library = joined_groups(
        {
            name: MotionLibrary.from_clips([builtin_motion(clip)], robot=g1, fps=50)
            for name, clip in (("walk", "squat"), ("teleop", "bow"))
        }
    )
    cfg = settings(base, gain=0.01, hidden=(64,))
    cfg = replace(
        cfg,
        iterations=6,
        ppo=replace(cfg.ppo, learning_rate=1e-2, schedule="fixed", steps_per_env=8, epochs=10),
        imitation=ImitationCfg(mode="distil", teachers=(TeacherCfg(path=str(teacher)),)),
    )
    train(task, library, cfg, tmp_path / "run")
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    losses = [json.loads(line)["losses"] for line in text.splitlines()]
    losses = [loss for loss in losses if loss]
    assert losses[-1]["bc_teacher"] < 0.6 * losses[0]["bc_teacher"]
    for group in ("walk", "teleop"):
        ratio = losses[-1][f"residual/{group}/ratio"]
        base, correction = (losses[-1][f"residual/{group}/{x}"] for x in ("base", "correction"))
        assert ratio == pytest.approx(correction / base) and ratio > 0.2


def refused(match, base, task, error=ContractError, cfg=None, **layout):
    with pytest.raises(error, match=match):
        prepare_residual(cfg or settings(base), layout_of(task, **layout), task)


def test_bases_that_do_not_fit_are_refused(tiny_run, tmp_path):
    ours = TrackingTask(residual_action=True)
    refused("motion_anchor_pos_b: absent here", tiny_run, replace(ours, state_estimation=False))
    refused(
        "robot: unitree_g1 of the base, unitree_h1 here",
        tiny_run,
        replace(ours, robot="unitree_h1"),
    )
    refused("control_hz: 50 of the base, 25 here", tiny_run, replace(ours, control_hz=25))
    refused(
        "command_frames: 1 of the base, 2 here",
        tiny_run,
        replace(ours, command_frames=2, command_velocity=False),
    )
    refused(
        "offsets from the reference joint angles, .* set residual_action of the task to True",
        tiny_run,
        TrackingTask(),
    )
    small = layout_of(ours)["observations"]
    small["actor"]["command"] = 29
    refused("command: 58 numbers in the policy, 29 here", tiny_run, ours, observations=small)
    refused(
        "there is no run|not a run folder|does not exist", tmp_path / "gone", ours, CheckpointError
    )
    wide = replace(settings(tiny_run), network=NetworkCfg(kind="attention"))
    refused("a residual policy is its base and an MLP", tiny_run, ours, MimiclabError, wide)


def test_a_base_that_changes_meanwhile_is_refused(tiny_run, tmp_path):
    path = tmp_path / "policy.onnx"
    shutil.copy(tiny_run / "policy.onnx", path)
    run = load_run(tiny_run)
    layout = load_policy(run).layout
    cfg = prepare_residual(settings(path), layout, run.task)
    actor = build_actor(cfg, layout)
    cfg.residual.base_network["sha256"] = "0" * 64
    with pytest.raises(CheckpointError, match="changed while the training started"):
        install_base(actor, cfg, layout, run.task)


def test_a_graph_that_torch_does_not_compute_teaches_but_is_no_base(tiny_run, tmp_path):
    path = tmp_path / "policy.onnx"
    model = onnx.load(tiny_run / "policy.onnx")
    last = next(node for node in model.graph.node if "actions" in node.output)
    last.output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("Sin", ["before"], ["actions"]))
    onnx.save(model, path)
    run = load_run(tiny_run)
    teacher, obs = load_teacher(TeacherCfg(path=str(path))), torch.randn(5, 160)
    torch.testing.assert_close(teacher(obs), load_policy(run)(obs).sin(), atol=1e-5, rtol=1e-5)
    assert "because of Sin" in teacher.remarks[-1]
    with pytest.raises(ContractError, match="Sin in its graph are not read into torch"):
        prepare_residual(settings(path), load_policy(run).layout, run.task)
