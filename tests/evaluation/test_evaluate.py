import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.deployment.describe import describe_task
from mimiclab.deployment.export import bake_clips, export_policy
from mimiclab.errors import CheckpointError, ContractError
from mimiclab.evaluation.arena import TrackingArena, base_fall
from mimiclab.evaluation.candidates import open_candidate, zero_candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.metrics import METRICS, MOSAIC_METRICS
from mimiclab.evaluation.protocol import Protocol
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

TASK = TrackingTask(residual_action=True)
ZERO = zero_candidate(TASK).policy


@pytest.fixture(scope="module")
def policy_file(library, tmp_path_factory):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(160, 32), torch.nn.ELU(), torch.nn.Linear(32, 29))
    baked, arrays = bake_clips(library, library.clip_names, 0.02)
    contract = describe_task(TASK, library, clips=baked, run="made", iteration=3)
    path = tmp_path_factory.mktemp("onnx") / "policy.onnx"
    return export_policy(network, contract, path, reference=arrays), network


def test_zero_policy_report(library):
    report = evaluate(ZERO, TASK, library, Protocol(seeds=2, random_starts=2))
    rows = {(row["clip"], row["start"]): row for row in report.clip_rows()}
    assert set(rows) == {(c, s) for c in ("short", "long") for s in ("zero", "random")}
    assert all(row["episodes"] == 2 for row in rows.values())
    # PD tracking alone stands for 0.6 s, but has fallen after 1.6 s.
    assert rows["short", "zero"]["success_rate"] == 1.0
    assert rows["long", "zero"]["success_rate"] == 0.0
    assert 0.3 < rows["long", "zero"]["completion"] < 1.0
    stamp = report.protocol
    assert stamp["clip_set_hash"] == library.content_hash
    assert stamp["terminations"] == {"anchor_pos": 0.25, "anchor_ori": 0.8, "ee_body_pos": 0.25}
    assert (stamp["engine"], stamp["policy_hz"], stamp["physics_dt_s"]) == ("native", 50.0, 0.005)
    json.dumps(report.to_dict(), allow_nan=False)


def test_mosaics_numbers_are_beside_ours(library):
    protocol = Protocol(seeds=1, random_starts=0, initial_noise=0.0)
    report = evaluate(ZERO, TASK, library, protocol)
    short = next(e for e in report.episodes if e.clip == "short")
    assert set(short.metrics) == {*METRICS, *MOSAIC_METRICS}
    # Re-anchoring takes away what the anchor's own place and heading cost.
    assert short.metrics["body_position_error"] < short.metrics["mpjpe_global_mm"] / 1000
    assert short.metrics["feet_stumble"] == 0.0  # it stands
    row = report.clip_rows()[1]
    assert (row["clip"], row["steps"]) == ("short", 30.0)


def test_the_feet_carry_the_robot(library, g1):
    arena = TrackingArena(TASK, library, Protocol(initial_noise=0.0), num_envs=1)
    try:
        arena.start(
            torch.tensor([0]), torch.tensor([0]), torch.zeros(1).double(), torch.tensor([0])
        )
        for _ in range(15):
            arena.step(ZERO(arena.observations()))
        force = arena.feet_force()
    finally:
        arena.close()
    weight = 9.81 * float(g1.model.body_mass.sum())
    assert force.shape == (1, 2, 3)
    assert abs(float(force[0, :, 2].sum())) == pytest.approx(weight, rel=0.3)


def test_mosaics_rule_lets_episodes_go_on_until_the_robot_has_fallen(library):
    settings = {"seeds": 1, "random_starts": 0, "initial_noise": 0.0}
    limits = evaluate(ZERO, TASK, library, Protocol(**settings))
    fall = evaluate(ZERO, TASK, library, Protocol(rule="mosaic", **settings))
    (before,), (after,) = (
        [e for e in report.episodes if e.clip == "long"] for report in (limits, fall)
    )
    assert (before.success, before.reason) == (False, "ee_body_pos")
    assert after.steps > before.steps
    assert after.reason in ("base_fall", "clip_end")
    assert fall.protocol["terminations"] == {"base_fall": 1.2}
    assert (limits.protocol["rule"], fall.protocol["rule"]) == ("limits", "mosaic")
    assert "1.2 rad" in fall.protocol["success_rule"]


