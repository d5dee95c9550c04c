"""`mimiclab motion retarget` on a person made here, on robots, and on files that are no motion."""

import json
from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion
from mimiclab.motions.human.landmarks import robot_landmarks
from mimiclab.motions.synthesis import builtin_motion

SKELETON = {
    "Hips": (None, (0, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -5, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -42, 0)),
    "LeftFoot": ("LeftLeg", (0, -42, 0)),
    "LeftToe": ("LeftFoot", (0, -7, 14)),
    "RightUpLeg": ("Hips", (-9, -5, 0)),
    "RightLeg": ("RightUpLeg", (0, -42, 0)),
    "RightFoot": ("RightLeg", (0, -42, 0)),
    "RightToe": ("RightFoot", (0, -7, 14)),
    "Spine": ("Hips", (0, 12, 0)),
    "Spine1": ("Spine", (0, 14, 0)),
    "Spine2": ("Spine1", (0, 14, 0)),
    "Neck": ("Spine2", (0, 14, 0)),
    "Head": ("Neck", (0, 14, 2)),
    "LeftShoulder": ("Spine2", (5, 10, 0)),
    "LeftArm": ("LeftShoulder", (13, 0, 0)),
    "LeftForeArm": ("LeftArm", (0, -28, 0)),
    "LeftHand": ("LeftForeArm", (0, -25, 0)),
    "RightShoulder": ("Spine2", (-5, 10, 0)),
    "RightArm": ("RightShoulder", (-13, 0, 0)),
    "RightForeArm": ("RightArm", (0, -28, 0)),
    "RightHand": ("RightForeArm", (0, -25, 0)),
}
"""A standing person, 1.7 m tall: joint to parent and offset in cm, y up."""
FRAMES = 40


