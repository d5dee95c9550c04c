"""Means over episodes and steps, against values computed by hand."""

import pytest
import torch

from mimiclab.learning.statistics import EpisodeStatistics


def test_summary_of_three_steps_of_two_environments() -> None:
    stats = EpisodeStatistics(2, "cpu")
    no, yes = torch.tensor(False), torch.tensor(True)
    stats.add(torch.tensor([1.0, 2.0]), torch.tensor([0, 0]), {"log": {}})
    stats.add(
        torch.tensor([1.0, 2.0]),
        torch.tensor([1, 0]),
        {
            "time_outs": torch.stack([no, no]),
            "log": {
                "Episode_Reward/a": 0.5,
                "Episode_Termination/fall": 1,
                "Metrics/motion/e": 3.0,
            },
        },
    )
    stats.add(
        torch.tensor([5.0, 2.0]),
        torch.tensor([1, 1]),
        {
            "time_outs": torch.stack([no, yes]),
            "log": {
                "Episode_Reward/a": torch.tensor(2.0),
                "Episode_Termination/fall": 1,
                "Metrics/motion/e": 6.0,
                "Curriculum/level": 0.25,
            },
        },
    )
    line = stats.summary()
    # Episodes: 1+1 over 2 steps, 5 over 1 step, 2+2+2 over 3 steps.
    assert line["mean_reward"] == pytest.approx((2 + 5 + 6) / 3)
    assert line["mean_episode_length"] == pytest.approx((2 + 1 + 3) / 3)
    assert line["step_reward"] == pytest.approx(13 / 6)
    assert line["episodes"] == 3
    assert line["failure_rate_per_step"] == pytest.approx(2 / 6)
    assert line["rewards"] == {"a": pytest.approx((0.5 * 1 + 2.0 * 2) / 3)}
    assert line["metrics"] == {"e": pytest.approx((3.0 + 2 * 6.0) / 3)}
    assert line["terminations"] == {"fall": pytest.approx(2 / 3)}
    assert line["curriculum"] == {"level": 0.25}


def test_window_reaches_back_until_it_holds_100_episodes() -> None:
    stats = EpisodeStatistics(50, "cpu")
    for reward in (1.0, 2.0, 3.0):
        stats.add(torch.full((50,), reward), torch.ones(50), {})
        line = stats.summary()
    assert line["mean_reward"] == pytest.approx(2.5)  # the newest two iterations
    empty = stats.summary()
    assert empty["episodes"] == 0
    assert empty["mean_reward"] == pytest.approx(2.5)


def test_no_episode_yet_gives_no_mean() -> None:
    stats = EpisodeStatistics(1, "cpu")
    stats.add(torch.ones(1), torch.zeros(1), {})
    assert stats.summary()["mean_reward"] is None
