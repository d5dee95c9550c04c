"""`mimiclab motion inspect` on files of people."""

from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main

# hips, legs and arms of a person who stands with arms out, in centimetres
_LIMBS = """
  JOINT {0}UpLeg {{ OFFSET {1}10 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT {0}Leg {{
      OFFSET 0 -42 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      JOINT {0}Foot {{
        OFFSET 0 -42 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site {{
          OFFSET 0 -6 14
        }}
      }}
    }}
  }}
  JOINT {0}Arm {{
    OFFSET {1}18 50 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT {0}ForeArm {{
      OFFSET {1}28 0 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      JOINT {0}Hand {{
        OFFSET {1}25 0 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site {{
          OFFSET {1}8 0 0
        }}
      }}
    }}
  }}
"""


@pytest.fixture
def bvh(tmp_path: Path) -> Path:
    limbs = "".join(_LIMBS.format(side, sign) for side, sign in (("Left", ""), ("Right", "-")))
    limbs = limbs.replace("{ OFFSET", "{\n OFFSET")
    simple = "".join(
        f"JOINT {name} {{\n OFFSET 0 {height} 0\n CHANNELS 0\n}}\n"
        for name, height in (("Spine", 20), ("Neck", 55), ("Head", 65))
    )
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    frames = [[0, 90, 0] + [0] * 39, [200, 90, 0] + [0] * 39, [201, 90, 0] + [0] * 39]
    rows = "\n".join(" ".join(map(str, frame)) for frame in frames)
    path = tmp_path / "she.bvh"
    path.write_text(
        f"HIERARCHY\nROOT Hips {{\n OFFSET 0 0 0\n {channels}\n{simple}{limbs}}}\n"
        f"MOTION\nFrames: 3\nFrame Time: 0.033333\n{rows}\n"
    )
    return path


def test_inspect_shows_a_person(bvh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motion", "inspect", str(bvh)]) == 0
    shown = capsys.readouterr().out
    assert "bvh" in shown and "humanik" in shown
    assert "0.840 and 0.840 m" in shown  # legs: 2 * 42 cm
    assert "0.530 and 0.530 m" in shown  # arms: 28 + 25 cm
    assert "left_toe" in shown and "missing" in shown
    assert "The first frame is far from the second" in shown
    assert f"mimiclab motion retarget {bvh} --robot unitree_g1" in shown


def test_inspect_teaches_how_to_map_an_unknown_skeleton(
    bvh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bvh.write_text(bvh.read_text().replace("Leg", "Bein"))
    assert main(["motion", "inspect", str(bvh)]) == 0
    shown = capsys.readouterr().out
    assert "no landmark map fits" in shown and "The nearest, 'humanik', misses LeftLeg" in shown
    own = tmp_path / "mine.yaml"
    sides = [("left", "Left"), ("right", "Right")]
    parts = [("hip", "UpBein"), ("knee", "Bein"), ("ankle", "Foot"), ("shoulder", "Arm")]
    rows = [f"  {side}_{part}: {name}{joint}" for side, name in sides for part, joint in parts]
    own.write_text("landmarks:\n" + "\n".join(rows) + "\n")
    assert main(["motion", "inspect", str(bvh), "--skeleton", str(own)]) == 0
    assert "0.840 and 0.840 m" in capsys.readouterr().out


def test_inspect_names_what_is_wrong(
    bvh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["motion", "inspect", str(bvh), "--units", "m"]) == 2
    assert "in m this is no human body" in capsys.readouterr().err
    bvh.write_text(bvh.read_text()[:-40])
    assert main(["motion", "inspect", str(bvh)]) == 2
    assert "is the file truncated?" in capsys.readouterr().err
    np.save(tmp_path / "joints.npy", np.zeros((3, 24, 3)))
    assert main(["motion", "inspect", str(tmp_path / "joints.npy")]) == 2
    assert "the frame rate is missing" in capsys.readouterr().err


def test_inspect_of_amc_is_a_persons_unless_the_cmu_humanoid_is_named(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(shared_data / "amc" / "cmu" / "02_01.amc")
    assert main(["motion", "inspect", file]) == 0
    assert "cmu_asf" in capsys.readouterr().out
    assert main(["motion", "inspect", file, "--robot", "dm_cmu_humanoid"]) == 0
    assert "joint angles" in capsys.readouterr().out
