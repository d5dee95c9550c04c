"""The same episodes in several simulators."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mimiclab.cli.demo import shipped_policy
from mimiclab.cli.main import main
from mimiclab.errors import EngineError, MimiclabError, UnknownNameError
from mimiclab.evaluation.arena import TrackingArena
from mimiclab.evaluation.candidates import open_candidate, zero_candidate
from mimiclab.evaluation.deployed import DeployedArena
from mimiclab.evaluation.evaluate import check_observations
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.simulators import (
    SimulatorComparison,
    compare_simulators,
    contract_of,
    evaluate_in,
    supported,
)
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

ZERO = zero_candidate(TrackingTask(residual_action=True))
QUICK = Protocol(seeds=2, random_starts=1, initial_noise=0.5)
needs_physx = pytest.mark.skipif(
    importlib.util.find_spec("sapien") is None,
    reason="PhysX needs sapien: pip install mimiclab[physx]",
)


@pytest.fixture(scope="module")
def shipped():
    return open_candidate(shipped_policy())


@pytest.fixture(scope="module")
def pair(library) -> SimulatorComparison:
    return compare_simulators(("native", "mujoco"), ZERO, library, QUICK)


def test_deployments_loop_gives_trainings_numbers(pair):
    """Same starts, noise, physics, limits and metrics, by code that shares no simulator state."""
    ours, theirs = (pair.reports[name] for name in ("native", "mujoco"))
    assert len(ours.episodes) == 6
    assert {e.reason for e in ours.episodes} > {"clip_end"}  # the long clip ends in a fall
    for a, b in zip(ours.episodes, theirs.episodes, strict=True):
        assert (a.clip, a.start_s, a.seed, a.steps, a.reason) == (
            b.clip, b.start_s, b.seed, b.steps, b.reason,
        )  # fmt: skip
        for name, value in b.metrics.items():
            assert value == pytest.approx(a.metrics[name], rel=1e-3, abs=1e-4), name
    assert ours.protocol["terminations"] == theirs.protocol["terminations"]
    assert (ours.protocol["engine"], theirs.protocol["engine"]) == ("native", "mujoco")


def test_the_policy_sees_the_same_in_both(shipped):
    """Every observation of the first steps of the shipped policy, at a random start with noise."""
    library, contract = shipped.library, contract_of(shipped, shipped.library)
    job = (torch.tensor([0]), torch.tensor([0]), torch.tensor([1.24]).double(), torch.tensor([3]))
    one = TrackingArena(shipped.task, library, QUICK, num_envs=1, engine="native")
    two = DeployedArena(contract, library, QUICK, simulator="mujoco", num_envs=1)
    try:
        check_observations(shipped.expects, two)
        assert one.observed_terms() == two.observed_terms() and one.limits == two.limits
        for arena in (one, two):
            arena.start(*job)
        for _ in range(10):
            seen = one.observations()
            np.testing.assert_allclose(seen, two.observations(), atol=2e-4)
            np.testing.assert_allclose(one.target().joint_pos, two.target().joint_pos, atol=1e-5)
            actions = shipped.policy(seen)
            assert not one.step(actions)[0].any() and not two.step(actions)[0].any()
    finally:
        one.close()


def test_rows_hold_means_intervals_and_paired_gaps(pair, tmp_path):
    rows = {row["metric"]: row for row in pair.rows()}
    error = rows["joint_position_error"]
    assert error["native"]["gap"] is None
    assert error["native"]["ci95"][0] < error["native"]["mean"] < error["native"]["ci95"][1]
    gap = error["mujoco"]["gap"]
    assert gap["mean"] == pytest.approx(error["mujoco"]["mean"] - error["native"]["mean"], abs=1e-6)
    pair.save(tmp_path / "s.json")
    values = json.loads((tmp_path / "s.json").read_text())
    assert list(values["reports"]) == ["native", "mujoco"] and values["base"] == "native"
    assert len(values["reports"]["mujoco"]["episodes"]["clip"]) == 6


@needs_physx
def test_physx_is_near_for_the_shipped_policy(shipped):
    protocol = Protocol(seeds=1, random_starts=1)
    found = compare_simulators(("mujoco", "physx"), shipped, shipped.library, protocol)
    ours, theirs = (report.summary() for report in found.reports.values())
    assert theirs["success_rate"]["mean"] == 1.0
    for name in ("mpjpe_global_mm", "joint_position_error"):
        assert theirs[name]["mean"] == pytest.approx(ours[name]["mean"], rel=0.1)
    assert found.reports["physx"].protocol["engine"] == "physx"


def test_mosaics_rule_and_no_rule_in_deployments_loop(library):
    fall = replace(QUICK, rule="mosaic", random_starts=0, seeds=2)
    reports = [evaluate_in(name, ZERO, library, fall) for name in ("native", "mujoco")]
    for a, b in zip(*(report.episodes for report in reports), strict=True):
        # A fall amplifies what rounding makes of the last digits.
        assert a.reason == b.reason and abs(a.steps - b.steps) <= 2
    assert "base_fall" in {e.reason for e in reports[1].episodes}
    free = evaluate_in("mujoco", ZERO, library, replace(fall, terminate=False))
    assert all(e.success for e in free.episodes) and free.protocol["terminations"] == {}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"pushes": True, "observation_noise": True}, "observation_noise, pushes"),
        ({"randomisation": True}, "randomisation"),
        ({"interface_values": InterfaceCfg(dropout=0.3)}, "interface"),
    ],
)
def test_what_a_simulator_lacks_is_refused_by_name_or_listed(changes, named):
    wanted = replace(QUICK, **changes)
    with pytest.raises(EngineError, match=f"mujoco and physx lack {named},.*ignore-unsupported"):
        supported(wanted, ["native", "mujoco", "physx"])
    plain, notes = supported(wanted, ["native", "mujoco"], ignore=True)
    assert plain == QUICK and len(notes) == len(named.split(", "))
    assert supported(wanted, ["native", "warp"]) == (wanted, ())


def test_wrong_simulators_are_refused(library):
    for names in ((), ("mujoco", "mujoco")):
        with pytest.raises(MimiclabError, match="at least one of auto, native"):
            compare_simulators(names, ZERO, library, QUICK)
    with pytest.raises(UnknownNameError, match="did you mean 'mujoco'"):
        compare_simulators(("mujocco",), ZERO, library, QUICK)


def test_a_missing_package_is_told_before_anything_runs(library, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sapien", None)
    with pytest.raises(EngineError, match=r"mimiclab\[physx\]"):
        compare_simulators(("native", "physx"), ZERO, library, QUICK)


def test_the_command_with_two_simulators(tmp_path, capsys):
    out, page = tmp_path / "s.json", tmp_path / "s.html"
    words = ["evaluate", "zero", "--residual-action", "--motion", "builtin:squat", "--seeds", "2",
             "--random-starts", "0", "--num-envs", "2", "--simulator", "native", "mujoco",
             "--pushes", "--ignore-unsupported", "--device", "cpu"]  # fmt: skip
    assert main([*words, "--json", str(out), "--html", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "minus native" in shown and "note: pushes is off: mujoco lack" in shown
    assert json.loads(out.read_text())["rows"][0]["metric"] == "success_rate"
    assert "mujoco minus native" in page.read_text()
    assert main([*words, "--csv", str(tmp_path / "s.csv")]) == 2
    assert "one simulator" in capsys.readouterr().err
    words = [word for word in words if word not in ("native", "--pushes", "--ignore-unsupported")]
    assert main([*words, "--json", str(out), "--html", str(page)]) == 0
    assert json.loads(out.read_text())["protocol"]["engine"] == "mujoco"
