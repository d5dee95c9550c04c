"""Log files and what a terminal shows."""

from pathlib import Path
from typing import Any

import pytest

from mimiclab.errors import OutputError
from mimiclab.learning.logs import JsonlLog, TensorBoardLog, WandbLog, read_metrics, scalars
from mimiclab.learning.progress import Progress, duration, plain_line


def line(iteration: int, **changes: Any) -> dict[str, Any]:
    return {
        "iteration": iteration,
        "env_steps": 1_230_000,
        "steps_per_s": 3456.7,
        "mean_reward": 12.345,
        "mean_episode_length": 140.2,
        "rewards": {"body_pos": 0.4},
        "metrics": {"error_body_pos": 0.0512, "entropy": 0.9},
        "losses": {},
        "action_std": 0.2,
        "share": 0.5,
        "eta_s": 3723.4,
        **changes,
    }


def test_lines_of_a_killed_run_are_replaced_when_it_repeats_them(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = JsonlLog(path)
    for iteration in (1, 2, 3):
        log.write(line(iteration))
    log.close()
    with path.open("a") as file:
        file.write('{"iteration": 4, "env_st')  # cut off by a kill
    log = JsonlLog(path, first_iteration=3)
    log.write(line(3, mean_reward=99.0))
    log.close()
    lines = read_metrics(path)
    assert [entry["iteration"] for entry in lines] == [1, 2, 3]
    assert lines[2]["mean_reward"] == 99.0


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        JsonlLog(tmp_path / "absent" / "metrics.jsonl")


def test_nested_numbers_become_tensorboard_names() -> None:
    names = dict(scalars(line(7)))
    assert names["rewards/body_pos"] == 0.4
    assert names["train/mean_reward"] == 12.345
    assert "train/iteration" not in names


def test_tensorboard_gets_every_scalar(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TensorBoardLog(tmp_path)
    for iteration in (1, 2):
        log.write(line(iteration))
    log.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    values = [(e.step, e.value) for e in events.Scalars("rewards/body_pos")]
    assert values == [(1, pytest.approx(0.4)), (2, pytest.approx(0.4))]


def test_wandb_works_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    log = WandbLog(tmp_path, "mimiclab-test", {"id": "abc"})
    log.write(line(1))
    log.close()
    assert list(tmp_path.rglob("*.wandb"))


def test_plain_lines_when_the_output_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("demo")
    progress.say("training: 1 clip")
    progress.write(line(120))
    progress.write(line(121))  # within 10 s: not shown
    progress.close()
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "training: 1 clip",
        "update 120  1.23 M steps  3,457 steps/s  episode 140 steps  reward 12.35  "
        "error_body_pos 0.0512  std 0.20  50%  ETA 1:02:03",
    ]


def test_live_table_holds_reward_terms_and_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("demo", "live")
    progress.write(line(3))
    progress.close()
    out = capsys.readouterr().out
    for word in ("demo", "rewards", "body_pos", "0.0512", "ETA"):
        assert word in out


def test_before_the_first_episode_ends_there_is_no_mean_to_show() -> None:
    text = plain_line(line(1, mean_reward=None, mean_episode_length=None, eta_s=None))
    assert "reward" not in text and "ETA" not in text


def test_durations() -> None:
    assert [duration(s) for s in (5.4, 65, 3600)] == ["0:05", "1:05", "1:00:00"]
