import csv
import json

import numpy as np
import pytest

from mimiclab.evaluation.report import EpisodeResult, EvaluationReport


def episode(clip="walk", start="zero", success=True, error=10.0, completion=1.0, **changes):
    values = {
        "clip": clip,
        "start": start,
        "start_s": 0.0,
        "seed": 0,
        "steps": 100,
        "success": success,
        "completion": completion,
        "reason": "clip_end" if success else "ee_body_pos",
        "metrics": {"mpjpe_global_mm": error},
        "body_position_error_mm": np.array([error, 2 * error]),
    }
    return EpisodeResult(**{**values, **changes})


def report(*episodes):
    return EvaluationReport(
        protocol={"engine": "native"}, body_names=("pelvis", "hand"), episodes=episodes
    )


def test_clip_rows_by_hand():
    rows = report(
        episode(error=10.0),
        episode(error=30.0, success=False, completion=0.5),
        episode(start="random"),
        episode(clip="bow"),
    ).clip_rows()
    assert [(r["clip"], r["start"], r["episodes"]) for r in rows] == [
        ("bow", "zero", 1), ("walk", "zero", 2), ("walk", "random", 1),
    ]  # fmt: skip
    walk = rows[1]
    assert walk["success_rate"] == 0.5 and walk["completion"] == 0.75
    assert walk["mpjpe_global_mm"] == 20.0
    assert walk["success_ci95"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert walk["ended_by"] == {"clip_end": 1, "ee_body_pos": 1}


def test_summary_takes_clips_as_strata():
    both = report(
        episode(error=10.0), episode(error=20.0), episode(clip="bow", error=30.0),
        episode(clip="bow", error=40.0),
    ).summary()["mpjpe_global_mm"]  # fmt: skip
    # Variance 50 in both clips: error^2 = (2 * 50 + 2 * 50) / 16 = 12.5, df = 2, t = 4.3027;
    # the lower end stays above 0.
    half = 4.3027 * 12.5**0.5
    assert both["mean"] == 25.0
    assert both["ci95"] == pytest.approx([25 - half, 25 + half], abs=1e-2)
    alone = report(episode(error=10.0), episode(error=20.0)).summary()["mpjpe_global_mm"]
    assert alone["ci95"] == pytest.approx([0.0, 15 + 63.531], abs=1e-2)
    assert report(episode()).summary()["mpjpe_global_mm"]["ci95"] is None


def test_completion_stays_within_its_range():
    found = report(episode(completion=1.0), episode(completion=0.1)).summary()["completion"]
    assert found["ci95"] == [0.0, 1.0]


def test_json_layout(tmp_path):
    report(episode(), episode(start="random", success=False)).save(tmp_path / "e.json")
    values = json.loads((tmp_path / "e.json").read_text())
    assert values["schema"] == 1
    assert set(values) >= {"protocol", "clips", "summary", "summary_by_start", "body_mpjpe_mm"}
    assert values["summary"]["success_rate"]["mean"] == 0.5
    assert values["summary_by_start"]["zero"]["success_rate"]["mean"] == 1.0
    assert values["body_mpjpe_mm"] == {"pelvis": 10.0, "hand": 20.0}
    assert values["metrics"]["mpjpe_global_mm"]["unit"] == "mm"


def test_an_episode_of_one_step_has_no_acceleration_and_is_still_counted():
    rows = report(episode(), episode(metrics={"mpjpe_global_mm": 1.0})).clip_rows()
    assert rows[0]["episodes"] == 2 and "acceleration_error" not in rows[0]


def test_a_table_of_clips_for_spreadsheets(tmp_path):
    found = report(episode(error=10.0), episode(success=False), episode(clip="bow", metrics={}))
    found.save_csv(tmp_path / "e.csv")
    with (tmp_path / "e.csv").open() as file:
        bow, walk = csv.DictReader(file)
    assert (walk["clip"], walk["episodes"], walk["success_rate"]) == ("walk", "2", "0.5")
    assert walk["mpjpe_global_mm"] == "10.0" and bow["mpjpe_global_mm"] == ""
    assert walk["ended_by"] == "clip_end:1 ee_body_pos:1"
