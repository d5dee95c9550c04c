"""Layouts of other tools: read as they mean them, and refused where names, order or rate are wrong.

Files are made here from the layouts' descriptions, independently of the writers where these exist.
"""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from tests.motions.conftest import make_clip

from mimiclab.cli.main import main
from mimiclab.errors import MotionError, MotionFileError, RobotError, UnknownNameError
from mimiclab.motions.check import check_file
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion, read_motion_file, write_motion
from mimiclab.motions.formats.members import clip_paths
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import still_object
from mimiclab.motions.sources import find_sources, load_motions
from mimiclab.robots import Robot

XYZW = [1, 2, 3, 0]


def same(a: MotionClip, b: MotionClip) -> bool:
    return all(
        np.allclose(getattr(a, key), getattr(b, key), atol=1e-6)
        for key in ("root_pos", "root_quat_wxyz", "joint_pos")
    )


def still_wrists(clip: MotionClip) -> MotionClip:
    moving = np.array(["wrist" not in name for name in clip.joint_names])
    return replace(clip, joint_pos=clip.joint_pos * moving)


# --- PHC, ASAP, PBHC ---------------------------------------------------------------------------


def phc_dict(clip: MotionClip, g1: Robot, kept: list[int]) -> dict[str, Any]:
    """The layout by scipy's rotations and the model's own axes."""
    axes = np.array([g1.model.joint(g1.joint_names[i]).axis for i in kept])
    root = Rotation.from_quat(clip.root_quat_wxyz, scalar_first=True)
    joints = clip.joint_pos[:, kept]
    poses = [root.as_rotvec()[:, None], joints[..., None] * axes, np.zeros((len(joints), 3, 3))]
    return {
        "root_trans_offset": clip.root_pos,
        "pose_aa": np.concatenate(poses, axis=1).astype(np.float32),
        "dof": joints.astype(np.float32),
        "root_rot": root.as_quat(),
        "smpl_joints": np.zeros((len(joints), 24, 3)),
        "fps": 50,
    }


@pytest.fixture(scope="module")
def kept(g1: Robot) -> list[int]:
    return [i for i, name in enumerate(g1.joint_names) if "wrist" not in name]


@pytest.mark.parametrize("compress", [0, 3])
def test_phc_pickle_without_wrists(
    sway: MotionClip, g1: Robot, kept: list[int], tmp_path: Path, compress: int
) -> None:
    path = tmp_path / "a.pkl"
    joblib.dump({"0-walk": phc_dict(sway, g1, kept)}, path, compress=compress)
    file = read_motion_file(path, robot="unitree_g1")
    assert file.format == "phc_pkl" and file.clip.fps == 50.0
    assert same(file.clip, still_wrists(sway))
    (remark,) = file.remarks
    assert "right_wrist_yaw_joint" in remark and "held at 0" in remark
    notes = [finding for finding in check_file(file).findings if finding.code == "reading"]
    assert notes and notes[0].severity == "note"


def test_phc_of_all_joints_with_an_axis_for_the_angle(
    sway: MotionClip, g1: Robot, tmp_path: Path
) -> None:
    data = phc_dict(sway, g1, list(range(29)))
    data["dof"] = data["dof"][..., None]
    joblib.dump({"walk": data}, tmp_path / "a.pkl")
    file = read_motion_file(tmp_path / "a.pkl", robot="unitree_g1")
    assert same(file.clip, sway) and file.remarks == ()


