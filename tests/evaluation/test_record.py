"""Recorded rollouts are what training sees, step by step, and what the policy did."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.datasets.recordings import Recording, read_pairs
from mimiclab.errors import ContractError, MimiclabError, RecordingError, UnknownNameError
from mimiclab.evaluation.candidates import Candidate, open_candidate, zero_candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.record import RecordingPlan, record
from mimiclab.learning.env_state import layout_of
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

QUIET = Protocol(seeds=2, random_starts=1, initial_noise=0.0)
TEACHER = TrackingTask(noise=False, pushes=False, randomisation=False)
STUDENT = replace(TEACHER, history=3, state_estimation=False, reference_gravity=True)


def acting(policy, task=TEACHER):
    return Candidate(policy=policy, task=task, library=None, expects=None, label={"kind": "test"})


def wave(obs):
    """Actions that depend on what is seen, small enough to keep standing for a while."""
    return 0.05 * torch.sin(obs[:, :29] + obs[:, -29:])


@pytest.mark.parametrize("groups", [{"actor": TEACHER, "critic": TEACHER}, {"student": STUDENT}])
def test_groups_are_what_training_shows_with_histories_pushed_once(groups, library, tmp_path):
    """Clips end at different times, so environments restart while others are in an episode."""
    plan = RecordingPlan(
        groups=("actor", "critic") if "actor" in groups else (),
        views={name: task for name, task in groups.items() if name == "student"},
    )
    record(
        acting(wave), library, tmp_path / "it.h5", QUIET, plan,
        num_envs=2, engine="native", device="cpu",
    )  # fmt: skip
    with Recording(tmp_path / "it.h5") as recording:
        assert set(recording.groups) == set(groups) and recording.num_episodes == 6
        cfg = tracking_env_cfg(next(iter(groups.values())), library, num_envs=6)
        env = make_env(cfg, engine="native", device="cpu")
        layout, episodes = layout_of(env, robot="unitree_g1"), list(recording.episodes)
        actions = np.zeros((recording.lengths.max(), 6, 29), np.float32)
        for i, episode in enumerate(episodes):
            actions[: len(episode), i] = episode.actions
        starts = torch.from_numpy(recording.clips).long(), torch.from_numpy(recording.start_s)
        with torch.inference_mode():
            seen = [env.command_manager.get_term("motion").start(*starts)]
            seen += [env.step(torch.from_numpy(action))[0] for action in actions]
        for group in groups:
            source = "actor" if group == "student" else group
            assert recording.layout["observations"][group] == layout["observations"][source]
            assert recording.layout["history"].get(group) == layout["history"].get(source)
            for i, episode in enumerate(episodes):
                expected = np.stack([obs[source][i].numpy() for obs in seen[: len(episode)]])
                np.testing.assert_allclose(
                    episode.observations[group], expected, atol=2e-5, rtol=1e-4
                )
        env.close()


def test_the_mean_action_is_the_policys_answer_to_the_recorded_observation(library, tmp_path):
    path = tmp_path / "it.h5"
    summary = record(
        acting(wave), library, path, QUIET, RecordingPlan(action_noise=0.1),
        num_envs=3, engine="native", device="cpu",
    )  # fmt: skip
    with Recording(path) as recording:
        obs, mean, std = read_pairs(path, recording.layout)
        np.testing.assert_allclose(wave(torch.from_numpy(obs)), mean, atol=1e-6)
        assert std is None and summary["steps"] == len(obs) == recording.num_steps
        off = recording.read("actions") - mean
        assert off.std() == pytest.approx(0.1, rel=0.05)
        # The last action is observed in the next step, as executed.
        first = recording.episode(0)
        np.testing.assert_allclose(
            first.observations["actor"][1:, -29:], first.actions[:-1], atol=1e-6
        )
        np.testing.assert_allclose(
            first.final_observations["actor"][-29:], first.actions[-1], atol=1e-6
        )
        # Time of the reference that each step leads to: one step after the start, and so on.
        np.testing.assert_allclose(
            np.diff(first.reference_time_s, prepend=first.start_s), 0.02, atol=1e-9
        )
        assert recording.info.protocol["action_noise"] == 0.1


def test_every_clip_is_covered_and_success_agrees_with_the_evaluation(library, tmp_path):
    protocol = Protocol(seeds=3, random_starts=2)
    where = {"engine": "native", "device": "cpu"}
    candidate = zero_candidate(replace(TEACHER, residual_action=True))
    summary = record(candidate, library, tmp_path / "it.h5", protocol, **where)
    report = evaluate(candidate.policy, candidate.task, library, protocol, **where)
    assert summary["success_rate"] == report.summary()["success_rate"]["mean"]
    with Recording(tmp_path / "it.h5") as recording:
        counts = np.bincount(recording.clips, minlength=2).tolist()
        assert counts == [5, 5] and recording.from_start.sum() == 6
        failed = [e.failed for e in recording.episodes]
        assert np.mean(failed) == pytest.approx(1 - summary["success_rate"])
        by_steps = sorted(recording.lengths.tolist())
        assert by_steps == sorted(e.steps for e in report.episodes)
        assert recording.info.action_offset == "reference"
        assert recording.info.protocol["seeds"] == 3
        rewards = recording.read("rewards")
        assert np.isfinite(rewards).all() and rewards.std() > 0
    assert set(summary["clips"]) == {"short", "long"}


def test_a_view_shows_the_noise_and_the_interface_of_its_training(library, tmp_path):
    late = replace(
        STUDENT, noise=True, interface=InterfaceCfg(joint_noise_rad=0.1, delay_s=(0.1, 0.1))
    )
    seen = {}
    for noisy in (True, False):
        record(
            acting(wave), library, tmp_path / "it.h5", QUIET,
            RecordingPlan(views={"student": late}, view_noise=noisy),
            num_envs=2, engine="native", device="cpu",
        )  # fmt: skip
        with Recording(tmp_path / "it.h5") as recording:
            episode = next(e for e in recording.episodes if e.clip == "long" and e.from_start)
            seen[noisy] = episode.observations
    # What the policy itself sees stays clean.
    np.testing.assert_array_equal(seen[True]["actor"][0], seen[False]["actor"][0])
    newest = slice(2 * 58, 2 * 58 + 29)  # the newest of three commands
    own = seen[False]["actor"][:, :29]
    np.testing.assert_allclose(seen[False]["student"][:, newest], own, atol=1e-6)
    assert (seen[True]["student"][:, newest] - own).std() == pytest.approx(0.1, rel=0.3)


def test_joint_targets_survive_an_interface_that_only_the_view_has(library, tmp_path):
    """A residual action counts from what is received; the policy's joint targets must not move."""
    task = replace(TEACHER, residual_action=True)
    biased = replace(STUDENT, residual_action=True, interface=InterfaceCfg(joint_bias_rad=0.1))
    lengths = []
    for views in ({}, {"student": biased}):
        record(
            acting(lambda obs: torch.zeros(len(obs), 29), task), library, tmp_path / "it.h5",
            QUIET, RecordingPlan(views=views), num_envs=2, engine="native", device="cpu",
        )  # fmt: skip
        with Recording(tmp_path / "it.h5") as recording:
            lengths.append([e.observations["actor"][-1, -58:-29] for e in recording.episodes])
            mean = recording.read("action_mean")
    for plain, borrowed in zip(*lengths, strict=True):  # joint velocities at the end
        np.testing.assert_allclose(plain, borrowed, atol=1e-2)
    assert np.abs(mean).max() > 0.1  # zero in the policy's units, the bias in the student's


