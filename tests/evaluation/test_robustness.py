"""Sweeps of pushes, payload, friction, delay and motor strength."""

import json
from dataclasses import replace

import pytest

from mimiclab.cli.main import main
from mimiclab.errors import EngineError, MimiclabError
from mimiclab.evaluation.candidates import zero_candidate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.robustness import run_robustness
from mimiclab.evaluation.robustness_cfg import SWEEPS, RobustnessSuite
from mimiclab.tasks.tracking import TrackingTask

ZERO = zero_candidate(TrackingTask(residual_action=True))
SMALL = RobustnessSuite(sweeps=("motor_strength", "push_n"), motor_strength=(1.0, 0.4),
                        push_n=(0.0, 200.0))  # fmt: skip
QUICK = Protocol(seeds=2, random_starts=0)


def test_every_point_differs_from_the_rest_in_one_value():
    suite = RobustnessSuite()
    points = suite.points()
    assert list(dict.fromkeys(sweep for sweep, _, _ in points)) == list(SWEEPS)
    for sweep, value, world in points:
        assert getattr(world, sweep) == value and set(world.changed()) <= {sweep}
    assert max(suite.push_n) == 200.0 and 0.1 <= suite.around.push_s <= 0.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweeps": ()}, "at least one of push_n, push_mps"),
        ({"sweeps": ("wind",)}, "at least one of push_n, push_mps"),
        ({"push_n": ()}, "values of push_n are"),
        ({"motor_strength": (1.0, -1.0)}, "motor_strength is -1.0"),
    ],
)
def test_suites_that_cannot_be_run(changes, message):
    with pytest.raises(MimiclabError, match=message):
        RobustnessSuite(**changes).points()


def test_weak_motors_and_pushes_cost_what_they_should(library):
    seen = []
    result = run_robustness(
        {"pd": ZERO}, {"pd": library}, SMALL, QUICK, simulator="mujoco",
        progress=lambda *p: seen.append(p),
    )  # fmt: skip
    assert [(p["sweep"], p["value"]) for p in result.points] == [
        ("motor_strength", 1.0), ("motor_strength", 0.4), ("push_n", 0.0), ("push_n", 200.0),
    ]  # fmt: skip
    # The nominal world is one evaluation, shown in both sweeps.
    assert result.points[0]["summary"] == result.points[2]["summary"]
    for sweep in result.sweeps:
        easy, hard = (s["joint_position_error"]["mean"] for _, s in result.values("pd", sweep))
        assert hard != easy
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["sweeps"]["push_n"] == {"words": "horizontal force on the torso", "unit": "N"}
    assert values["points"][3]["perturbation"]["push_n"] == 200.0
    assert values["protocol"]["engine"] == "mujoco" and values["notes"] == []
    assert seen[-1][0] == seen[-1][1]


def test_what_cannot_be_is_refused_by_name_or_listed(library):
    suite = RobustnessSuite(sweeps=("payload_torso_kg",), payload_torso_kg=(0.0, -50.0))
    short = Protocol(seeds=1, random_starts=0)
    where = {"simulator": "mujoco"}
    with pytest.raises(MimiclabError, match=r"payload_torso_kg: -50 kg.*--ignore-unsupported"):
        run_robustness({"pd": ZERO}, {"pd": library}, suite, short, **where)
    found = run_robustness(
        {"pd": ZERO}, {"pd": library}, suite, replace(short, pushes=True),
        ignore_unsupported=True, **where,
    )  # fmt: skip
    assert [point["value"] for point in found.points] == [0.0]
    assert "pushes is off" in found.notes[0]
    assert "payload_torso_kg -50 is left out" in found.notes[1]
    with pytest.raises(EngineError, match="mujoco lack pushes"):
        run_robustness({"pd": ZERO}, {"pd": library}, suite, replace(short, pushes=True), **where)
    nothing = replace(suite, payload_torso_kg=(-50.0,))
    with pytest.raises(MimiclabError, match="nothing is left to sweep"):
        run_robustness(
            {"pd": ZERO}, {"pd": library}, nothing, short, ignore_unsupported=True, **where
        )


def test_the_command_on_the_batched_engine(tmp_path, capsys):
    out, page, picture = (tmp_path / f"r.{kind}" for kind in ("json", "html", "png"))
    words = ["evaluate", "robustness", "zero", "--residual-action", "--motion", "builtin:squat",
             "--seeds", "2", "--random-starts", "0", "--sweeps", "friction", "--friction", "0.6",
             "0.1", "--simulator", "native", "--num-envs", "2", "--device", "cpu"]  # fmt: skip
    assert main([*words, "--json", str(out), "--html", str(page), "--png", str(picture)]) == 0
    assert "friction of the feet" in capsys.readouterr().out
    values = json.loads(out.read_text())
    assert [point["value"] for point in values["points"]] == [0.6, 0.1]
    text = page.read_text()
    assert text.count("<svg") == 3 and "what the policy bears" in text
    assert picture.stat().st_size > 5000
