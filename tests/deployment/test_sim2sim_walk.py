"""`mimiclab sim2sim` with policies that walk at a commanded velocity, and what it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from foreign_onnx import matrix, write_loco, write_wbt

from mimiclab.cli.main import main
from mimiclab.cli.sim2sim_walk import usual_commands
from mimiclab.robots import get_robot


@pytest.fixture(scope="module")
def walker(tmp_path_factory):
    path = tmp_path_factory.mktemp("walk") / "stand.onnx"
    return str(write_loco(path, get_robot("booster_t1_29"), np.zeros((29, 100))))


def test_table_json_and_picture(walker, tmp_path, capsys):
    out, picture = tmp_path / "out.json", tmp_path / "out.png"
    words = "--contract holosoma-loco --command 0.5 0 0 -0.5 0 0.2 --seconds 0.2 --episodes 2"
    files = ["--json", str(out), "--picture", str(picture)]
    assert main(["sim2sim", walker, *words.split(), *files]) == 0
    printed = capsys.readouterr()
    assert "4 of 4 episodes completed" in printed.out and "-0.50 +0.00 +0.20" in printed.out
    assert "Left_Ankle_Pitch -0.25 (ours -0.2)" in printed.err
    values = json.loads(out.read_text())
    assert values["contract"]["velocity"]["gait"]["period_s"] == 1.0
    assert [e["seed"] for e in values["episodes"]] == [0, 1, 0, 1]
    last = values["episodes"][-1]
    assert last["steps"] == 10 and last["completed"] and last["torque_rms"] > 0
    assert last["segments"][0]["command"] == [-0.5, 0.0, 0.2]
    assert picture.read_bytes()[:4] == b"\x89PNG"
    words = "--contract auto --command 0.5 0 0 0 0 0.2 --seconds 0.2 --in-turn"
    assert main(["sim2sim", walker, *words.split(), "--json", str(out)]) == 0
    (episode,) = json.loads(out.read_text())["episodes"]
    assert episode["steps"] == 20 and len(episode["segments"]) == 2


def test_the_usual_commands_are_those_of_the_reference_results():
    assert usual_commands([[-1, 1]] * 3) == [
        (0, 0, 0), (0.5, 0, 0), (1, 0, 0), (-0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "--contract auto"),
        ("--action-scale 1", "with --contract"),
        ("--contract holosoma-loco --motion builtin:walk", "leave --motion out"),
        ("--contract holosoma-loco --command 2 0 0", "outside what the policy was trained with"),
        ("--contract holosoma-loco --command 0.1 0 0 --seconds -1", "seconds is -1"),
        ("--contract holosoma-wbt", "Its locomotion policies"),
        ("--contract beyondmimic", "the metadata lack joint_names"),
        ("--contract lost.yaml", "does not describe a policy"),
    ],
)
def test_bad_arguments_are_exit_code_2(walker, capsys, words, says):
    assert main(["sim2sim", walker, *words.split()]) == 2
    assert says in capsys.readouterr().err


def test_commands_are_not_for_policies_that_follow_a_motion(tmp_path, g1, capsys, policy_file):
    assert main(["sim2sim", str(policy_file), "--command", "0", "0", "0"]) == 2
    assert "leave --command out" in capsys.readouterr().err
    assert main(["sim2sim", str(policy_file), "--contract", "auto"]) == 2
    assert "has a mimiclab contract" in capsys.readouterr().err
    rest = {"joint_pos": np.zeros((2, 29)), "joint_vel": np.zeros((2, 29))}
    path = write_wbt(tmp_path / "p.onnx", g1, matrix(29, 154), rest)
    words = ["--contract", "holosoma-wbt", "--action-scale", "1", "--clip", "x"]
    assert main(["sim2sim", str(path), *words]) == 2
    assert "leave --clip out" in capsys.readouterr().err
