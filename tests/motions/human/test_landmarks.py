"""Landmark maps: every shipped one, points of every form, own maps, robots' landmarks."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from mimiclab.errors import MotionError, MotionFileError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.landmarks import LandmarkMotion, landmarks, robot_landmarks
from mimiclab.motions.human.skeletons import (
    load_skeleton,
    parse_skeleton,
    recognise_skeleton,
    skeleton_names,
)
from mimiclab.robots import get_robot
from mimiclab.robots.robot import LANDMARKS

LEGS = """landmarks:
  left_hip: hipL
  left_knee: kneeL
  left_ankle: ankleL
  right_hip: hipR
  right_knee: kneeR
  right_ankle: ankleR
"""
JOINTS = ("hipL", "kneeL", "ankleL", "hipR", "kneeR", "ankleR", "skull")


def person(joints: tuple[str, ...] = JOINTS, turned: bool = True, **change) -> HumanClip:
    pos = np.random.default_rng(0).normal(size=(4, len(joints), 3))
    quat = np.zeros((4, len(joints), 4))
    quat[..., [0, 3]] = np.sqrt(0.5)  # a quarter turn about z: x points to y
    fields = {
        "name": "her",
        "fps": 30.0,
        "skeleton": "",
        "joint_names": joints,
        "parents": (-1,) * len(joints),
        "joint_pos_w": pos,
        "joint_quat_wxyz_w": quat if turned else None,
    }
    return HumanClip(**(fields | change))


@pytest.mark.parametrize("name", skeleton_names())
def test_shipped_maps_are_complete_and_symmetric(name: str) -> None:
    skeleton = load_skeleton(name)
    assert set(skeleton.points) == set(LANDMARKS)
    assert skeleton.name == name
    assert skeleton.description and skeleton.source
    for landmark, point in skeleton.points.items():
        assert sum(weight for _, weight in point.weights) == pytest.approx(1)
        if landmark.startswith("left_"):
            twin = skeleton.points[landmark.replace("left_", "right_")]
            assert [w for _, w in twin.weights] == pytest.approx([w for _, w in point.weights])
            joints = {joint for joint, _ in point.weights}
            assert joints.isdisjoint({joint for joint, _ in twin.weights})
    if skeleton.tree:
        assert skeleton.joints <= {joint for joint, _ in skeleton.tree}


@pytest.mark.parametrize("name", skeleton_names())
def test_a_skeleton_with_all_joints_of_a_map_is_recognised_as_it(name: str) -> None:
    joints = tuple(sorted(load_skeleton(name).joints))
    found = recognise_skeleton(joints)
    assert found is not None and found.name == name
    spaced = recognise_skeleton(tuple(f"rig:{joint}" for joint in joints))
    assert spaced is not None and spaced.name == name


def test_points_of_every_form_by_hand() -> None:
    skeleton = parse_skeleton(
        LEGS
        + "  pelvis: [hipL, hipR]\n"
        + "  head: {joint: skull, offset: [0.1, 0, 0.2]}\n"
        + "  left_toe: {from: kneeL, to: ankleL, share: 1.5}\n",
        "mine.yaml",
    )
    clip = person()
    motion = landmarks(clip, skeleton)
    assert motion.names == (
        "pelvis", "head", "left_hip", "left_knee", "left_ankle", "left_toe", "right_hip",
        "right_knee", "right_ankle",
    )  # fmt: skip
    pos = clip.joint_pos_w
    np.testing.assert_allclose(motion.of("pelvis"), (pos[:, 0] + pos[:, 3]) / 2)
    np.testing.assert_allclose(motion.of("head"), pos[:, 6] + [0, 0.1, 0.2], atol=1e-12)
    np.testing.assert_allclose(motion.of("left_toe"), pos[:, 2] + 0.5 * (pos[:, 2] - pos[:, 1]))
    assert (motion.name, motion.fps, motion.num_frames) == ("her", 30, 4)
    with pytest.raises(MotionError, match="lack 'neck'; there are pelvis, head"):
        motion.of("neck")
    with pytest.raises(MotionError, match="the file holds positions only; use a point between"):
        landmarks(person(turned=False), skeleton)


def test_own_maps_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nrecognise: [skull]\n" + LEGS)
    assert landmarks(person(), path).names[0] == "left_hip"
    assert landmarks(person(skeleton=str(path))).names[0] == "left_hip"
    with pytest.raises(MotionError, match=r"needs the joints skull, the file has hipL"):
        landmarks(person(JOINTS[:-1]), path)
    with pytest.raises(
        MotionFileError, match=r"none\.yaml: cannot be read .* shipped maps are band"
    ):
        load_skeleton(tmp_path / "none.yaml")
    with pytest.raises(UnknownNameError, match="did you mean 'cmu_asf'"):
        load_skeleton("cmu_afs")


def test_unknown_skeletons_are_taught_how_to_write_a_map(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError) as caught:
        landmarks(person())
    text = str(caught.value)
    assert "hipL, kneeL, ankleL" in text and "The nearest, " in text
    assert "landmarks:\n  pelvis: [<left hip joint>" in text
    # The taught form is a map, once its blanks are filled in.
    yaml = text[text.index("name: mine") :]
    for old, new in (("<left hip joint>", "hipL"), ("<right hip joint>", "hipR")):
        yaml = yaml.replace(old, new)
    for landmark, joint in zip(LEGS.split()[1::2], JOINTS, strict=False):
        yaml = yaml.replace(f"{landmark} <joint>", f"{landmark} {joint}")
    (tmp_path / "skeleton.yaml").write_text(yaml)
    assert len(landmarks(person(), tmp_path / "skeleton.yaml").names) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2", "not valid YAML"),
        ("- a", "not a landmark map"),
        ("landmarks: 3", "not a landmark map"),
        (LEGS + "colour: red\n", "unknown colour; keys are"),
        (LEGS + "  left_wing: x\n", "unknown left_wing; .* landmarks are pelvis"),
        (LEGS.replace("  left_knee: kneeL\n", ""), "the landmarks left_knee are needed"),
        (LEGS + "  head: 7\n", "head is 7; expected"),
        (LEGS + "  head: []\n", "head is "),
        (LEGS + "  head: {from: a, to: b}\n", "head is "),
        (LEGS + "  head: {from: a, to: a, share: 0.5}\n", "head is "),
        (LEGS + "  head: {from: a, to: b, share: .nan}\n", "head is "),
        (LEGS + "  head: {joint: a, offset: [1, 2]}\n", "head is "),
        (LEGS + "  head: {joint: a, offset: [1, 2, 300]}\n", "head is "),
        (LEGS + "optional: [wing]\n", "unknown wing"),
        (LEGS + "recognise: hip\n", "`recognise` is no list of names"),
        (LEGS + "joints: [a, b]\n", "`joints` has"),
        (LEGS + "joints: {a: b, b: null}\n", "`joints` has 'a': 'b'; expected"),
        ("&a [*a]", "not a landmark map"),
    ],
)
def test_bad_maps(text: str, message: str) -> None:
    with pytest.raises(MotionFileError, match=message):
        parse_skeleton(text, "mine.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ("knee",)}, "names are knee; expected some of pelvis"),
        ({"names": ("head", "pelvis"), "pos_w": np.zeros((2, 2, 3))}, "in that order"),
        ({"pos_w": np.zeros((2, 2, 3))}, r"has shape \(2, 2, 3\), expected \(T, 1, 3\)"),
        ({"pos_w": np.zeros((0, 1, 3))}, "has shape"),
        ({"pos_w": np.full((2, 1, 3), np.nan)}, "NaN or infinite"),
        ({"fps": 0.0}, "fps is 0.0"),
    ],
)
def test_bad_landmark_motions(change: dict, message: str) -> None:
    fields = {"name": "a", "fps": 30.0, "names": ("pelvis",), "pos_w": np.zeros((2, 1, 3))}
    with pytest.raises(MotionError, match=message):
        LandmarkMotion(**(fields | change))


def test_landmarks_of_a_robot_against_mujoco() -> None:
    robot = get_robot("unitree_g1")
    rng = np.random.default_rng(3)
    quat = rng.normal(size=(5, 4))
    low, high = robot.joint_limits.T
    clip = MotionClip(
        name="random",
        robot=robot.name,
        fps=50.0,
        joint_names=robot.joint_names,
        root_pos=rng.normal(size=(5, 3)),
        root_quat_wxyz=quat / np.linalg.norm(quat, axis=1, keepdims=True),
        joint_pos=rng.uniform(low, high, (5, robot.num_joints)),
    )
    motion = robot_landmarks(clip)
    assert motion.names == LANDMARKS and motion.fps == 50
    data = mujoco.MjData(robot.model)
    for frame in range(5):
        data.qpos[:] = [
            *clip.root_pos[frame], *clip.root_quat_wxyz[frame], *clip.joint_pos[frame]
        ]  # fmt: skip
        mujoco.mj_kinematics(robot.model, data)
        for name, point in robot.landmarks.items():
            body = data.body(point.body)
            expected = body.xpos + body.xmat.reshape(3, 3) @ point.point
            np.testing.assert_allclose(motion.of(name)[frame], expected, atol=1e-9)
