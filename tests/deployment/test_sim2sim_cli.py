import json
import subprocess
import sys

import numpy as np
import pytest

from mimiclab.cli.main import main


def test_episodes_table_and_json(stiff_file, tmp_path, capsys):
    out = tmp_path / "out.json"
    code = main(["sim2sim", str(stiff_file), "--episodes", "2", "--seed", "5", "--json", str(out)])
    assert code == 0
    assert "2 of 2 episodes completed" in capsys.readouterr().out
    values = json.loads(out.read_text())
    assert values["schema"] == 1 and values["policy"] == str(stiff_file)
    assert values["contract"]["robot"] == "unitree_g1"
    assert [e["seed"] for e in values["episodes"]] == [5, 6]
    first = values["episodes"][0]
    assert (first["steps"], first["completed"], first["reason"]) == (100, True, "clip_end")
    assert first["survived_s"] == 2.0 and first["mpjpe_global_mm"] > 0


def test_a_fall_is_exit_code_1_where_success_is_required(zero_file, capsys):
    assert main(["sim2sim", str(zero_file)]) == 0
    assert main(["sim2sim", str(zero_file), "--require-success", "0.5"]) == 1
    assert "ee_body_pos" in capsys.readouterr().out


def test_seconds_and_clip(stiff_file, capsys):
    assert main(["sim2sim", str(stiff_file), "--clip", "dip", "--seconds", "0.4"]) == 0
    assert "0.40 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.onnx"], "no such policy file"),
        (["{policy}", "--clip", "dipp"], "did you mean 'dip'"),
        (["{policy}", "--clip", "dip", "--motion", "x.csv"], "exclude each other"),
        (["{policy}", "--episodes", "0"], "expected at least 1"),
        (["{policy}", "--at-end", "hold"], "give --seconds"),
    ],
)
def test_bad_arguments_are_exit_code_2(stiff_file, capsys, arguments, says):
    arguments = [a.format(policy=stiff_file) for a in arguments]
    assert main(["sim2sim", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_video(stiff_file, tmp_path):
    pytest.importorskip("mimiclab.viewing.video")
    import imageio_ffmpeg

    path = tmp_path / "v.mp4"
    assert main(["sim2sim", str(stiff_file), "--seconds", "0.4", "--video", str(path)]) == 0
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert frames == 11 and seconds == pytest.approx(0.4, abs=0.1)
    reader = imageio_ffmpeg.read_frames(str(path))
    size = next(reader)["size"]
    picture = np.frombuffer(next(reader), np.uint8).reshape(size[1], size[0], 3)
    assert picture.std() > 10


def test_the_command_never_imports_torch(stiff_file):
    code = """
import sys
from mimiclab.cli.main import main
code = main(["sim2sim", sys.argv[1], "--seconds", "0.2"])
assert code == 0 and not {"torch", "mjlab", "warp"} & set(sys.modules), sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code, str(stiff_file)], check=True, capture_output=True)


def test_another_motion_than_the_baked_one(stiff_file, dip, tmp_path, capsys):
    from dataclasses import replace

    from mimiclab.motions.formats import write_motion

    path = tmp_path / "elsewhere.npz"
    write_motion(replace(dip, name="elsewhere", fps=60.0), path)
    assert main(["sim2sim", str(stiff_file), "--motion", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "elsewhere" in printed and "1 of 1 episodes completed" in printed
