"""Bad human files: each is refused with a sentence that says what to do."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimiclab.errors import MimiclabError, MotionFileError, UnknownNameError
from mimiclab.motions.human.formats import (
    HUMAN_FORMATS,
    find_human_files,
    find_human_format,
    read_human,
)

BVH = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT chest
  {
    OFFSET 0 0.9 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 0.9 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.04
0 1 0 0 0 0 0 0 0
0 1 0 1 0 0 0 0 0
0 1 0 2 0 0 0 0 0
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0 1 0 2 0 0 0 0 0\n", "", "declares 3 frames but has 2 motion lines"),
        (
            "0 1 0 2 0 0 0 0 0\n",
            "0 1 0 2",
            r"line 21: 4 numbers, .* 9 channels \(is the file trunc",
        ),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 1 0 0 0 0", "line 20: 8 numbers, but the skeleton has 9"),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 1 0 0 0 0 0 7", "line 20: 10 numbers"),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 1 0 0 0 0 nan", "frame 1 of the motion has NaN"),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 1 0 0 0 0 inf", "frame 1 of the motion has NaN or inf"),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 x 0 0 0 0 0", "line 20: 'x' where a number was expected"),
        ("0 1 0 1 0 0 0 0 0", "0 1 0 0,5 0 0 0 0 0", "with points, not commas"),
        ("Frames: 3", "Frames: 99999999999999", "declares 99999999999999 frames but has 3"),
        ("Frames: 3", "Frames: -3", "declares -3 frames"),
        ("Frames: 3", "Frames: three", "Frames is 'three'"),
        ("Frames: 3\n", "", "line 17: expected `Frames: N`"),
        ("0.04", "0", "Frame Time is 0 s"),
        ("0.04", "nan", "Frame Time is nan s"),
        ("0.04", "-0.04", "Frame Time is -0.04 s"),
        ("MOTION\n", "", "'Frames:' outside of any joint"),
        (BVH[BVH.index("MOTION") :], "", "no MOTION line"),
        ("    }\n  }\n}", "    }\n  }", "1 '{' without '}' before MOTION"),
        ("}\nMOTION", "}\n}\nMOTION", "line 16: more '}' than '{'"),
        ("JOINT chest\n  {", "JOINT chest\n", "line 8: expected '{' after joint 'chest'"),
        ("3 Zrotation Xrotation Y", "3 Zrotation Xrotation W", "unknown channel 'Wrotation'"),
        ("3 Zrotation", "4 Zrotation", "expected their number and that many names"),
        ("3 Zrotation", "999999999 Zrotation", "expected their number and that many names"),
        ("6 Xposition Yposition", "6 Xposition Xposition", "the channel 'Xposition' twice"),
        ("OFFSET 0 0.9 0\n    CH", "OFFSET 0 0.9\n    CH", "OFFSET with three finite numbers"),
        ("OFFSET 0 0.9 0\n    CH", "OFFSET 0 nan 0\n    CH", "OFFSET with three finite numbers"),
        ("    OFFSET 0 0.9 0\n    CH", "    CH", "joint 'chest' has no OFFSET"),
        ("JOINT chest", "JOINT hip", "joint names occur twice: hip"),
        ("JOINT chest", "BONE chest", "line 6: 'BONE' is not expected in joint 'hip'"),
        ("JOINT chest", "ROOT chest", "is not expected here"),
        ("HIERARCHY", "HIERARCHIE", "begins with the word HIERARCHY"),
    ],
)
def test_damaged_bvh(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in BVH
    path = tmp_path / "bad.bvh"
    path.write_text(BVH.replace(old, new, 1))
    with pytest.raises(MotionFileError, match=message):
        read_human(path, units="m", up="y")


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "good.bvh"
    path.write_text(BVH)
    assert read_human(path).num_frames == 3  # metres and y are found, without a map


def test_deep_trees_neither_recurse_nor_take_long(tmp_path: Path) -> None:
    depth = 3000
    head = "ROOT j\n{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    body = "".join(
        f"JOINT j{i}\n{{\nOFFSET 0 0.0005 0\nCHANNELS 1 Xrotation\n" for i in range(depth)
    )
    tail = "}" * (depth + 1) + "\nMOTION\nFrames: 1\nFrame Time: 0.01\n"
    path = tmp_path / "deep.bvh"
    path.write_text(f"HIERARCHY\n{head}{body}{tail}{'0 ' * (depth + 3)}\n")
    assert read_human(path, units="m", up="y").joint_pos_w.shape == (1, depth + 1, 3)


def test_joints_without_channels_cannot_fill_the_memory(tmp_path: Path) -> None:
    # 20,000 joints that cost 30 bytes each, by 20,000 frames of two bytes, would be 22 GB.
    still = "".join(f"JOINT s{i}\n{{\nOFFSET 0 1 0\nCHANNELS 0\n}}\n" for i in range(20_000))
    path = tmp_path / "bomb.bvh"
    path.write_text(
        f"HIERARCHY\nROOT j\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n{still}}}\n"
        f"MOTION\nFrames: 20000\nFrame Time: 0.01\n" + "0\n" * 20_000
    )
    tracemalloc.start()
    with pytest.raises(MotionFileError, match="20000 frames of 20001 joints would take 21363 MiB"):
        read_human(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_memory_stays_near_the_size_of_a_file_of_common_kind(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = "\n".join(" ".join(f"{x:.6f}" for x in row) for row in rng.normal(size=(20_000, 9)))
    path = tmp_path / "long.bvh"
    path.write_text(BVH[: BVH.index("Frames")] + f"Frames: 20000\nFrame Time: 0.01\n{rows}\n")
    tracemalloc.start()
    clip = read_human(path, units="m", up="y")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.num_frames == 20_000
    assert peak < 6 * path.stat().st_size


@pytest.mark.parametrize("suffix", [".bvh", ".amc", ".npz", ".npy", ".txt", ".json", ".c3d"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b" \n ", "empty|no known format|not a numpy array|archive"),
        (b"\x00\x01\xfe\xff" * 300, "."),
        (b"PK\x03\x04 nothing", "."),
        (b"\x93NUMPY\x01\x00", "."),
        (b'{"Frames": []}', "."),
        (b"[" * 100_000, "."),
        (b'{"Frames": ' + b"[" * 100_000, "."),
        (b"HIERARCHY", "."),
        (b":FULLY-SPECIFIED", "."),
    ],
)
def test_empty_files_and_junk(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(content)
    with pytest.raises(MotionFileError, match=message) as caught:
        read_human(path)
    assert str(path.parent) in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(BVH)
    with pytest.raises(MotionFileError, match=r"no such file; that folder has walk\.bvh"):
        read_human(tmp_path / "wlak.bvh")
    with pytest.raises(MotionFileError, match="is a folder"):
        read_human(tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'bvh'"):
        read_human(tmp_path / "walk.bvh", format="bwh")
    with pytest.raises(UnknownNameError, match="did you mean 'lafan1'"):
        read_human(tmp_path / "walk.bvh", skeleton="lafan")


def _good_files(folder: Path) -> dict[str, Path]:
    """A small good file of each format."""
    rng = np.random.default_rng(0)
    files = {name: folder / f"good{item.suffixes[0]}" for name, item in HUMAN_FORMATS.items()}
    files["bvh"].write_text(BVH)
    (folder / "good.asf").write_text(
        ":units\nlength 0.45\nangle deg\n:root\norder TX TY TZ RX RY RZ\naxis XYZ\n:bonedata\n"
        "begin\nname b\ndirection 0 1 0\nlength 30\naxis 0 0 0 XYZ\ndof rx\nend\n:hierarchy\n"
        "begin\nroot b\nend\n"
    )
    files["asf_amc"].write_text(
        ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 0 1 0 0 0 0\nb 3\n2\nroot 0 1 0 0 0 0\nb 4\n"
    )
    unit = [1, 0, 0, 0]
    frame = [0.03, 0, 0.9, 0, *unit * 4, 0, *unit * 2, 0, *unit, 0, *unit * 2, 0]
    files["deepmimic_json"].write_text(json.dumps({"Loop": "wrap", "Frames": [frame] * 3}))
    np.save(files["positions_npy"], rng.normal(size=(4, 24, 3)).astype(np.float32))
    poses = np.zeros((2, 72), np.float32)
    np.savez(files["smpl_npz"], poses=poses, trans=poses[:, :3], mocap_framerate=30)
    return files


@pytest.mark.parametrize("name", list(HUMAN_FORMATS))
def test_good_files_are_recognised_by_content(tmp_path: Path, name: str) -> None:
    path = _good_files(tmp_path)[name]
    assert find_human_format(path).name == name
    odd = path.rename(path.with_suffix(".dat"))
    assert find_human_format(odd).name == name


@pytest.mark.parametrize("name", list(HUMAN_FORMATS))
@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_bytes_changed_at_random_give_a_clip_or_a_named_error(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    path = _good_files(tmp_path)[name]
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 8))
        content[at : at + length] = data.draw(st.binary(max_size=8))
    path.write_bytes(bytes(content))
    try:
        clip = read_human(path, fps=None if name in ("bvh", "smpl_npz", "deepmimic_json") else 30)
    except MimiclabError:
        return
    assert np.isfinite(clip.joint_pos_w).all()


def test_files_are_found_in_folders_and_by_patterns(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good = _good_files(tmp_path / "in")
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    np.savez(tmp_path / "in" / "robot.npz", joint_pos=np.zeros((2, 29)))
    assert find_human_files([tmp_path]) == sorted(good.values())
    assert find_human_files([good["bvh"], tmp_path / "in" / "*.bvh"]) == [good["bvh"]]
    with pytest.raises(MotionFileError, match="no human motion in it or below"):
        (tmp_path / "empty").mkdir()
        find_human_files([tmp_path / "empty"])
    with pytest.raises(MotionFileError, match="no such file"):
        find_human_files([tmp_path / "none.bvh"])
