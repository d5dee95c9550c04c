"""DeepMimic files: its humanoid's rest pose by hand, durations that differ, the published clips."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.landmarks import landmarks

UNIT = [1.0, 0.0, 0.0, 0.0]
COLUMNS = {"root": 4, "chest": 8, "right_hip": 16, "right_knee": 20, "left_elbow": 43}


def frame(duration: float = 0.1, **turns: list[float]) -> list[float]:
    """A frame of the rest pose at (1, 0.9, 2), some joints turned."""
    numbers = [duration, 1.0, 0.9, 2.0, *UNIT * 4, 0, *UNIT * 2, 0, *UNIT, 0, *UNIT * 2, 0]
    for name, value in turns.items():
        numbers[COLUMNS[name] : COLUMNS[name] + len(value)] = value
    return numbers


def read(tmp_path: Path, frames: list, loop: str = "none", **options) -> HumanClip:
    path = tmp_path / "motion.txt"
    path.write_text(json.dumps({"Loop": loop, "Frames": frames}))
    return read_human(path, **options)


def test_the_rest_pose_faces_x_with_z_up(tmp_path: Path) -> None:
    clip = read(tmp_path, [frame(), frame()])
    assert (clip.fps, clip.skeleton, clip.tags) == (10, "deepmimic", ())
    motion = landmarks(clip)
    # y up becomes z up: file x, y, z are world y, z, x. The figure faces file x, its right is z.
    np.testing.assert_allclose(motion.of("pelvis")[0], [2, 1, 0.9])
    np.testing.assert_allclose(motion.of("left_hip")[0], [2 - 0.084887, 1, 0.9])
    np.testing.assert_allclose(motion.of("right_ankle")[0], [2.084887, 1, 0.9 - 0.831416])
    np.testing.assert_allclose(motion.of("neck")[0], [2, 1, 0.9 + 0.460045 + 0.3 * 0.175])
    assert motion.of("left_toe")[0, 1] > 1.05
    assert clip.num_frames == 2


def test_knee_and_hip_bend_by_hand(tmp_path: Path) -> None:
    half = np.sqrt(0.5)
    bent = frame(right_hip=[half, 0, 0, half], right_knee=[-np.pi / 2])
    clip = read(tmp_path, [bent, bent], loop="wrap")
    motion = landmarks(clip)
    # The thigh is raised forward to file x, the shank hangs down again.
    knee = np.array([2.084887, 1 + 0.421546, 0.9])
    np.testing.assert_allclose(motion.of("right_knee")[0], knee, atol=1e-9)
    np.testing.assert_allclose(motion.of("right_ankle")[0], knee - [0, 0, 0.40987], atol=1e-9)
    assert clip.tags == ("loop",)


def test_durations_that_differ_are_resampled_to_a_fixed_rate(tmp_path: Path) -> None:
    half = np.sqrt(0.5)
    frames = [frame(0.1), frame(0.2), frame(0.1, root=[half, 0, half, 0]), frame(9.0)]
    frames[2][1], frames[3][1] = 2.0, 4.0
    clip = read(tmp_path, frames)
    assert clip.fps == 10
    assert clip.num_frames == 5  # 0, 0.1, 0.2, 0.3, 0.4 s; the last frame's duration does not count
    np.testing.assert_allclose(clip.joint_pos_w[:, 0, 1], [1, 1, 1.5, 2, 4])
    assert clip.joint_quat_wxyz_w is not None
    turn = Rotation.from_quat(clip.joint_quat_wxyz_w[:, 0], scalar_first=True)
    between = Slerp([0, 1], turn[[1, 3]])(0.5)
    assert (turn[2].inv() * between).magnitude() < 1e-9
    fast = read(tmp_path, frames, fps=100)
    assert (fast.fps, fast.num_frames) == (100, 41)
    np.testing.assert_allclose(fast.joint_pos_w[::10], clip.joint_pos_w, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("Frames"), "not a DeepMimic motion; expected"),
        (lambda d: d.update(Frames=[]), "not a DeepMimic motion"),
        (lambda d: d.update(Frames=[[1, 2]]), "frame 0 has 2 numbers"),
        (lambda d: d.update(Loop="sometimes"), "Loop is 'sometimes'"),
        (lambda d: d["Frames"][1].pop(), "frame 1 has 43 numbers"),
        (lambda d: d["Frames"][1].__setitem__(7, "x"), "frame 1 holds more than numbers"),
        (lambda d: d["Frames"][1].__setitem__(7, True), "frame 1 holds more than numbers"),
        (lambda d: d["Frames"][1].__setitem__(7, float("nan")), "NaN or infinite"),
        (lambda d: d["Frames"][1].__setitem__(7, 10**400), "NaN or infinite"),
        (lambda d: d["Frames"][0].__setitem__(0, 0.0), "frame 0 lasts 0 s"),
        (lambda d: d["Frames"][0].__setitem__(0, 1e9), "its durations are damaged"),
        (lambda d: d["Frames"][1].__setitem__(4, 9.0), "quaternion of length 9 at root"),
    ],
)  # fmt: skip
def test_damaged_files(tmp_path: Path, change, message: str) -> None:
    data = {"Loop": "none", "Frames": [frame(), frame(), frame(), frame()]}
    change(data)
    path = tmp_path / "bad.txt"
    path.write_text(json.dumps(data))
    with pytest.raises(MotionFileError, match=message):
        read_human(path, format="deepmimic_json")


def test_rates_and_units_that_contradict(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match="the file says 10 fps but 30 was declared"):
        read(tmp_path, [frame(), frame()], fps=30)
    with pytest.raises(MotionFileError, match="up is 'z' but this format has 'y'"):
        read(tmp_path, [frame(), frame()], up="z")


def test_the_published_clips(shared_data: Path) -> None:
    heights = {}
    for path in sorted((shared_data / "motions" / "deepmimic_humanoid3d").glob("*.txt")):
        clip = read_human(path)
        motion = landmarks(clip)
        assert len(motion.names) == 20
        assert clip.fps in (16, 30, 60), path.name
        lowest = clip.joint_pos_w[..., 2].min()  # the toes' edges are at the soles
        assert -0.07 < lowest < 0.06, path.name
        heights[path.stem.removeprefix("humanoid3d_")] = np.ptp(motion.of("head")[:, 2])
    assert len(heights) == 14
    assert heights["walk"] < 0.08 < 0.2 < heights["jump"]
    assert heights["backflip"] > 0.6 and heights["getup_faceup"] > 0.8