def write_person(path: Path, rename: dict[str, str] | None = None) -> Path:
    """A BVH in which the person bows a little and swings the left arm forward."""
    called = {name: (rename or {}).get(name, name) for name in SKELETON}
    lines = ["HIERARCHY"]

    def add(name: str, depth: int) -> None:
        tab, (parent, offset) = "  " * depth, SKELETON[name]
        lines.append(f"{tab}{'JOINT' if parent else 'ROOT'} {called[name]}")
        lines.append(f"{tab}{{\n{tab}  OFFSET {' '.join(map(str, offset))}")
        position = "" if parent else "Xposition Yposition Zposition "
        lines.append(
            f"{tab}  CHANNELS {3 if parent else 6} {position}Zrotation Yrotation Xrotation"
        )
        children = [child for child, (above, _) in SKELETON.items() if above == name]
        for child in children:
            add(child, depth + 1)
        if not children:
            lines.append(f"{tab}  End Site\n{tab}  {{\n{tab}    OFFSET 0 0 5\n{tab}  }}")
        lines.append(f"{tab}}}")

    add("Hips", 0)
    order = [line.split()[1] for line in lines if line.split()[0] in ("ROOT", "JOINT")]
    lines += ["MOTION", f"Frames: {FRAMES}", f"Frame Time: {1 / 30}"]
    swing = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(FRAMES) / (FRAMES - 1))
    for share in swing:
        angles = {called["LeftArm"]: -60.0 * share, called["Spine"]: 12.0 * share}
        row = [0.0, 96.0, 0.0]
        for joint in order:
            row += [0.0, 0.0, angles.get(joint, 0.0)]
        lines.append(" ".join(f"{value:.6f}" for value in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_person_on_two_robots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person, out, found = write_person(tmp_path / "p" / "swing.bvh"), tmp_path / "out", "found.json"
    arguments = ["motion", "retarget", str(person), "--output", str(out), "--workers", "1"]
    robots = ["--robot", "unitree_g1,booster_t1", "--json", str(tmp_path / found), "--picture"]
    assert main([*arguments, *robots]) == 0
    assert "2 written, 0 failed" in capsys.readouterr().out
    for name in ("unitree_g1", "booster_t1"):
        clip = read_motion(out / name / "swing.npz")
        assert (clip.robot, clip.name, clip.fps) == (name, "swing", pytest.approx(30.0))
        assert clip.num_frames == FRAMES
        points = robot_landmarks(clip)
        lifted = np.ptp(points.of("left_wrist"), axis=0)
        assert lifted[2] > 0.08 and np.linalg.norm(np.ptp(points.of("right_toe"), axis=0)) < 0.02
        # Up in the picture is the person, below it the robot: a PNG of some size.
        picture = (out / name / "swing.png").read_bytes()
        assert picture[:4] == b"\x89PNG" and len(picture) > 5000
    document = json.loads((tmp_path / found).read_text())
    assert document["schema"] == 1 and not document["failed"]
    for clip in document["clips"]:
        quality = clip["quality"]
        assert clip["status"] == "written" and quality["verdict"] == "accept"
        assert quality["metrics"]["landmark_error_mean_mm"] < 40.0
        assert set(quality["landmark_error_mm"]) >= {"pelvis", "left_toe", "right_wrist"}


def test_a_batch_goes_past_bad_files_and_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_person(folder / "a" / "one.bvh")
    write_person(folder / "two.bvh")
    (folder / "three.bvh").write_text("HIERARCHY\nROOT Hips\n{\n")
    (folder / "notes.txt").write_text("no motion")
    arguments = ["motion", "retarget", str(folder), "--output", str(out)]
    assert main([*arguments, "--workers", "2"]) == 1
    printed = capsys.readouterr().out
    assert "2 written, 1 failed" in printed and "three.bvh" in printed
    assert {str(p.relative_to(out)) for p in out.rglob("*.*")} == {"a/one.npz", "two.npz"}
    (folder / "three.bvh").unlink()
    assert main(arguments) == 0
    assert "0 written, 2 skipped" in capsys.readouterr().out
    before = (out / "two.npz").read_bytes()
    assert main([*arguments, "--overwrite", "--workers", "1"]) == 0
    assert (out / "two.npz").read_bytes() == before  # the same, however many processes


def test_robot_to_robot_there_and_back(tmp_path: Path) -> None:
    there, back = tmp_path / "t1.npz", tmp_path / "g1.csv"
    given = ["motion", "retarget", "builtin:squat", "--frames", "0", "120"]
    assert main([*given, "--robot", "booster_t1", "--output", str(there)]) == 0
    again = ["motion", "retarget", str(there), "--robot", "unitree_g1", "--output", str(back)]
    assert main(again) == 0
    first = read_motion(there)
    second = read_motion(back, robot="unitree_g1", fps=50.0)
    assert first.robot == "booster_t1" and second.num_frames == first.num_frames == 120
    # The smaller robot crouches less deep; there and back the depth is the old one.
    squat = builtin_motion("squat").cut(0, 120)
    deep = [float(np.ptp(clip.root_pos[:, 2])) for clip in (squat, first, second)]
    assert deep[2] == pytest.approx(deep[0], rel=0.05) and 0.1 < deep[1] < deep[0]
    moved = robot_landmarks(second).pos_w - robot_landmarks(squat).pos_w
    assert np.linalg.norm(moved, axis=-1).mean() < 0.03


def test_own_skeleton_other_rate_and_the_baseline(tmp_path: Path) -> None:
    renamed = {name: f"b_{i:02d}" for i, name in enumerate(SKELETON)}
    person = write_person(tmp_path / "strange.bvh", renamed)
    out = tmp_path / "out.npz"
    arguments = ["motion", "retarget", str(person), "--output", str(out)]
    assert main(arguments) == 1  # no shipped map fits these names
    assert not out.exists()
    wanted = {
        "pelvis": ["LeftUpLeg", "RightUpLeg"],
        "chest": ["LeftArm", "RightArm"],
        "head": "Head",
    }
    for side in ("Left", "Right"):
        parts = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "toe": "Toe", "shoulder": "Arm"}
        for landmark, joint in (parts | {"elbow": "ForeArm", "wrist": "Hand"}).items():
            wanted[f"{side.lower()}_{landmark}"] = f"{side}{joint}"
    own = tmp_path / "own.yaml"
    rows = [
        f"  {landmark}: "
        + (f"[{', '.join(renamed[j] for j in on)}]" if isinstance(on, list) else renamed[on])
        for landmark, on in wanted.items()
    ]
    own.write_text("name: own\nlandmarks:\n" + "\n".join(rows) + "\n")
    options = ["--skeleton", str(own), "--output-fps", "50", "--method", "mink"]
    assert main([*arguments, *options]) == 0
    assert read_motion(out).fps == 50.0


def test_what_cannot_run_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = str(write_person(tmp_path / "swing.bvh"))
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([person, "--robot", "unitree_g2"], "did you mean 'unitree_g1'"),
        ([str(tmp_path / "none.bvh")], "no such file"),
        ([str(tmp_path / "empty")], "no motion in it"),
        ([str(tmp_path / "*.amc")], "no file matches"),
        ([person, person.replace("swing", "s*")], ""),
    ):
        code = main(["motion", "retarget", *words, "--output", str(tmp_path / "out")])
        assert code == (2 if message else 0), words
        assert message in capsys.readouterr().err
    two = [person, str(write_person(tmp_path / "other.bvh"))]
    assert main(["motion", "retarget", *two, "--output", str(tmp_path / "one.npz")]) == 2
    assert "give a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "robot"),
    [
        ("amc/cmu/02_04.amc", "unitree_h1"),
        ("motions/deepmimic_humanoid3d/humanoid3d_kick.txt", "booster_k1"),
        ("motions/asap_smpl_npz/kick_level2.npz", "pnd_adam_lite"),
        ("bvh/cmu/12_01_walk.bvh", "unitree_h1_2"),
    ],
)
def test_real_people_on_real_robots(
    shared_data: Path, tmp_path: Path, file: str, robot: str
) -> None:
    out, found = tmp_path / "out.npz", tmp_path / "found.json"
    arguments = ["motion", "retarget", str(shared_data / file), "--output", str(out)]
    assert main([*arguments, "--robot", robot, "--json", str(found)]) == 0
    quality = json.loads(found.read_text())["clips"][0]["quality"]
    assert quality["verdict"] == "accept" and quality["metrics"]["joint_limit_hits"] == 0