def test_phc_contact_labels_become_foot_contacts(
    sway: MotionClip, g1: Robot, kept: list[int], tmp_path: Path
) -> None:
    mask = np.zeros((40, 2), np.float32)
    mask[:, 0], mask[5, 1], mask[6, 1] = 1.0, 0.5, 0.4
    joblib.dump({"a": phc_dict(sway, g1, kept) | {"contact_mask": mask}}, tmp_path / "a.pkl")
    file = read_motion_file(tmp_path / "a.pkl", robot="unitree_g1")
    contacts = file.clip.foot_contacts
    assert contacts is not None and contacts[:, 0].all()
    assert np.flatnonzero(contacts[:, 1]).tolist() == [5]
    assert "between 0 and 1 in 2 frames" in file.remarks[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(root_rot=np.roll(d["root_rot"], 1, axis=1)), "is it wxyz"),
        (lambda d: d.update(dof=d["dof"][:, ::-1]), "'pose_aa' and 'dof' disagree in column"),
        (lambda d: d.update(pose_aa=d["pose_aa"][:, :9]), "'pose_aa' has shape"),
        (lambda d: d.update(dof=d["dof"][:, :20], pose_aa=None), "has 20 joints, but robot"),
        (lambda d: d.update(contact_mask=np.full((40, 2), 3.0)), "outside 0 to 1"),
        (lambda d: d.update(surprise=np.ones(3)), "unknown keys surprise"),
        (lambda d: d.pop("fps"), "'fps' is missing"),
        (lambda d: d.pop("root_trans_offset"), "are those of no known format"),
        (lambda d: d["dof"].__setitem__((3, 4), np.nan), "NaN"),
    ],
)
def test_wrong_phc_files(
    sway: MotionClip,
    g1: Robot,
    kept: list[int],
    tmp_path: Path,
    change: Callable[[dict], object],
    message: str,
) -> None:
    data = phc_dict(sway, g1, kept)
    change(data)
    joblib.dump({"a": data}, tmp_path / "a.pkl")
    with pytest.raises(MotionError, match=message):
        read_motion(tmp_path / "a.pkl", robot="unitree_g1")


def test_phc_needs_its_robot(sway: MotionClip, g1: Robot, kept: list[int], tmp_path: Path) -> None:
    joblib.dump({"a": phc_dict(sway, g1, kept)}, tmp_path / "a.pkl")
    with pytest.raises(MotionFileError, match="declare the robot"):
        read_motion(tmp_path / "a.pkl")
    with pytest.raises(MotionFileError, match="declare the robot that the file was made for"):
        read_motion(tmp_path / "a.pkl", robot="unitree_h1")


def test_written_phc_is_what_its_tools_load(
    sway: MotionClip, g1: Robot, kept: list[int], tmp_path: Path
) -> None:
    for name, columns in (("phc_pkl", list(range(29))), ("asap_pkl", kept)):
        write_motion(sway, tmp_path / "a.pkl", name)
        (data,) = joblib.load(tmp_path / "a.pkl").values()
        wanted = phc_dict(sway, g1, columns)
        assert data["pose_aa"].shape == (40, 1 + len(columns) + 3, 3)
        for key in ("root_trans_offset", "dof", "root_rot", "pose_aa"):
            np.testing.assert_allclose(data[key], wanted[key], atol=1e-6)