def test_a_robot_that_lies_has_fallen(library):
    class Lying:
        class data:
            root_link_quat_w = torch.tensor([[0.7, 0.0, 0.7, 0.0], [1.0, 0.0, 0.0, 0.0]])

    env = SimpleNamespace(
        command_manager=SimpleNamespace(get_term=lambda _: SimpleNamespace(entity=Lying))
    )
    assert base_fall(env, 1.2).tolist() == [True, False]


def test_an_interface_changes_what_is_seen_and_not_what_is_scored(grouped):
    """Residual actions start from the reference that was seen: a wrong one is a wrong robot."""

    def errors(task=TASK, **changes):
        protocol = Protocol(seeds=1, random_starts=0, initial_noise=0.0, terminate=False, **changes)
        report = evaluate(ZERO, task, grouped, protocol)
        return {e.clip: e.metrics["joint_position_error"] for e in report.episodes}, report

    biased = InterfaceCfg(joint_bias_rad=0.05)
    perfect, _ = errors()
    everywhere, report = errors(interface_values=biased)
    assert everywhere["short"] > perfect["short"] + 0.02
    assert everywhere["long"] != pytest.approx(perfect["long"], rel=1e-2)
    assert report.protocol["interface"]["joint_bias_rad"] == 0.05
    some, report = errors(interface_values=biased, interface_groups=("arms",))
    assert some["long"] == pytest.approx(perfect["long"], rel=1e-3)
    assert some["short"] == pytest.approx(everywhere["short"], rel=1e-3)
    assert report.protocol["interface_groups"] == ["arms"]
    owned = replace(TASK, interface=biased, interface_groups=("arms",))
    own, report = errors(owned, interface="own")
    assert own == pytest.approx(some, rel=1e-3)
    assert report.protocol["interface_groups"] == ["arms"]
    off, report = errors(owned)
    assert off == pytest.approx(perfect, rel=1e-3)
    assert report.protocol["interface"]["joint_bias_rad"] == 0.0


def test_rows_and_summaries_by_group(grouped):
    values = evaluate(ZERO, TASK, grouped, Protocol(seeds=2, random_starts=0)).to_dict()
    assert [(r["group"], r["clip"]) for r in values["clips"]] == [
        ("arms", "short"), ("stand", "long"),
    ]  # fmt: skip
    groups = values["summary_by_group"]
    assert groups["arms"]["success_rate"]["mean"] == 1.0
    assert groups["stand"]["success_rate"]["mean"] == 0.0
    assert groups["arms"]["steps"]["mean"] == 30.0


def test_the_number_of_environments_does_not_matter(library):
    protocol = Protocol(seeds=1, random_starts=3, initial_noise=0.0)
    one = evaluate(ZERO, TASK, library, protocol, num_envs=1)
    many = evaluate(ZERO, TASK, library, protocol, num_envs=5)
    for a, b in zip(one.episodes, many.episodes, strict=True):
        assert (a.clip, a.start_s, a.steps, a.reason) == (b.clip, b.start_s, b.steps, b.reason)
        assert a.metrics["mpjpe_global_mm"] == pytest.approx(b.metrics["mpjpe_global_mm"], rel=0.02)


def test_a_seed_is_one_disturbed_start_whatever_else_is_run(library):
    """Episodes of two policies, or of the same clips by fewer environments, can be paired."""

    def errors(**changes):
        where = {"num_envs": changes.pop("num_envs", None)}
        protocol = Protocol(seeds=3, random_starts=0, initial_noise=0.5, **changes)
        report = evaluate(ZERO, TASK, library, protocol, **where)
        return [e.metrics["mpjpe_global_mm"] for e in report.episodes if e.clip == "short"]

    expected = errors()
    assert len({round(error, 3) for error in expected}) == 3
    assert errors(num_envs=2) == pytest.approx(expected, rel=0.02)
    late = InterfaceCfg(
        delay_s=(0.0, 1e-6), dropout=1e-9
    )  # draws numbers, and does next to nothing
    assert errors(interface_values=late) == pytest.approx(expected, rel=0.02)


