"""Released policies evaluated under our protocol, and converted into files of ours."""

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "learning"))

from foreign_files import (
    FULL,
    ISAAC_TO_MODEL,
    WITHOUT_ESTIMATION,
    Baked,
    Foreign,
    Network,
    isaac_metadata,
    write,
)

from mimiclab.cli.main import main
from mimiclab.deployment.foreign import export_foreign
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.errors import ContractError
from mimiclab.evaluation.candidates import open_candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.motions.library import MotionLibrary


@pytest.fixture(scope="module", params=[(WITHOUT_ESTIMATION, 5), (FULL, 1)], ids=["mosaic", "bm"])
def released(request, tmp_path_factory, g1):
    """A file, and the network in our layout that it was made from."""
    terms, history = request.param
    network = Network(terms, history)
    ours = (g1.default_pose, g1.action_scale)
    policy = Foreign(network, terms, ISAAC_TO_MODEL, *ours, ours)
    policy = policy if history > 1 else Baked(policy)
    path = tmp_path_factory.mktemp("released") / "released.onnx"
    return write(policy, path, isaac_metadata(g1, terms, history)), network


def test_scores_are_those_of_the_same_network_in_our_layout(released, dip, g1):
    """Environments give the observations that the adapter expects, and act as it says."""
    path, network = released
    library = MotionLibrary.from_clips([dip], robot=g1, fps=50)
    candidate = open_candidate(path)
    protocol = Protocol(seeds=2, random_starts=1)
    scores = []
    for policy in (candidate.policy, torch.inference_mode()(network)):
        report = evaluate(
            policy, candidate.task, library, protocol, expects=candidate.expects, num_envs=3
        )
        scores.append({name: value["mean"] for name, value in report.summary().items()})
    assert scores[0] == pytest.approx(scores[1], rel=1e-2, abs=1e-3)
    assert scores[0]["completion"] < 1.0  # a random network falls: scores depend on its actions


def test_a_converted_file_acts_alike(released, tmp_path):
    path, network = released
    out, remarks = export_foreign(path, tmp_path / "ours.onnx")
    policy = OnnxPolicy(out)
    obs = torch.randn(12, network.width)
    with torch.inference_mode():
        torch.testing.assert_close(
            torch.from_numpy(policy.act(obs.numpy())), network(obs), atol=2e-5, rtol=1e-4
        )
    assert policy.contract.robot == "unitree_g1" and policy.contract.motion_names == ()
    assert [t.name for t in policy.contract.observations] == list(network.terms)
    assert remarks == ()
    with pytest.raises(ContractError, match="nothing to convert"):
        export_foreign(out, tmp_path / "again.onnx")


def test_the_commands(released, tmp_path, capsys):
    path, _ = released
    quick = ["--motion", "builtin:squat", "--seeds", "1", "--random-starts", "0"]
    report = tmp_path / "report.json"
    assert main(["evaluate", str(path), *quick, "--json", str(report)]) == 0
    stamp = json.loads(report.read_text())["protocol"]["policy"]
    assert stamp["kind"] == "foreign" and stamp["adapter"] == "auto"
    assert main(["evaluate", str(path), *quick, "--adapter", "holosoma"]) == 2
    assert "the metadata lack dof_names" in capsys.readouterr().err
    assert main(["export", str(path), "--out", str(tmp_path / "p.onnx"), "--adapter", "auto"]) == 0
    assert "0 clips" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "p.onnx"), *quick, "--adapter", "mosaic"]) == 2
    assert "says itself what it observes" in capsys.readouterr().err
    assert main(["export", str(path)]) == 2
    assert "--out" in capsys.readouterr().err
