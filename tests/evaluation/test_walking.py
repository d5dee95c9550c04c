"""Scoring a policy that walks on command: which commands, and what is measured."""

import json

import numpy as np
import pytest
import torch

from mimiclab.errors import ContractError, MimiclabError
from mimiclab.evaluation.statistics import wilson_interval
from mimiclab.evaluation.walk_report import WalkEpisode, WalkReport
from mimiclab.evaluation.walking import WalkProtocol, evaluate_walking
from mimiclab.tasks.velocity import CommandCfg, VelocityTask

TASK = VelocityTask(robot="booster_k1", command=CommandCfg(lin_vel_x=(-0.5, 1.0)))


def still(observations):
    return torch.zeros(len(observations), 22)


def test_a_grid_spans_the_ranges_of_the_task():
    commands = WalkProtocol(grid=(3, 1, 2), episodes=2).commands(TASK)
    assert commands.shape == (12, 3)
    assert np.array_equal(commands[::2], commands[1::2])
    assert commands[::2].tolist() == [
        [x, 0.0, turn] for x in (-0.5, 0.25, 1.0) for turn in (-1.0, 1.0)
    ]
    for bad in ({"grid": (0, 1, 1)}, {"episodes": 0}, {"seconds": 0.0}):
        with pytest.raises(MimiclabError, match="expected"):
            WalkProtocol(**bad)


def test_a_robot_that_stands_is_off_by_what_was_asked(tmp_path):
    protocol = WalkProtocol(grid=(3, 1, 1), episodes=1, seconds=0.6, initial_noise=0.0)
    report = evaluate_walking(still, TASK, protocol, engine="native", device="cpu")
    assert [e.command[0] for e in report.episodes] == [-0.5, 0.25, 1.0]
    for episode in report.episodes:
        assert episode.completed and episode.survived_s == pytest.approx(0.6)
        assert np.abs(episode.achieved).max() < 0.2
        size = abs(episode.command[0])
        assert episode.metrics["lin_vel_error"] == pytest.approx(size, abs=0.2)
        assert episode.metrics["target_rate_rms"] == 0.0  # it holds one pose
        assert episode.metrics["torque_rms"] > 0.5  # against its weight
    report.save(tmp_path / "walk.json")
    stored = json.loads((tmp_path / "walk.json").read_text())
    assert stored["protocol"]["robot"] == "booster_k1" and len(stored["commands"]) == 3
    again = evaluate_walking(still, TASK, protocol, engine="native", device="cpu")
    assert again.summary() == report.summary()


def test_a_robot_that_falls_is_scored_until_then():
    def kicking(observations):
        action = still(observations)
        action[1:, 10:] = 20.0  # the legs of all but the first
        return action

    protocol = WalkProtocol(grid=(2, 1, 1), episodes=1, seconds=3.0, initial_noise=0.0)
    report = evaluate_walking(kicking, TASK, protocol, engine="native", device="cpu")
    fell = report.episodes[1]
    assert not fell.completed and 0.0 < fell.survived_s < 2.0
    assert report.rows()[1]["survived"] == 0.0
    assert report.summary()["survived"]["mean"] <= 0.5


def test_a_policy_of_other_observations_is_refused():
    protocol = WalkProtocol(grid=(1, 1, 1), episodes=1, seconds=0.1)
    with pytest.raises(ContractError, match="is it of another task"):
        evaluate_walking(
            still, TASK, protocol, expects={"actions": 29}, engine="native", device="cpu"
        )


def test_means_and_intervals_by_hand():
    def episode(command, error, completed=True):
        metrics = {"segments": [{"achieved": [error, 0.0, 0.0]}], "lin_vel_error": error}
        return WalkEpisode(
            command=command, survived_s=20.0 if completed else 5.0, completed=completed,
            metrics=metrics,
        )  # fmt: skip

    ahead, back = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
    nothing = WalkEpisode(command=back, survived_s=0.0, completed=False, metrics={})
    report = WalkReport(
        protocol={},
        episodes=(episode(ahead, 0.1), episode(ahead, 0.3), episode(back, 0.5, False), nothing),
    )
    first, second = report.rows()
    assert (first["survived"], second["survived"]) == (1.0, 0.0)
    assert first["lin_vel_error"] == pytest.approx(0.2)
    assert first["achieved"] == pytest.approx([0.2, 0.0, 0.0])
    assert second["survived_s"] == 2.5 and second["lin_vel_error"] == 0.5
    summary = report.summary()
    assert summary["lin_vel_error"]["mean"] == pytest.approx(0.3)
    assert summary["survived"] == {"mean": 0.5, "ci95": list(wilson_interval(2, 4))}
