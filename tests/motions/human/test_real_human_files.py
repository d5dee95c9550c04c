"""Every human file of the shared data: read without a word, and what must hold of any body."""

from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.landmarks import landmarks
from mimiclab.robots.robot import LANDMARKS

FILES = {  # folder: (pattern, skeleton, fps, number of files, height of the neck standing)
    "bvh/lafan1": ("*.bvh", "lafan1", 30, 5, (1.35, 1.55)),
    "bvh/bandai_namco": ("*.bvh", "bandai_namco", 30, 4, (1.2, 1.45)),
    "bvh/cmu": ("12_01*.bvh", "cmu_bvh", 120, 1, (1.0, 1.4)),
    "bvh/cmu/": ("05_01*.bvh", "daz", 25, 1, (1.3, 1.55)),
    "amc/cmu": ("*.amc", "cmu_asf", 120, 5, (1.3, 1.6)),
    "motions/asap_smpl_npz": ("*.npz", "smpl", 30, 6, (1.3, 1.55)),
    "motions/deepmimic_humanoid3d": ("*.txt", "deepmimic", None, 14, (1.2, 1.5)),
    "motions/terrain/human_climb_seq_1": ("*.npy", "holosoma_mocap", 120, 1, (1.4, 1.7)),
}
LIMBS = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]


@pytest.mark.parametrize("folder", list(FILES))
def test_every_file_reads_and_is_a_body(shared_data: Path, folder: str) -> None:
    pattern, skeleton, fps, count, (lowest_neck, highest_neck) = FILES[folder]
    paths = sorted((shared_data / folder).glob(pattern))
    assert len(paths) == count
    for path in paths:
        declared = 120 if path.suffix == ".npy" else None
        clip = read_human(path, fps=declared)
        assert clip.skeleton == skeleton
        assert fps is None or clip.fps == fps
        motion = landmarks(clip)
        assert motion.names == LANDMARKS
        for start, end in LIMBS:
            length = {}
            for side in ("left", "right"):
                bone = motion.of(f"{side}_{end}") - motion.of(f"{side}_{start}")
                length[side] = np.linalg.norm(bone, axis=1)
                assert np.ptp(length[side]) < 1e-5, (path.name, side, start)
            left, right = length["left"].mean(), length["right"].mean()
            assert 0.1 < left < 0.55
            assert left == pytest.approx(right, rel=0.13)  # CMU's subjects are measured
        # Feet come near the ground, and nothing of the legs is far below it.
        ankles = motion.pos_w[:, [LANDMARKS.index(f"{s}_ankle") for s in ("left", "right")], 2]
        assert -0.03 < ankles.min() < 0.25, path.name
        toes = motion.pos_w[:, [LANDMARKS.index(f"{s}_toe") for s in ("left", "right")], 2]
        assert -0.1 < toes.min() < 0.25, path.name
        # Once upright, the neck is as high above the ankles as a grown person's.
        standing = (motion.of("neck")[:, 2] - ankles.min(axis=1)).max()
        if "crawl" not in path.name:
            assert lowest_neck - 0.2 < standing < highest_neck + 0.1, path.name
        # Nobody moves a joint faster than 25 m/s: frames are in order, angles unwrapped rightly.
        if clip.num_frames > 1:
            speed = np.linalg.norm(np.diff(motion.pos_w[1:], axis=0), axis=-1) * clip.fps
            assert speed.max() < 25, path.name


def test_left_is_to_the_left_of_where_the_walker_goes(shared_data: Path) -> None:
    for name in ("bvh/lafan1/walk1_subject1_f0-1799.bvh", "amc/cmu/02_01.amc",
                 "bvh/bandai_namco/dataset-1_walk_normal_001.bvh", "bvh/cmu/05_01_daz_25fps.bvh",
                 "bvh/cmu/12_01_walk.bvh",
                 "motions/deepmimic_humanoid3d/humanoid3d_walk.txt"):  # fmt: skip
        motion = landmarks(read_human(shared_data / name))
        ahead = np.gradient(motion.of("pelvis")[1:, :2], axis=0)
        left = (motion.of("left_hip") - motion.of("right_hip"))[1:, :2]
        side = ahead[:, 0] * left[:, 1] - ahead[:, 1] * left[:, 0]
        assert (side > 0).mean() > 0.7, name
        toes = motion.of("left_toe") - motion.of("left_ankle")
        assert ((toes[1:, :2] * ahead).sum(axis=1) > 0).mean() > 0.7, name


def test_the_world_of_lafan1_is_that_of_unitrees_retarget(shared_data: Path) -> None:
    human = read_human(shared_data / "bvh/lafan1/walk1_subject1_f0-1799.bvh")
    robot = np.loadtxt(
        shared_data / "motions/lafan1_g1_csv/walk1_subject1.csv", delimiter=",", max_rows=1800
    )
    ours = human.joint_pos_w[:, 0, :2] - human.joint_pos_w[0, 0, :2]
    theirs = robot[:, :2] - robot[0, :2]
    scale = (ours * theirs).sum() / (ours * ours).sum()
    assert np.abs(theirs - scale * ours).max() < 0.02  # of a path of metres, without a turn


def test_positions_ask_for_their_rate_and_skeleton(shared_data: Path, tmp_path: Path) -> None:
    path = next((shared_data / "motions/terrain/human_climb_seq_1").glob("*.npy"))
    with pytest.raises(MotionFileError, match="frame rate is missing; state it with fps"):
        read_human(path)
    odd = tmp_path / "odd.npy"
    np.save(odd, np.zeros((3, 17, 3)))
    with pytest.raises(MotionFileError, match=r"17 joints without names, .* smpl \(24\)"):
        read_human(odd, fps=30)
    np.save(odd, np.zeros((3, 17, 2)))
    with pytest.raises(MotionFileError, match=r"shape \(3, 17, 2\), expected numbers of shape"):
        read_human(odd, fps=30)
    np.save(odd, np.full((3, 24, 3), np.nan))
    with pytest.raises(MotionFileError, match="3 of 3 frames have NaN"):
        read_human(odd, fps=30)


def test_positions_of_smpl_with_and_without_hands(shared_data: Path, tmp_path: Path) -> None:
    person = read_human(shared_data / "motions/asap_smpl_npz/walk_level1.npz")
    path = tmp_path / "joints.npy"
    np.save(path, person.joint_pos_w)
    again = read_human(path, fps=30)
    assert again.joint_names == person.joint_names and again.parents == person.parents
    np.testing.assert_allclose(again.joint_pos_w, person.joint_pos_w)
    np.save(path, person.joint_pos_w[:, :22])
    with pytest.raises(MotionFileError, match="22 joints without names"):
        read_human(path, fps=30)
    motion = landmarks(read_human(path, fps=30, skeleton="smpl"))
    assert set(LANDMARKS) - set(motion.names) == {"left_hand", "right_hand"}
    y_up = person.joint_pos_w[..., [1, 2, 0]] * 100
    np.save(path, y_up.astype(np.float32))
    np.testing.assert_allclose(read_human(path, fps=30).joint_pos_w, person.joint_pos_w, atol=1e-5)
