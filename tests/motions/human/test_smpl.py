"""SMPL: ASAP's own joint positions, computed with the body model, are the truth for the tree."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.formats import read_human

CLIPS = ["CR7_level1", "jump_forward_level2", "kick_level2", "single_foot_balance_level2",
         "squat_level2", "walk_level1"]  # fmt: skip
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]


def bones(joints: np.ndarray) -> np.ndarray:
    """Vector from each joint's parent. (T, 24, 3) -> (T, 23, 3)."""
    return joints[:, 1:] - joints[:, PARENTS[1:]]


def rest_joints(shared_data: Path, name: str) -> np.ndarray:
    """Joints of ASAP's body in its rest pose, by undoing the first frame's rotations. (24, 3)."""
    with np.load(shared_data / "motions/asap_smpl_npz" / f"{name}.npz") as smpl:
        turns = Rotation.from_rotvec(smpl["poses"][0].reshape(24, 3))
    with np.load(shared_data / "motions/asap_g1_npz" / f"{name}.npz") as robot:
        vectors = bones(robot["smpl_joints"][:1].astype(float))[0]
    world, rest = [turns[0]], np.zeros((24, 3))
    for joint in range(1, 24):
        parent = PARENTS[joint]
        rest[joint] = rest[parent] + world[parent].inv().apply(vectors[joint - 1])
        world.append(world[parent] * turns[joint])
    return rest


@pytest.mark.parametrize("name", CLIPS)
def test_joints_of_asap_with_its_body(shared_data: Path, tmp_path: Path, name: str) -> None:
    rest = rest_joints(shared_data, name)
    # 24 vertices, each at a joint: the smallest body model there is.
    model = tmp_path / "body.npz"
    np.savez(model, J_regressor=np.eye(24), v_template=rest, shapedirs=np.ones((24, 3, 10)))
    file = shared_data / "motions/asap_smpl_npz" / f"{name}.npz"
    clip = read_human(file, body_model=model)
    with np.load(shared_data / "motions/asap_g1_npz" / f"{name}.npz") as robot:
        truth = robot["smpl_joints"].astype(float)
    assert clip.fps == 30
    assert clip.joint_pos_w.shape == truth.shape
    # ASAP puts each clip on the ground, so the root may differ by one shift for all frames.
    shift = truth[:, 0] - clip.joint_pos_w[:, 0]
    assert np.ptp(shift, axis=0).max() < 1e-5
    np.testing.assert_allclose(bones(clip.joint_pos_w), bones(truth), atol=2e-6)


@pytest.mark.parametrize("name", CLIPS)
def test_the_mean_body_stands_on_the_ground_and_bends_as_asaps(
    shared_data: Path, name: str
) -> None:
    clip = read_human(shared_data / "motions/asap_smpl_npz" / f"{name}.npz")
    # These clips were put on the ground with SMPL's neutral body: its toe joints are 4 cm above.
    assert clip.joint_pos_w[..., 2].min() == pytest.approx(0.043, abs=2e-3)
    with np.load(shared_data / "motions/asap_g1_npz" / f"{name}.npz") as robot:
        truth = bones(robot["smpl_joints"].astype(float))
    ours = bones(clip.joint_pos_w)
    limbs = [3, 4, 6, 7, 17, 18, 19, 20]  # thighs, shanks, upper arms, forearms
    cosine = (ours * truth).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(truth, axis=-1)
    angle = np.degrees(np.arccos(np.clip(cosine[:, limbs], -1, 1)))
    assert angle.max() < 11  # ASAP's body is fitted to the robot, its bones lie otherwise,
    assert np.ptp(angle, axis=0).max() < 0.01  # but in every frame by the same angle


def person(path: Path, width: int = 72, frames: int = 3, **change: object) -> Path:
    poses = np.zeros((frames, width))
    poses[:, 0] = np.pi / 2  # the body's y is the world's z
    arrays: dict = {
        "poses": poses,
        "trans": np.tile([0.0, 0.0, 1.2], (frames, 1)),
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(120.0),
    }
    arrays |= change
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize(("width", "joints"), [(72, 24), (156, 52), (165, 55)])
def test_the_rest_pose_of_all_three_models(tmp_path: Path, width: int, joints: int) -> None:
    file = person(tmp_path / "rest.npz", width)
    clip = read_human(file)
    assert (clip.skeleton, clip.fps) == ("smpl", 120)
    column = clip.joint_names.index
    head, foot = clip.joint_pos_w[0, column("Head")], clip.joint_pos_w[0, column("L_Foot")]
    hands = clip.joint_pos_w[0, [column("L_Hand"), column("R_Hand")]]
    assert 1.35 < head[2] - foot[2] < 1.55
    assert 1.45 < np.linalg.norm(hands[0] - hands[1]) < 1.65
    assert hands[0, 0] > 0.7  # it faces -y, its left is +x
    # A model with other numbers of joints: the knuckles come from the middle fingers.
    rest = np.random.default_rng(0).uniform(-0.5, 0.5, (joints, 3))
    rest[:22] = clip.joint_pos_w[0, :22]
    model = tmp_path / "model.npz"
    np.savez(model, J_regressor=np.eye(joints), v_template=rest)
    with_model = read_human(person(tmp_path / "flat.npz", width, poses=np.zeros((1, width)),
                                   trans=np.zeros((1, 3))), body_model=model, up="z")  # fmt: skip
    middle = {24: (22, 23), 52: (25, 40), 55: (28, 43)}[joints]
    np.testing.assert_allclose(with_model.joint_pos_w[0, 22:], rest[list(middle)], atol=1e-12)


