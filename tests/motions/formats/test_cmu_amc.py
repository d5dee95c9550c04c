"""AMC for the CMU humanoid against dm_control's own converter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.maths.rotations import quat_angle, quat_conjugate, quat_multiply, quat_rotate
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.ground import body_points, lowest_height
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.sources import load_motions
from mimiclab.robots import get_robot
from mimiclab.robots.dm_cmu_humanoid import ROOT_FROM_DM_CONTROL, SCALE

pytest.importorskip("dm_control")
BONES = {
    "root": 6, "lowerback": 3, "upperback": 3, "thorax": 3, "lowerneck": 3, "upperneck": 3,
    "head": 3, "rclavicle": 2, "rhumerus": 3, "rradius": 1, "rwrist": 1, "rhand": 2, "rfingers": 1,
    "rthumb": 2, "lclavicle": 2, "lhumerus": 3, "lradius": 1, "lwrist": 1, "lhand": 2,
    "lfingers": 1, "lthumb": 2, "rfemur": 3, "rtibia": 1, "rfoot": 2, "rtoes": 1, "lfemur": 3,
    "ltibia": 1, "lfoot": 2, "ltoes": 1,
}  # fmt: skip


def write_amc(path: Path, frames: int = 12) -> Path:
    """Smooth made-up numbers in CMU's layout."""
    lines = ["#!OML:ASF made up", ":FULLY-SPECIFIED", ":DEGREES"]
    phase = 0.0
    for frame in range(1, frames + 1):
        lines.append(str(frame))
        for bone, count in BONES.items():
            phase += 0.05
            numbers = [f"{20 * np.sin(phase + k + 0.1 * frame):.6g}" for k in range(count)]
            lines.append(" ".join([bone, *numbers]))
    path.write_text("\n".join(lines) + "\n")
    return path


def dm_control_qpos(path: Path) -> np.ndarray:
    from dm_control.suite import humanoid_CMU
    from dm_control.suite.utils import parse_amc

    physics = humanoid_CMU.Physics.from_xml_string(*humanoid_CMU.get_model_and_assets())
    names = [physics.model.id2name(j, "joint") for j in range(1, physics.model.njnt)]
    assert tuple(names) == get_robot("dm_cmu_humanoid").joint_names
    return parse_amc.convert(str(path), physics, 1 / 120).qpos.T


def compare(path: Path) -> None:
    theirs = dm_control_qpos(path)
    for robot, scale in (("dm_cmu_humanoid", SCALE), ("dm_cmu_humanoid_2019", 1.0)):
        clip = read_motion(path, robot=robot)
        assert (clip.fps, clip.num_frames) == (120, len(theirs))
        np.testing.assert_allclose(clip.joint_pos, theirs[:, 7:], atol=1e-9)
        np.testing.assert_allclose(clip.root_pos, scale * theirs[:, :3], atol=1e-9)
        quat = quat_multiply(clip.root_quat_wxyz, quat_conjugate(ROOT_FROM_DM_CONTROL)[None])
        assert quat_angle(quat, theirs[:, 3:7]).max() < 1e-9


def test_made_up_numbers_are_converted_as_dm_control_does(tmp_path):
    compare(write_amc(tmp_path / "99_01.amc"))


def test_real_files_are_converted_as_dm_control_does(shared_data):
    files = sorted((shared_data / "amc" / "cmu").glob("*.amc"))
    assert len(files) == 5
    for file in files:
        compare(file)


def test_feet_of_a_real_walk_stay_on_the_ground(shared_data):
    """The scale of the root's ways: without it the feet would be 0.2 m under the ground."""
    robot = get_robot("dm_cmu_humanoid")
    clip = read_motion(shared_data / "amc" / "cmu" / "02_01.amc", robot=robot.name)
    motion = body_motion(clip)
    lowest = np.min([lowest_height(motion, points) for points in body_points(robot)], axis=0)
    assert lowest.min() > -0.02
    assert np.median(lowest) < 0.07
    # The walk is forward: the root's x axis points along the way.
    way = clip.root_pos[-1] - clip.root_pos[0]
    heading = quat_rotate(clip.root_quat_wxyz, np.array([[1.0, 0.0, 0.0]])).mean(axis=0)
    assert heading @ way / np.linalg.norm(way) > 0.9


@pytest.mark.parametrize("robot", ["dm_cmu_humanoid", "dm_cmu_humanoid_2019"])
def test_round_trip(tmp_path, robot):
    clip = read_motion(write_amc(tmp_path / "a.amc"), robot=robot)
    write_motion(clip, tmp_path / "b.amc", "cmu_amc")
    back = read_motion(tmp_path / "b.amc", robot=robot)
    np.testing.assert_allclose(back.joint_pos, clip.joint_pos, atol=1e-14)
    np.testing.assert_allclose(back.root_pos, clip.root_pos, atol=1e-14)
    assert quat_angle(back.root_quat_wxyz, clip.root_quat_wxyz).max() < 1e-12
    assert dm_control_qpos(tmp_path / "b.amc")[:, 7:] == pytest.approx(clip.joint_pos, abs=1e-9)
    with pytest.raises(MotionFileError, match="resample it"):
        write_motion(replace(clip, fps=30), tmp_path / "c.amc", "cmu_amc")


@pytest.mark.parametrize("robot", [None, "unitree_g1"])
def test_other_robots_are_told_to_retarget(tmp_path, robot):
    with pytest.raises(RobotError, match="mimiclab motion retarget"):
        read_motion(write_amc(tmp_path / "a.amc"), robot=robot)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n5\n", "\n6\n", "has '6', expected frame 5"),
        ("\nhead", "\nskull", "expected 'head' and 3 numbers"),
        ("\nrtibia", "\nrtibia 4.0", "expected 'rtibia' and 1 numbers"),
        ("\nltibia ", "\nltibia nan#", "expected 'ltibia' and 1 numbers"),
        (":DEGREES", ":RADIANS", "does not say :DEGREES"),
        ("\nlowerback", "\nupperback", "expected 'lowerback'"),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    path = write_amc(tmp_path / "a.amc")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    for read in (read_motion, load_motions):
        with pytest.raises(MotionFileError, match=message):
            read(path, robot="dm_cmu_humanoid")


def test_truncated_files_are_named(tmp_path):
    path = write_amc(tmp_path / "a.amc")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-7]))
    with pytest.raises(MotionFileError, match="ends within frame 12"):
        read_motion(path, robot="dm_cmu_humanoid")
    path.write_text("\n".join(lines[:3]))
    with pytest.raises(MotionFileError, match="no frames"):
        read_motion(path, robot="dm_cmu_humanoid")
