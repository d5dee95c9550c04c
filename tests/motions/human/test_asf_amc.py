"""ASF/AMC: a skeleton computed by hand; dm_control's parser and CMU humanoid as second opinions."""

from pathlib import Path

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.landmarks import landmarks

ASF = """# a leg and a spine
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -1 0
     length 9
     axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name shank
     direction 0 -2 0
     length 8
     axis 90 0 0 XYZ
    dof rz
    limits (-10 170)
  end
  begin
     id 3
     name spine
     direction 0 1 0
     length 15
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh spine
    thigh shank
  end
"""
AMC = """#!a comment
:FULLY-SPECIFIED
:DEGREES
1
root 0 18 0 0 0 0
thigh 0 0 0
shank 0
2
root 1 18 2 10 20 30
thigh 40 50 60
shank 70
"""
INCH = 0.0254 / 0.45


def write(tmp_path: Path, asf: str = ASF, amc: str = AMC, name: str = "07_01") -> Path:
    (tmp_path / "07.asf").write_text(asf)
    path = tmp_path / f"{name}.amc"
    path.write_text(amc)
    return path


def read(tmp_path: Path, asf: str = ASF, amc: str = AMC, **options) -> HumanClip:
    return read_human(write(tmp_path, asf, amc), **{"up": "z", **options})


def test_the_rest_pose_by_hand(tmp_path: Path) -> None:
    clip = read(tmp_path)
    assert clip.joint_names == ("root", "thigh", "shank", "spine", "shank_end", "spine_end")
    assert clip.parents == (-1, 0, 1, 0, 2, 3)
    assert clip.fps == 120
    rest = np.array([[0, 18, 0], [0, 18, 0], [0, 9, 0], [0, 18, 0], [0, 1, 0], [0, 33, 0]])
    np.testing.assert_allclose(clip.joint_pos_w[0], rest * INCH, atol=1e-12)


def test_a_bent_pose_against_scipy(tmp_path: Path) -> None:
    clip = read(tmp_path)
    # Small letters: about fixed axes, the first one first. A bone turns about its own rest axes.
    root = Rotation.from_euler("xyz", [10, 20, 30], degrees=True)
    thigh_axes = Rotation.from_euler("xyz", [0, 0, 20], degrees=True)
    thigh = (
        root
        * thigh_axes
        * Rotation.from_euler("xyz", [40, 50, 60], degrees=True)
        * thigh_axes.inv()
    )
    shank_axes = Rotation.from_euler("xyz", [90, 0, 0], degrees=True)
    shank = thigh * shank_axes * Rotation.from_euler("z", 70, degrees=True) * shank_axes.inv()
    hip = np.array([1, 18, 2])
    knee = hip + thigh.apply([0, -9, 0])
    expected = [hip, hip, knee, hip, knee + shank.apply([0, -8, 0]), hip + root.apply([0, 15, 0])]
    np.testing.assert_allclose(clip.joint_pos_w[1], np.array(expected) * INCH, atol=1e-12)


def test_other_axis_orders_radians_and_a_bone_order_of_its_own(tmp_path: Path) -> None:
    asf = ASF.replace("order TX TY TZ RX RY RZ", "order RZ RY RX TY TX TZ").replace(
        "axis XYZ\n   position", "axis ZYX\n   position"
    )
    asf = asf.replace("dof rx ry rz", "dof rz rx ry").replace("20 XYZ", "20 ZXY")
    turn = np.radians([30, 20, 10, 60, 40, 50, 70])
    numbers = [f"{x:.12g}" for x in turn]
    amc = (
        f":FULLY-SPECIFIED\n:RADIANS\n1\nshank {numbers[6]}\n"
        f"root {' '.join(numbers[:3])} 18 1 2\nthigh {' '.join(numbers[3:6])}\n"
    )
    clip = read(tmp_path, asf, amc)
    root = Rotation.from_euler("zyx", [30, 20, 10], degrees=True)
    axes = Rotation.from_euler("zxy", [20, 0, 0], degrees=True)
    thigh = root * axes * Rotation.from_euler("zxy", [60, 40, 50], degrees=True) * axes.inv()
    hip = np.array([1, 18, 2])
    np.testing.assert_allclose(clip.joint_pos_w[0, 0], hip * INCH, atol=1e-12)
    np.testing.assert_allclose(
        clip.joint_pos_w[0, 2], (hip + thigh.apply([0, -9, 0])) * INCH, atol=1e-9
    )