def test_many_clips_in_a_pickle(
    sway: MotionClip, g1: Robot, kept: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "all.pkl"
    clips = {"walk": sway, "0-run/fast": replace(sway, root_pos=sway.root_pos + 1.0)}
    joblib.dump({name: phc_dict(clip, g1, kept) for name, clip in clips.items()}, path)
    with pytest.raises(MotionFileError, match=r"holds 2 clips \(walk, 0-run/fast, \.\.\.\)"):
        read_motion(path, robot="unitree_g1")
    for spelling in (f"{path}#0-run/fast", f"{path}/0-run/fast"):
        clip = read_motion(spelling, robot="unitree_g1")
        assert same(clip, still_wrists(clips["0-run/fast"]))
    with pytest.raises(UnknownNameError, match="did you mean 'walk'"):
        read_motion(f"{path}#wlak", robot="unitree_g1")
    assert clip_paths(path) == [path / "walk", path / "0-run/fast"]
    loaded = load_motions(path, robot="unitree_g1")
    assert [clip.name for clip in loaded] == ["walk", "fast"]
    assert len(find_sources(tmp_path, robot="unitree_g1")) == 2


# --- GMR and TWIST -----------------------------------------------------------------------------


def gmr_dict(clip: MotionClip) -> dict[str, Any]:
    motion = body_motion(clip)
    root = Rotation.from_quat(clip.root_quat_wxyz, scalar_first=True)
    local = motion.body_pos_w - clip.root_pos[:, None]
    return {
        "fps": 50.0,
        "root_pos": clip.root_pos,
        "root_rot": root.as_quat(),
        "dof_pos": clip.joint_pos,
        "local_body_pos": np.stack([root.inv().apply(body) for body in local.swapaxes(0, 1)], 1),
        "link_body_list": list(motion.body_names),
    }


def pickled(path: Path, data: Any) -> Path:
    path.write_bytes(pickle.dumps(data))
    return path


def test_gmr_pickle(sway: MotionClip, tmp_path: Path) -> None:
    path = pickled(tmp_path / "a.pkl", gmr_dict(sway))
    file = read_motion_file(path, robot="unitree_g1")
    assert file.format == "gmr_pkl" and same(file.clip, sway) and file.stored is not None
    bare = gmr_dict(sway) | {"local_body_pos": None, "link_body_list": None}
    assert same(read_motion(pickled(path, bare), robot="unitree_g1"), sway)
    with pytest.raises(MotionFileError, match="declare the robot"):
        read_motion(path)


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: [d], lambda d: {"clip": d}])
def test_mosaics_object_arrays_become_csv(
    sway: MotionClip, tmp_path: Path, wrap: Callable[[dict], Any]
) -> None:
    data = gmr_dict(sway)
    keys = {"root_trans": "root_pos", "root_ori": "root_rot", "dof_pos": "dof_pos"}
    held = np.empty((), dtype=object)
    held[()] = wrap({new: data[old] for new, old in keys.items()})
    path = tmp_path / "in" / "a.npy"
    path.parent.mkdir()
    np.save(path, held)
    assert same(read_motion(path, robot="unitree_g1", fps=50), sway)
    pickled(tmp_path / "in" / "b.pkl", wrap(data))
    words = [str(tmp_path / "in" / "*"), "--fps", "50", "--to", "unitree_csv"]
    assert main(["motion", "convert", *words, "--output", str(tmp_path / "out")]) == 0
    written = list((tmp_path / "out").rglob("*.csv"))
    assert len(written) == 2
    for file in written:
        columns = np.loadtxt(file, delimiter=",")
        expected = np.concatenate([data["root_pos"], data["root_rot"], data["dof_pos"]], axis=1)
        np.testing.assert_allclose(columns, expected, atol=1e-7)
    with pytest.raises(MotionFileError, match="frame rate 'fps' is missing"):
        read_motion(path, robot="unitree_g1")
    np.save(path, np.zeros((3, 24, 3)))
    with pytest.raises(MotionFileError, match="positions of a person's joints are retargeted"):
        read_motion(path, robot="unitree_g1")


def test_bodies_refute_a_wrong_joint_order(sway: MotionClip, tmp_path: Path) -> None:
    data = gmr_dict(sway)
    data["dof_pos"] = data["dof_pos"][:, ::-1]
    path = pickled(tmp_path / "a.pkl", data)
    with pytest.raises(MotionFileError, match="are its joints in another order"):
        read_motion(path, robot="unitree_g1")


def test_a_gmr_root_in_another_order_is_a_question(sway: MotionClip, tmp_path: Path) -> None:
    data = gmr_dict(sway)
    del data["local_body_pos"], data["link_body_list"]
    data["root_rot"] = sway.root_quat_wxyz
    path = pickled(tmp_path / "a.pkl", data)
    with pytest.raises(MotionFileError, match="the file is probably wxyz"):
        read_motion(path, robot="unitree_g1")
    assert same(read_motion(path, robot="unitree_g1", root_quat_order="wxyz"), sway)


