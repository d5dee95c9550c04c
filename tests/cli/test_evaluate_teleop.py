import json

import pytest

from mimiclab.cli.evaluate_teleop import policy_names
from mimiclab.cli.groups import named
from mimiclab.cli.main import main
from mimiclab.errors import MimiclabError

QUICK = ["--residual-action", "--seeds", "1", "--random-starts", "0"]


def test_suite_on_the_command_line(tmp_path, capsys):
    files = {kind: tmp_path / f"t.{kind}" for kind in ("json", "html", "png")}
    outputs = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    command = ["evaluate", "teleop", "pd=zero", "--motion", "builtin:bow", *QUICK, *outputs]
    assert main([*command, "--sweeps", "delay_s", "--delay-s", "0", "0.2"]) == 0
    points = json.loads(files["json"].read_text())["points"]
    assert [(p["policy"], p["value"]) for p in points] == [("pd", 0.0), ("pd", 0.2)]
    assert "E_EP" in capsys.readouterr().out
    assert files["html"].is_file() and files["png"].is_file()


def test_groups_and_mosaics_columns_on_the_command_line(tmp_path, capsys):
    out = tmp_path / "e.json"
    groups = ["--group", "calm=builtin:stand", "--group", "arms=builtin:wave"]
    shown = ["--metrics", "mosaic", "--rule", "mosaic", "--json", str(out)]
    shown += ["--csv", str(tmp_path / "e.csv")]
    behind = ["--interface.delay-s", "0.1", "0.1", "--interface-groups", "arms"]
    assert main(["evaluate", "zero", *QUICK, *groups, *shown, *behind]) == 0
    text = capsys.readouterr().out
    assert "motion groups" in text and "E_AV" in text
    values = json.loads(out.read_text())
    assert list(values["summary_by_group"]) == ["arms", "calm"]
    assert values["protocol"]["interface_groups"] == ["arms"]
    assert values["protocol"]["rule"] == "mosaic"
    assert (tmp_path / "e.csv").read_text().count("\n") == 3
    assert main(["evaluate", "zero", "--motion", "builtin:bow", *groups]) == 2
    assert "--motion and --group were both given" in capsys.readouterr().err


def test_the_single_command_keeps_its_own_help(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    assert "--require-success" in capsys.readouterr().out


def test_names_of_policies():
    assert policy_names(["runs/gmt", "files/residual.onnx", "mine=runs/x"]) == {
        "gmt": "runs/gmt", "residual": "files/residual.onnx", "mine": "runs/x",
    }  # fmt: skip
    assert policy_names(["a/policy.onnx", "b/policy.onnx"]) == {
        "a/policy.onnx": "a/policy.onnx", "b/policy.onnx": "b/policy.onnx",
    }  # fmt: skip
    for words in ([], ["x=a", "x=b"]):
        with pytest.raises(MimiclabError, match="write NAME=POLICY"):
            policy_names(words)


def test_names_before_an_equals_sign():
    assert named(["a=1", "b=x=y"], "--group A=B") == {"a": "1", "b": "x=y"}
    with pytest.raises(MimiclabError, match="'a' has no name or no value; write --group A=B"):
        named(["a"], "--group A=B")
    with pytest.raises(MimiclabError, match="'a' was given twice"):
        named(["a=1", "a=2"], "--group A=B")
