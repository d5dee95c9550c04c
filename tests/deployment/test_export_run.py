import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.deployment.export import export_run
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.errors import CheckpointError, UnknownNameError
from mimiclab.evaluation.candidates import open_candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.train import train
from mimiclab.motions.library import MotionLibrary
from mimiclab.tasks.tracking import TrackingTask


@pytest.fixture(scope="module")
def run(tmp_path_factory, dip, g1):
    """Two updates of a tiny network: weights and normaliser are no longer fresh."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    cfg = TrainCfg(
        num_envs=8, iterations=2, engine="native", device="cpu", logger="none", progress="none",
        ppo=PpoCfg(hidden=(32, 16), steps_per_env=8, init_std=0.2),
    )  # fmt: skip
    library = MotionLibrary.from_clips([dip, dip_named(dip, "second")], robot=g1, fps=50)
    train(TrackingTask(residual_action=True), library, cfg, folder)
    return folder


def dip_named(dip, name):
    from dataclasses import replace

    return replace(dip, name=name, joint_pos=0.95 * dip.joint_pos)


def test_a_run_becomes_a_file_that_acts_like_it(run):
    path = export_run(run)
    assert path == run.resolve() / "policy.onnx"
    policy, trained = OnnxPolicy(path), load_policy(load_run(run))
    observations = torch.randn(50, 160, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = trained({"actor": observations}).numpy()
    np.testing.assert_allclose(policy.act(observations.numpy()), expected, atol=1e-5)
    contract = policy.contract
    assert (contract.provenance.run, contract.provenance.iteration) == ("tiny", 2)
    assert contract.action_offset == "reference"
    assert [(c.name, c.start, c.frames) for c in contract.clips] == [
        ("dip", 0, 101), ("second", 101, 101),
    ]  # fmt: skip
    np.testing.assert_allclose(
        baked_reference(policy, "second").joint_pos,
        0.95 * baked_reference(policy, "dip").joint_pos,
        atol=1e-6,
    )
    assert Sim2Sim(policy, baked_reference(policy, 1)).run(EpisodeCfg(seconds=0.2)).steps == 10


def test_choice_of_clips_and_policy_only(run, tmp_path):
    some = OnnxPolicy(export_run(run, tmp_path / "some.onnx", clips=["second"]))
    assert [c.name for c in some.contract.clips] == ["second"]
    assert some.contract.motion_names == ("dip", "second")
    assert baked_reference(some).clip_index == 1
    alone = OnnxPolicy(export_run(run, tmp_path / "alone.onnx", policy_only=True))
    assert not alone.has_reference
    with pytest.raises(UnknownNameError, match="did you mean 'second'"):
        export_run(run, tmp_path / "x.onnx", clips=["secnd"])
    with pytest.raises(CheckpointError, match="not a run folder"):
        export_run(tmp_path)


def test_checkpoint_and_file_score_alike(run, tmp_path):
    path = export_run(run, tmp_path / "p.onnx")
    protocol = Protocol(seeds=1, random_starts=1, initial_noise=0.0)
    reports = []
    for what in (run, path):
        found = open_candidate(what)
        assert found.library is not None
        reports.append(
            evaluate(found.policy, found.task, found.library, protocol, expects=found.expects)
        )
    for a, b in zip(reports[0].episodes, reports[1].episodes, strict=True):
        assert (a.clip, a.steps, a.reason) == (b.clip, b.steps, b.reason)
        assert a.metrics["mpjpe_global_mm"] == pytest.approx(b.metrics["mpjpe_global_mm"], rel=0.02)
    fresh = open_candidate(run, untrained=True)
    assert fresh.label["kind"] == "untrained" and fresh.label["iteration"] == 0
    observations = torch.ones(1, 160)
    assert not torch.allclose(fresh.policy(observations), open_candidate(run).policy(observations))


def test_commands(run, tmp_path, capsys):
    out = tmp_path / "named.onnx"
    assert main(["export", str(run), "--out", str(out), "--clips", "dip"]) == 0
    printed = capsys.readouterr().out
    assert "160 observations, 29 actions at 50 Hz, 1 clips" in " ".join(printed.split())
    assert main(["evaluate", str(run), "--seeds", "1", "--random-starts", "0"]) == 0
    assert main(["sim2sim", str(out), "--seconds", "0.2"]) == 0
    assert main(["export", str(tmp_path)]) == 2
    assert "not a run folder" in capsys.readouterr().err