def test_whole_clips_not_ten_seconds(endless):
    protocol = Protocol(seeds=1, random_starts=0, terminate=False)
    (episode,) = evaluate(ZERO, TASK, endless, protocol).episodes
    assert (episode.steps, episode.success, episode.reason) == (600, True, "clip_end")


def test_switches_act(library):
    def errors(**changes):
        protocol = Protocol(seeds=2, random_starts=0, terminate=False, **changes)
        report = evaluate(ZERO, TASK, library, protocol)
        return [e.metrics["mpjpe_global_mm"] for e in report.episodes]

    still = errors(initial_noise=0.0)
    assert still[0] == pytest.approx(still[1], rel=1e-3)  # without noise, seeds do not differ
    noisy = errors(initial_noise=1.0)
    assert noisy[0] != pytest.approx(noisy[1], rel=1e-3)
    assert errors(initial_noise=0.0, randomisation=True) != pytest.approx(still, rel=1e-3)


def test_same_seed_same_numbers(library):
    protocol = Protocol(seeds=2, random_starts=1, initial_noise=0.5)
    first = evaluate(ZERO, TASK, library, protocol).to_dict()
    assert evaluate(ZERO, TASK, library, protocol).to_dict() == first


def test_onnx_and_torch_score_alike(library, policy_file):
    path, network = policy_file
    candidate = open_candidate(path)
    assert candidate.task == TASK
    assert candidate.library is not None
    assert candidate.library.clip_names == library.clip_names
    np.testing.assert_allclose(candidate.library.durations_s, library.durations_s)
    protocol = Protocol(seeds=1, random_starts=1, initial_noise=0.0)
    onnx = evaluate(
        candidate.policy, candidate.task, candidate.library, protocol, expects=candidate.expects
    )
    with torch.inference_mode():
        direct = evaluate(network, TASK, library, protocol)
    for a, b in zip(onnx.episodes, direct.episodes, strict=True):
        assert (a.clip, a.steps, a.reason) == (b.clip, b.steps, b.reason)
        assert a.metrics["mpjpe_global_mm"] == pytest.approx(b.metrics["mpjpe_global_mm"], rel=0.02)


def test_a_policy_of_another_task_is_refused_with_the_difference(library, policy_file):
    candidate = open_candidate(policy_file[0])
    blind = TrackingTask(state_estimation=False)
    with pytest.raises(ContractError, match=r"160 numbers, the task gives 154.*base_lin_vel\[3\]"):
        evaluate(candidate.policy, blind, library, expects=candidate.expects)


def test_what_does_not_exist_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"a policy \(\.onnx\) or the word zero"):
        open_candidate(tmp_path / "nothing")


def test_command_writes_json_and_page(policy_file, tmp_path, capsys):
    out, page = tmp_path / "e.json", tmp_path / "e.html"
    arguments = ["evaluate", str(policy_file[0]), "--seeds", "1", "--random-starts", "0"]
    assert main([*arguments, "--json", str(out), "--html", str(page)]) == 0
    values = json.loads(out.read_text())
    assert values["schema"] == 1 and len(values["clips"]) == 2
    label = values["protocol"]["policy"]
    assert (label["kind"], label["run"], label["iteration"]) == ("onnx", "made", 3)
    assert "mpjpe_global_mm" in capsys.readouterr().out
    assert "<html" in page.read_text()
    assert main([*arguments, "--require-success", "1.0"]) == 1


def test_zero_needs_a_motion(capsys):
    assert main(["evaluate", "zero"]) == 2
    assert "--motion builtin:walk" in capsys.readouterr().err