def test_written_gmr_pickle_is_what_its_tools_load(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    write_motion(sway, path, "gmr_pkl")
    assert b"numpy._core" not in path.read_bytes()  # numpy 1 does not know that name
    data, wanted = pickle.loads(path.read_bytes()), gmr_dict(sway)
    assert set(data) == set(wanted) and data["fps"] == 50.0
    assert data["link_body_list"] == wanted["link_body_list"]
    for key in ("root_pos", "root_rot", "dof_pos", "local_body_pos"):
        np.testing.assert_allclose(data[key], wanted[key], atol=1e-6)


# --- VideoMimic --------------------------------------------------------------------------------


def videomimic_dict(clip: MotionClip, joints: list[int]) -> dict[str, Any]:
    motion = body_motion(clip)
    return {
        "joint_names": [clip.joint_names[i] for i in joints],
        "joints": clip.joint_pos[:, joints].astype(np.float32),
        "root_pos": clip.root_pos,
        "root_quat": clip.root_quat_wxyz[:, XYZW],
        "link_names": [f"{name}.STL" for name in motion.body_names],
        "link_pos": motion.body_pos_w,
        "link_quat": motion.body_quat_wxyz_w[..., XYZW],
        "contacts": {
            "left_foot": np.arange(40) % 3 == 0,
            "right_foot": np.arange(40) % 4 == 0,
        },
        "fps": 50.0,
    }


def write_h5(path: Path, data: dict[str, Any], slash: str) -> Path:
    with h5py.File(path, "w") as file:
        for key, value in data.items():
            if key in ("joint_names", "link_names", "fps"):
                file.attrs[slash + key] = value
            elif key == "contacts":
                for foot, flags in value.items():
                    file[f"contacts/{foot}"] = flags
            else:
                file[key] = value
    return path


@pytest.mark.parametrize("kind", ["pickle", "h5 with slash", "h5 without"])
@pytest.mark.parametrize("lack", ["", "wrist", "wrist|waist"])
def test_videomimic(sway: MotionClip, tmp_path: Path, kind: str, lack: str) -> None:
    words = lack.split("|") if lack else []
    joints = [i for i, n in enumerate(sway.joint_names) if not any(w in n for w in words)]
    data = videomimic_dict(sway, joints[::-1])
    if kind == "pickle":
        path = pickled(tmp_path / "retarget_poses_g1.pkl", data | {"actions": np.ones((40, 23))})
    else:
        path = write_h5(tmp_path / "retarget_poses_g1.h5", data, "/" * ("with slash" in kind))
    file = read_motion_file(path)
    held = np.zeros(29)
    held[joints] = 1.0
    assert file.clip.robot == "unitree_g1" and file.clip.terrain == ""
    assert same(file.clip, replace(sway, joint_pos=sway.joint_pos * held))
    assert len(file.remarks) == (1 if lack else 0)
    np.testing.assert_array_equal(
        file.clip.foot_contacts, np.stack([np.arange(40) % 3 == 0, np.arange(40) % 4 == 0], axis=1)
    )
    if not lack:
        assert check_file(file).metrics["stored_body_pos_w_error_max"] < 1e-6


def test_the_mesh_beside_a_videomimic_clip_is_its_ground(sway: MotionClip, tmp_path: Path) -> None:
    path = pickled(tmp_path / "a.pkl", videomimic_dict(sway, list(range(29))))
    (tmp_path / "background_mesh.obj").write_text("v 0 0 0\n")
    assert read_motion(path).terrain == str(tmp_path / "background_mesh.obj")
    assert read_motion(path, terrain="stairs.obj").terrain == "stairs.obj"


def test_wrong_videomimic_files(sway: MotionClip, tmp_path: Path) -> None:
    data, path = videomimic_dict(sway, list(range(29))), tmp_path / "a.pkl"
    for change, message in (
        ({"fps": None}, "'fps' is missing"),
        ({"joint_names": data["joint_names"][:-1]}, r"'joints' has shape \(40, 29\)"),
        ({"contacts": {"left_foot": np.ones(40, bool)}}, "contacts of one foot only"),
        ({"contacts": {"left_foot": np.ones(40), "right_foot": np.ones(39)}}, "unequal lengths"),
        ({"mystery": np.ones(3)}, "unknown keys mystery"),
    ):
        with pytest.raises(MotionFileError, match=message):
            read_motion(pickled(path, data | change))
    with pytest.raises(RobotError, match="not those of robot 'unitree_h1'"):
        read_motion(pickled(path, data), robot="unitree_h1")


def test_written_videomimic_has_both_spellings(sway: MotionClip, tmp_path: Path) -> None:
    clip = replace(sway, foot_contacts=np.ones((40, 2), bool))
    write_motion(clip, tmp_path / "a.h5", "videomimic_h5")
    with h5py.File(tmp_path / "a.h5") as file:
        for spelling in ("joint_names", "/joint_names"):
            assert list(file.attrs[spelling]) == list(sway.joint_names)  # pyright: ignore
        assert file.attrs["/fps"] == 50.0
        assert set(file["contacts"]) == {"left_foot", "right_foot"}  # pyright: ignore
        np.testing.assert_allclose(file["root_quat"][:], sway.root_quat_wxyz[:, XYZW], atol=1e-7)  # pyright: ignore


# --- ProtoMotions ------------------------------------------------------------------------------


def proto_dict(clip: MotionClip) -> dict[str, Any]:
    """All bodies in an order of their own after the root, and two more that we do not know."""
    motion = body_motion(clip)
    count = len(motion.body_names)
    order = [0, *np.random.default_rng(1).permutation(np.arange(1, count)), 0, 5]
    pos = motion.body_pos_w[:, order]
    pos[:, -2:] += 0.4
    contacts = np.zeros((len(pos), len(order)), bool)
    contacts[::2, order.index(motion.body_names.index("left_ankle_roll_link"))] = True
    contacts[::5, order.index(motion.body_names.index("right_ankle_roll_link"))] = True
    data = {
        "dof_pos": clip.joint_pos,
        "dof_vel": motion.joint_vel,
        "rigid_body_pos": pos,
        "rigid_body_rot": motion.body_quat_wxyz_w[:, order][..., XYZW],
        "rigid_body_vel": motion.body_lin_vel_w[:, order],
        "rigid_body_ang_vel": motion.body_ang_vel_w[:, order],
        "rigid_body_contacts": contacts,
    }
    return {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in data.items()} | {"fps": 50}


def saved(path: Path, data: Any) -> Path:
    torch.save(data, path)
    return path


def test_protomotions_clip(sway: MotionClip, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.motion", proto_dict(sway))
    file = read_motion_file(path, robot="unitree_g1")
    assert file.format == "protomotions" and same(file.clip, sway)
    contacts = file.clip.foot_contacts
    assert contacts is not None and contacts[:, 0].tolist() == [i % 2 == 0 for i in range(40)]
    assert contacts[:, 1].tolist() == [i % 5 == 0 for i in range(40)]
    metrics = check_file(file).metrics
    assert metrics["stored_body_pos_w_error_max"] < 1e-6
    assert metrics["stored_body_ang_vel_w_relative_error"] < 1e-6


def test_protomotions_library(g1: Robot, tmp_path: Path) -> None:
    clips = [make_clip(g1, frames=20 + 10 * i, fps=30.0, name=f"c{i}") for i in range(3)]
    one = [proto_dict(clip) for clip in clips]
    keys = {"gts": "rigid_body_pos", "grs": "rigid_body_rot", "dps": "dof_pos", "dvs": "dof_vel"}
    library = {new: torch.cat([d[old] for d in one]).float() for new, old in keys.items()} | {
        "length_starts": torch.tensor([0, 20, 50]),
        "motion_num_frames": torch.tensor([20, 30, 40]),
        "motion_dt": torch.full((3,), 1 / 30),
        "motion_lengths": torch.tensor([19.0, 29.0, 39.0]) / 30,
        "motion_weights": torch.ones(3),
        "motion_files": ("/data/c0.motion", "/data/c1.motion", "/data/c2.motion"),
    }
    path = saved(tmp_path / "all.pt", library)
    found = load_motions(path, robot="unitree_g1")
    assert [clip.name for clip in found] == ["c0", "c1", "c2"]
    for clip, wanted in zip(found, clips, strict=True):
        assert clip.fps == 30.0 and same(clip, wanted)
    saved(path, library | {"length_starts": torch.tensor([0, 20, 70])})
    with pytest.raises(MotionFileError, match="packed library is damaged"):
        read_motion(f"{path}#c2", robot="unitree_g1")


def test_torch_files_with_code_are_refused(sway: MotionClip, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "exploded",))

    path = saved(tmp_path / "a.motion", proto_dict(sway) | {"fps": Bomb()})
    with pytest.raises(MotionFileError, match="not a torch file of weights"):
        read_motion(path, robot="unitree_g1")
    old = tmp_path / "old.pt"
    torch.save(proto_dict(sway), old, _use_new_zipfile_serialization=False)
    with pytest.raises(MotionFileError):
        read_motion(old, robot="unitree_g1")
    assert not (tmp_path / "exploded").exists()


def test_a_tensor_that_repeats_a_small_storage_is_refused(tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(2**16, 2**16)
    data = {"dof_pos": huge, "rigid_body_pos": huge, "rigid_body_rot": huge}
    with pytest.raises(MotionFileError, match="made to exhaust memory"):
        read_motion(saved(tmp_path / "a.motion", data), robot="unitree_g1")


def test_wrong_protomotions_files(sway: MotionClip, tmp_path: Path) -> None:
    data, path = proto_dict(sway), tmp_path / "a.motion"
    for change, message in (
        ({"dof_pos": data["dof_pos"].flip(1)}, "are its joints in another order"),
        ({"root_pos": data["rigid_body_pos"][:, 3]}, "not the pose of the first body"),
        ({"rigid_body_rot": data["rigid_body_rot"][:, :5]}, "'rigid_body_rot' has shape"),
        ({"rigid_body_pos": data["rigid_body_pos"][:20]}, "alike in all arrays|20 frames"),
        ({"rigid_body_contacts": data["rigid_body_contacts"][:, :2]}, "'rigid_body_contacts' has"),
    ):
        with pytest.raises(MotionError, match=message):
            read_motion(saved(path, data | change), robot="unitree_g1")


def test_a_scene_beside_the_clip(sway: MotionClip, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.motion", proto_dict(sway))
    box = {"size_xyz_full": [1.0, 0.2, 0.4], "pos": [0.5, 1.0, 0.2]}
    (tmp_path / "scene.json").write_text(json.dumps({"boxes": [box], "ground": "hill.obj"}))
    clip = read_motion(path, robot="unitree_g1")
    (thing,) = clip.objects
    assert (thing.name, thing.size, clip.terrain) == ("box_0", (1.0, 0.2, 0.4), "hill.obj")
    np.testing.assert_array_equal(thing.pos_w, np.tile([0.5, 1.0, 0.2], (40, 1)))
    for text in ("[1]", "{", '{"boxes": [{"pos": [0, 0, 0]}]}', '{"boxes": [{"pos": "ab"}]}'):
        (tmp_path / "scene.json").write_text(text)
        with pytest.raises(MotionFileError, match="not a scene"):
            read_motion(path, robot="unitree_g1")


# --- LocoMuJoCo --------------------------------------------------------------------------------


def loco_dict(clip: MotionClip) -> dict[str, Any]:
    names = [name.removesuffix("_joint") for name in clip.joint_names[::-1]]
    qpos = np.concatenate([clip.root_pos, clip.root_quat_wxyz, clip.joint_pos[:, ::-1]], axis=1)
    return {
        "qpos": qpos.astype(np.float32),
        "qvel": np.zeros((40, 35), np.float32),
        "xpos": np.zeros((40, 31, 3)),
        "split_points": np.array([0, 40]),
        "joint_names": np.array(["root", *names]),
        "njnt": 30,
        "jnt_type": np.array([0] + [3] * 29),
        "frequency": 50.0,
        "body_names": None,
        "metadata": None,
    }


def test_locomujoco(sway: MotionClip, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **loco_dict(sway))  # pyright: ignore[reportArgumentType]
    file = read_motion_file(tmp_path / "a.npz")
    assert file.format == "locomujoco_npz" and file.clip.fps == 50.0 and same(file.clip, sway)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split_points": np.array([0, 20, 40])}, "holds 2 trajectories"),
        ({"jnt_type": np.array([3] * 30)}, "expected one free joint"),
        ({"jnt_type": np.array([0, 3])}, "expected one free joint"),
        ({"frequency": 0.0}, "expected a positive number"),
        ({"joint_names": np.array([f"j{i}" for i in range(30)])}, "no known robot"),
        ({"qpos": np.zeros((40, 30))}, "'qpos' has shape"),
        ({"qpos": None}, "'qpos' holds Python objects"),
    ],
)
def test_wrong_locomujoco_files(
    sway: MotionClip, tmp_path: Path, change: dict, message: str
) -> None:
    data: dict[str, Any] = loco_dict(sway) | change
    np.savez(tmp_path / "a.npz", **data)
    with pytest.raises(MotionFileError, match=message):
        read_motion(tmp_path / "a.npz")


# --- Holosoma with an object -------------------------------------------------------------------


def test_holosoma_object_lands_in_the_clip(sway: MotionClip, tmp_path: Path) -> None:
    box = still_object("largebox", (1.0, 0.5, 0.2), (0.6, 0, 0, 0.8), frames=40)
    path = tmp_path / "a.npz"
    write_motion(replace(sway, objects=(box,)), path, "holosoma_npz")
    with np.load(path) as data:
        arrays = dict(data)
    assert arrays["object_pos_w"].shape == (40, 3) and arrays["object_lin_vel_w"].max() == 0.0
    assert arrays["body_names"][-1] == "largebox" and arrays["body_pos_w"].shape == (40, 32, 3)
    clip = read_motion(path, terrain="slope.obj")
    assert clip.objects[0].name == "largebox" and clip.terrain == "slope.obj"
    # An object that is not among the bodies has no name.
    for key in ("body_names", "body_pos_w", "body_quat_w", "body_lin_vel_w", "body_ang_vel_w"):
        arrays[key] = arrays[key][:-1] if key == "body_names" else arrays[key][:, :-1]
    np.savez(path, **arrays)
    assert read_motion(path).objects[0].name == "object"
    two = (box, replace(box, name="chair"))
    with pytest.raises(MotionFileError, match="hold one"):
        write_motion(replace(sway, objects=two), path, "holosoma_npz")


def test_what_a_conversion_leaves_out_is_told(
    sway: MotionClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = still_object("largebox", (1.0, 0.5, 0.2), frames=40)
    write_motion(replace(sway, objects=(box,)), tmp_path / "a.npz", "holosoma_npz")
    arguments = ["motion", "convert", str(tmp_path / "a.npz"), "--terrain", "slope.obj"]
    assert main([*arguments, "--output", str(tmp_path / "a.csv")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "unitree_csv cannot hold objects and terrain" in shown
    assert main([*arguments, "--output", str(tmp_path / "b.npz")]) == 0
    back = read_motion(tmp_path / "b.npz")
    assert back.terrain == "slope.obj" and back.objects[0].name == "largebox"
    assert "left_out" not in capsys.readouterr().out