def test_a_run_is_recorded_with_its_distribution_and_can_be_cloned(tiny_run, tmp_path, capsys):
    out = tmp_path / "it.h5"
    given = f"record {tiny_run} --out {out} --sample --seeds 1 --random-starts 1 --engine native"
    summary_path = tmp_path / "it.json"
    view = f"--view student={tiny_run} --no-view-noise --json {summary_path}"
    assert main([*given.split(), *view.split()]) == 0
    assert "success" in capsys.readouterr().out
    summary = json.loads(summary_path.read_text())
    assert summary["episodes"] == 2 and summary["groups"]["student"] == summary["groups"]["actor"]
    candidate = open_candidate(tiny_run)
    with Recording(out) as recording:
        assert recording.info.policy["sha256"] == candidate.label["sha256"]
        assert recording.info.has_std and recording.info.task["residual_action"]
        layout = dict(recording.layout)
        np.testing.assert_array_equal(
            recording.read("observations/actor"), recording.read("observations/student")
        )
    obs, mean, std = read_pairs(out, layout)
    assert std is not None and std.std(axis=0).max() < 1e-6
    assert np.abs(std.mean() - 0.2) < 0.05  # init_std of the run
    np.testing.assert_allclose(candidate.policy(torch.from_numpy(obs)), mean, atol=1e-5)

    # Behaviour cloning from the file alone: the run's own network, fresh, finds the actions again.
    torch.manual_seed(0)
    x, y = torch.from_numpy(obs), torch.from_numpy(mean)
    student = torch.nn.Sequential(
        torch.nn.Linear(obs.shape[1], 32), torch.nn.ELU(), torch.nn.Linear(32, 29)
    )
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (student(x) - y).square().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05 * float((y - y.mean(0)).square().mean())

    with pytest.raises(RecordingError, match="from the default ones here"):
        read_pairs(out, layout, action_offset="default")


@pytest.mark.parametrize(
    ("plan", "kind", "message"),
    [
        (RecordingPlan(sample=True), MimiclabError, "--action-noise"),
        (RecordingPlan(groups=("teacher",)), UnknownNameError, "known: actor, critic"),
        (
            RecordingPlan(
                views={
                    "a": replace(STUDENT, interface=InterfaceCfg(dropout=0.1)),
                    "b": replace(STUDENT, interface=InterfaceCfg(dropout=0.2)),
                }
            ),
            MimiclabError,
            "one after the other",
        ),
        (RecordingPlan(views={"s": replace(STUDENT, control_hz=25)}), MimiclabError, "control_hz"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_a_file_is_made(
    plan, kind, message, library, tmp_path
):
    with pytest.raises(kind, match=message):
        record(
            acting(wave), library, tmp_path / "it.h5", QUIET, plan,
            num_envs=1, engine="native", device="cpu",
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_another_task_than_the_policys_is_refused(library, tmp_path, capsys):
    candidate = SimpleNamespace(**vars(acting(wave)) | {"expects": {"command": 12}})
    with pytest.raises(ContractError, match="the policy observes 12 numbers"):
        record(candidate, library, tmp_path / "it.h5", QUIET, engine="native", device="cpu")  # pyright: ignore
    given = "record zero --motion builtin:stand --out x.h5 --view"
    assert main([*given.split(), "student"]) == 2
    assert "write --view NAME=RUN" in capsys.readouterr().err