def test_betas_count_with_a_body_model(tmp_path: Path) -> None:
    with np.load(person(tmp_path / "rest.npz")) as data:
        betas = np.array([2.0, 0.0, -1.0])
        file = person(tmp_path / "tall.npz", betas=betas, poses=data["poses"])
    rest = read_human(file).joint_pos_w[0]
    shapes = np.random.default_rng(0).normal(size=(24, 3, 2)) * 0.01
    model = tmp_path / "model.npz"
    np.savez(model, J_regressor=np.eye(24), v_template=rest, shapedirs=shapes)
    flat = person(
        tmp_path / "flat.npz", betas=betas, poses=np.zeros((1, 72)), trans=np.zeros((1, 3))
    )
    clip = read_human(flat, body_model=model, up="z")
    np.testing.assert_allclose(clip.joint_pos_w[0], rest + 2.0 * shapes[:, :, 0], atol=1e-12)


def test_a_model_for_another_body_or_none(tmp_path: Path) -> None:
    file = person(tmp_path / "a.npz", 156)
    model = tmp_path / "model.npz"
    np.savez(model, J_regressor=np.eye(24), v_template=np.zeros((24, 3)))
    with pytest.raises(
        MotionFileError, match=r"not the SMPL-H body model .* J_regressor \(52, V\)"
    ):
        read_human(file, body_model=model)
    np.savez(model, weights=np.eye(24))
    with pytest.raises(MotionFileError, match="got neither"):
        read_human(file, body_model=model)


def test_objects_beside_the_numbers_are_never_touched(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'bang')!r}, 'w')",))

    file = person(tmp_path / "a.npz", labels=np.array([Bomb()], object))
    assert read_human(file).num_frames == 3
    file = person(tmp_path / "b.npz", trans=np.array([Bomb()], object))
    with pytest.raises(MotionFileError, match="'trans' holds Python objects; they are refused"):
        read_human(file)
    assert not (tmp_path / "bang").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mocap_framerate": None}, "frame rate is missing; state it with fps"),
        ({"mocap_framerate": np.array(0)}, "fps is 0, expected a positive"),
        ({"mocap_framerate": np.array("fast")}, "mocap_framerate is <U4 of shape"),
        ({"mocap_framerate": np.array([30, 60])}, "expected one number"),
        ({"trans": None}, "no trans among betas, gender, mocap_framerate, poses"),
        ({"trans": np.zeros((5, 3))}, "poses has 3 frames and trans 5"),
        ({"trans": np.zeros((3, 2))}, r"trans has shape \(3, 2\), expected \(T, 3\)"),
        ({"poses": np.zeros((3, 70))}, r"expected \(T, 72\) or \(T, 156\) or \(T, 165\)"),
        ({"poses": np.zeros((0, 72))}, "poses has shape"),
        ({"poses": np.full((3, 72), np.nan)}, "poses has NaN"),
        ({"poses": np.full((3, 72), 1e300)}, "absurdly large"),
        ({"poses": np.full((3, 72), "a")}, "holds <U1 values"),
    ],
)
def test_damaged_files(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(MotionFileError, match=message):
        read_human(person(tmp_path / "a.npz", **change))


def test_the_other_spelling_of_the_rate(tmp_path: Path) -> None:
    change = {"mocap_framerate": None, "mocap_frame_rate": np.array(60)}
    assert read_human(person(tmp_path / "a.npz", **change)).fps == 60
    assert read_human(person(tmp_path / "b.npz", mocap_framerate=None), fps=30).fps == 30


def test_an_archive_that_unfolds_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, poses=np.zeros((200_000, 72)), trans=np.zeros((200_000, 3)))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(MotionFileError, match="would unfold to"):
        read_human(path, fps=30)
