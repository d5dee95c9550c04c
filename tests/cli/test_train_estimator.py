"""`mimiclab train estimator`."""

import json

import pytest
from PIL import Image

from mimiclab.cli.main import main
from mimiclab.cli.train_estimator import defaults
from mimiclab.deployment.estimator import OnnxEstimator
from mimiclab.learning.estimator.files import load_estimator


def test_model_and_scale_decide_the_defaults():
    assert defaults([]).settings.epochs == 50
    full = defaults(["--model", "residual", "--scale=full"]).settings
    assert (full.kind, full.hidden, full.epochs, full.minutes) == (
        "residual",
        (512, 256, 128),
        1000,
        None,
    )


def test_a_folder_with_all_that_is_promised(tmp_path, capsys):
    out = tmp_path / "estimator"
    given = "train estimator --motion builtin:walk,builtin:turn,builtin:kick --epochs 3 --hidden 32"
    noise = "--interface.joint-noise-rad 0.02 --test-interface.dropout 0.3"
    assert main([*given.split(), *noise.split(), "--out", str(out)]) == 0
    assert "test interface" in capsys.readouterr().out
    model, facts = load_estimator(out)
    assert model.layout.input_size == 305 and len(facts["clips"]["kept"]) == 1
    assert OnnxEstimator(out / "estimator.onnx").layout["robot"] == "unitree_g1"
    report = json.loads((out / "report.json").read_text())
    assert set(report["errors"]) == {"clean", "training", "test"}
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 3
    assert Image.open(out / "curve.png").width > 500
    assert main([*given.split(), "--out", str(out)]) == 2
    assert "holds an estimator already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--motion builtin:walk --out o", "--validation 0"),
        ("--motion builtin:walk --model gru --out o", "unknown estimator preset 'gru'"),
        ("--motion builtin:walk --out o --robot g1", "unknown robot 'g1'"),
    ],
)
def test_what_cannot_be_trained_is_said(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "estimator", *arguments.split()]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