def test_other_units_ask_for_a_rate_and_are_found_by_the_size(tmp_path: Path) -> None:
    asf = ASF.replace("length 0.45", "length 1.0").replace("length 15", "length 1.0")
    asf = asf.replace("length 9", "length 0.5").replace("length 8", "length 0.4")
    with pytest.raises(MotionFileError, match="frame rate is missing"):
        read(tmp_path, asf)
    clip = read(tmp_path, asf, fps=60)
    assert clip.fps == 60
    np.testing.assert_allclose(clip.joint_pos_w[0, 0], [0, 18, 0])
    with pytest.raises(MotionFileError, match="units is 'm' but this format has 'cmu'"):
        read(tmp_path, units="m")


def test_where_the_skeleton_is_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path, name="other")
    assert read_human(path, up="z").num_frames == 2  # the only ASF in the folder
    (tmp_path / "08.asf").write_text(ASF.replace("length 9", "length 10"))
    with pytest.raises(
        MotionFileError, match=r"looked for other\.asf beside it .the folder has 07"
    ):
        read_human(path)
    named = read_human(path, up="z", asf=tmp_path / "08.asf")
    assert named.joint_pos_w[0, 1, 1] - named.joint_pos_w[0, 2, 1] == pytest.approx(10 * INCH)
    (tmp_path / "other.asf").write_text(ASF)
    assert read_human(path, up="z").joint_pos_w[0, 2, 1] == pytest.approx(9 * INCH)
    with pytest.raises(MotionFileError, match="an ASF is a skeleton without motion"):
        read_human(tmp_path / "07.asf")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("thigh 40", "wing 40", r"line 10: 'wing' where 'thigh' was expected"),
        ("thigh 0 0 0\n", "wing 0 0 0\n", r"line 6: the bone 'wing' is not in the skeleton 07"),
        ("thigh 0 0 0\n", "thigh 0 0\n", r"'thigh' has 2 numbers, expected 3"),
        ("thigh 0 0 0\n", "", r"frames lack the bones thigh, which move in 07\.asf"),
        ("shank 70\n", "", r"line 8: frame 2 lacks 'shank'; the file is truncated"),
        ("shank 70\n", "shank x\n", r"'x' where a number was expected"),
        ("shank 70\n", "shank nan\n", "NaN or infinite"),
        ("40 50 60", "40 50", "9 numbers, but the skeleton has 10"),
        ("\n2\n", "\n7\n", "frame 7 follows frame 1"),
        (AMC, ":FULLY-SPECIFIED\n:DEGREES\n", "no frame in the file"),
        ("1\nroot", "root", "before the first frame number"),
    ],
)  # fmt: skip
def test_damaged_motions(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in AMC
    with pytest.raises(MotionFileError, match=message):
        read(tmp_path, amc=AMC.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":other", "no section :hierarchy"),
        ("dof rz", "dof rw", "dof is 'rw', expected some of rx ry rz"),
        ("length 8", "length eight", "got 'eight', expected 1 finite numbers"),
        ("direction 0 -2 0", "direction 0 0 0", "'shank' has no direction"),
        ("     axis 90 0 0 XYZ\n", "", "a bone without axis"),
        ("axis 90 0 0 XYZ", "axis 90 0 0 XXY", "axis order is 'XXY'"),
        ("thigh shank", "thigh wing", "'wing' is not in :bonedata"),
        ("    thigh shank\n", "", "the bones shank do not hang on the root"),
        ("thigh shank", "thigh shank spine", "'spine' has two parents"),
        ("root thigh spine", "thigh spine", "do not hang on the root"),
        ("name shank", "name thigh", "'thigh' is there twice"),
        ("orientation 0 0 0", "orientation 0 90 0", "the root is turned in the rest pose"),
        ("order TX TY TZ RX RY RZ", "order TX TX", "order is 'TX TX'"),
        ("angle deg", "angle gon", "angle is 'gon'"),
        (":hierarchy", "  begin\n:hierarchy", "ends within a bone"),
    ],
)
def test_damaged_skeletons(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ASF
    with pytest.raises(MotionFileError, match=message):
        read(tmp_path, asf=ASF.replace(old, new))


def test_a_skeleton_of_many_still_bones_cannot_fill_the_memory(tmp_path: Path) -> None:
    bones = "".join(
        f"  begin\n name b{i}\n direction 0 1 0\n length 1\n axis 0 0 0 XYZ\n  end\n"
        for i in range(1000)
    )
    asf = ASF.replace(":hierarchy\n  begin\n", bones + ":hierarchy\n  begin\n")
    asf = asf.replace(
        "thigh shank\n", "thigh shank " + " ".join(f"b{i}" for i in range(1000)) + "\n"
    )
    frames = "".join(f"{k}\nroot 0 0 0 0 0 0\nthigh 0 0 0\nshank 0\n" for k in range(1, 2001))
    with pytest.raises(MotionFileError, match="2000 frames of 2006 joints would take 214 MiB"):
        read(tmp_path, asf, ":FULLY-SPECIFIED\n" + frames)


@pytest.mark.filterwarnings("ignore")
def test_limbs_point_as_those_of_dm_controls_humanoid(shared_data: Path) -> None:
    """The CMU humanoid shares the rest axes of the database's skeletons, if not their lengths."""
    parse_amc = pytest.importorskip("dm_control.suite.utils.parse_amc")
    suite = pytest.importorskip("dm_control.suite.humanoid_CMU")
    physics = suite.Physics.from_xml_string(*suite.get_model_and_assets())
    file = shared_data / "amc" / "cmu" / "02_01.amc"
    qpos = parse_amc.convert(str(file), physics, 1 / 120).qpos.T
    model = physics.model.ptr
    data = mujoco.MjData(model)
    bodies = ["femur", "tibia", "foot", "humerus", "radius", "hand"]
    columns = [model.body(side + body).id for side in "lr" for body in bodies]
    theirs = np.empty((len(qpos), len(columns), 3))
    for frame, pose in enumerate(qpos):
        data.qpos[:] = pose
        mujoco.mj_kinematics(model, data)
        theirs[frame] = data.xpos[columns]
    motion = landmarks(read_human(file))
    parts = ["hip", "knee", "ankle", "shoulder", "elbow", "wrist"]
    ours = np.stack([motion.of(f"{s}_{part}") for s in ("left", "right") for part in parts], axis=1)
    ours = ours[..., [1, 0, 2]] * [1, -1, 1]  # dm_control takes x, -z, y; we take z, x, y
    assert len(ours) == len(theirs)
    for limb in (0, 1, 3, 4, 6, 7, 9, 10):
        a, b = (pos[:, limb + 1] - pos[:, limb] for pos in (ours, theirs))
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 3.0, limb


@pytest.mark.filterwarnings("ignore")
def test_the_same_numbers_as_dm_controls_parser(shared_data: Path) -> None:
    parse_amc = pytest.importorskip("dm_control.suite.utils.parse_amc")
    file = shared_data / "amc" / "cmu" / "02_03.amc"
    theirs = np.array([frame[:3] for frame in parse_amc.parse(str(file))])
    root = read_human(file).joint_pos_w[:, 0]
    np.testing.assert_allclose(root, theirs[:, [2, 0, 1]] * INCH, atol=1e-12)
