"""`mimiclab motion repair` through the command line's own entry."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.synthesis import builtin_motion


def test_a_folder_is_repaired_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out, found = tmp_path / "in", tmp_path / "out", tmp_path / "found.json"
    squat, wave = builtin_motion("squat"), builtin_motion("wave")
    write_motion(squat, folder / "a" / "sound.npz")
    joints = wave.joint_pos.copy()
    joints[50, 20] += 0.9
    high = replace(wave, joint_pos=joints, root_pos=wave.root_pos + np.array([0.0, 0.0, 0.08]))
    write_motion(high, folder / "high.npz")
    (folder / "bad.npz").write_bytes(b"")
    arguments = ["motion", "repair", str(folder), "--output", str(out), "--json", str(found)]
    assert main(arguments) == 1
    printed = capsys.readouterr().out
    assert "2 written (1 repaired, 1 as they were), 1 failed" in printed
    assert "moved down by 8.0 cm" in printed and "bad.npz" in printed

    # The sound file as a plain conversion would have written it, byte for byte.
    plain = tmp_path / "plain.npz"
    write_motion(read_motion(folder / "a" / "sound.npz"), plain)
    assert (out / "a" / "sound.npz").read_bytes() == plain.read_bytes()
    mended = read_motion(out / "high.npz")
    assert np.abs(mended.root_pos - wave.root_pos).max() < 2e-3
    assert np.abs(mended.joint_pos - wave.joint_pos).max() < 0.05

    document = json.loads(found.read_text())
    clips = {Path(clip["path"]).name: clip for clip in document["clips"]}
    assert clips["sound.npz"]["changes"] == []
    assert [change["kind"] for change in clips["high.npz"]["changes"]] == ["spike", "float"]
    assert clips["high.npz"]["changes"][0]["frames"] == [50]
    assert clips["high.npz"]["before"]["verdict"] == "repair"
    assert clips["high.npz"]["after"]["verdict"] == "accept"
    assert "empty" in document["failed"][0]["error"]


def test_only_some_repairs_existing_files_and_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wave = builtin_motion("wave")
    joints = wave.joint_pos.copy()
    joints[50, 20] += 0.9
    write_motion(
        replace(wave, joint_pos=joints, root_pos=wave.root_pos + np.array([0.0, 0.0, 0.08])),
        tmp_path / "in.npz",
    )
    out = tmp_path / "out.csv"
    arguments = ["motion", "repair", str(tmp_path / "in.npz"), "--output", str(out)]
    assert main([*arguments, "--only", "float"]) == 0
    assert "read these with --fps 50" in capsys.readouterr().out
    half = read_motion(out, robot="unitree_g1", fps=50.0)
    assert half.joint_pos[50, 20] == pytest.approx(joints[50, 20], abs=1e-5)
    assert half.root_pos[0, 2] == pytest.approx(wave.root_pos[0, 2], abs=2e-3)
    assert main(arguments) == 0
    assert "0 written (0 repaired, 0 as they were), 1 skipped" in capsys.readouterr().out
    assert main([*arguments, "--overwrite"]) == 0
    whole = read_motion(out, robot="unitree_g1", fps=50.0)
    assert abs(whole.joint_pos[50, 20] - wave.joint_pos[50, 20]) < 0.05


def test_an_input_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "squat.npz"
    write_motion(builtin_motion("squat"), path)
    before = path.read_bytes()
    assert main(["motion", "repair", str(path), "--output", str(path), "--overwrite"]) == 1
    assert "would replace an input" in capsys.readouterr().out
    assert path.read_bytes() == before
