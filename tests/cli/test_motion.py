"""The motion commands, run through the command line's own entry."""

import json
from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion, read_motion_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert main(["motion", "synthesize", "wave", "bow", "--output", str(tmp_path / "in")]) == 0
    return tmp_path / "in"


def test_synthesize_lists_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motion", "synthesize"]) == 0
    assert "step_length=0.2" in capsys.readouterr().out
    out = tmp_path / "walk.csv"
    arguments = ["motion", "synthesize", "walk", "--set", "steps=4", "--output", str(out)]
    assert main([*arguments, "--fps", "60"]) == 0
    assert "read these with --fps 60" in capsys.readouterr().out
    assert read_motion(out, robot="unitree_g1", fps=60.0).num_frames > 100
    assert main([*arguments[:4], "stepz=4", "--output", str(out)]) == 2
    assert "did you mean 'steps'" in capsys.readouterr().err
    assert main([*arguments[:4], "steps", "--output", str(out)]) == 2
    assert "expected NAME=NUMBER" in capsys.readouterr().err


def test_convert_a_folder_keeps_going_past_a_bad_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.npz").write_bytes(b"")
    found = tmp_path / "found.json"
    arguments = ["motion", "convert", str(folder), "--output", str(tmp_path / "out")]
    code = main([*arguments, "--to", "mjlab_npz", "--output-fps", "25", "--json", str(found)])
    assert code == 1
    printed = capsys.readouterr().out
    assert "bad.npz: the file is empty" in printed
    assert "2 written, 1 failed" in printed
    for name in ("wave", "bow"):
        file = read_motion_file(tmp_path / "out" / f"{name}.npz", robot="unitree_g1")
        assert (file.format, file.clip.fps) == ("mjlab_npz", 25.0)
    document = json.loads(found.read_text())
    assert document["schema"] == 1
    assert [clip["ok"] for clip in document["clips"]] == [True, True, False]
    assert document["clips"][2]["findings"][0]["code"] == "unreadable"


def test_check_exit_codes_and_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    assert main(["motion", "check", str(folder), "--json", str(found)]) == 0
    document = json.loads(found.read_text())
    assert set(document) == {"schema", "clips"} and len(document["clips"]) == 2
    with np.load(folder / "wave.npz") as data:
        arrays = dict(data)
    arrays["root_pos"][50:] += 3.0
    np.savez(folder / "wave.npz", **arrays)
    assert main(["motion", "check", str(folder), "builtin:stand"]) == 1
    assert "root_jump" in capsys.readouterr().out
    assert main(["motion", "check", str(folder / "none.npz")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_inspect_shows_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motion", "inspect", str(folder / "wave.npz")]) == 0
    printed = capsys.readouterr().out
    for text in ("mimiclab_npz", "unitree_g1", "left_knee_joint", "50"):
        assert text in printed
    assert main(["motion", "inspect", str(folder)]) == 2
    assert "names 2 motions, expected one" in capsys.readouterr().err


def test_bench_reports_rates(tmp_path: Path) -> None:
    found = tmp_path / "bench.json"
    arguments = ["bench", "motion", "--motions", "builtin:walk", "--library-clips", "3"]
    assert main([*arguments, "--repeats", "1", "--gather", "64", "--json", str(found)]) == 0
    document = json.loads(found.read_text())
    assert document["schema"] == 1
    # The goal is 1,000; a busy machine may take a while longer.
    assert document["rows"][0]["convert_x_real_time"] > 100
    assert document["library"]["clips"] == 3 and document["library"]["load_s"] < 1.0
