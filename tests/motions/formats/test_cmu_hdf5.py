"""dm_control's HDF5 layout against dm_control's own example file, loader and walker."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import mujoco
import numpy as np
import pytest

from mimiclab.errors import MotionFileError, RobotError, UnknownNameError
from mimiclab.maths.rotations import quat_from_rotvec
from mimiclab.motions.check import check_file
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion, read_motion_file, write_motion
from mimiclab.motions.formats.cmu_hdf5 import write_clips
from mimiclab.motions.formats.members import clip_paths
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import ObjectTrack
from mimiclab.motions.sources import find_sources, load_motions
from mimiclab.robots import get_robot

dm_control = pytest.importorskip("dm_control")
EXAMPLE = Path(dm_control.__file__).parent / "locomotion" / "mocap" / "test_trajectories.h5"


def make_clip(robot: str = "dm_cmu_humanoid", name: str = "wave", frames: int = 40) -> MotionClip:
    """Every joint and the root move smoothly; a box moves beside."""
    model = get_robot(robot)
    phase = np.linspace(0, 2 * np.pi, frames)[:, None] + np.arange(model.num_joints)
    low, high = model.joint_limits.T
    path = np.stack([phase[:, 0], np.sin(phase[:, 0]), 1 + 0.1 * np.cos(phase[:, 0])], axis=1)
    turn = quat_from_rotvec(np.stack([0.3 * np.sin(phase[:, 0]), path[:, 1], phase[:, 0]], axis=1))
    return MotionClip(
        name=name,
        robot=robot,
        fps=1 / 0.03,
        joint_names=model.joint_names,
        root_pos=path,
        root_quat_wxyz=turn,
        joint_pos=(low + high) / 2 + 0.4 * (high - low) * np.sin(phase),
        objects=(
            ObjectTrack(name="box", pos_w=path + 1.0, quat_wxyz_w=turn, size=(0.2, 0.4, 0.6)),
        ),
    )


def their_loader(path: Path):
    """dm_control's loader; protobuf 7 took away the field property by which it tells lists."""
    from dm_control.locomotion.mocap import loader

    class Loader(loader.HDF5TrajectoryLoader):
        def _fill_primitive_proto_fields(self, proto, h5_group, skip_fields=()):
            for field in proto.DESCRIPTOR.fields:
                if field.name in h5_group.attrs and field.name not in skip_fields:
                    value = h5_group.attrs[field.name]
                    if field.is_repeated:
                        getattr(proto, field.name).extend(value)
                    else:
                        setattr(proto, field.name, value)

    return Loader(path)


def test_the_example_of_2019_is_read_as_their_loader_reads_it():
    loader = their_loader(EXAMPLE)
    for key in loader.keys():  # noqa: SIM118
        theirs = loader.get_trajectory(key, zero_out_velocities=False).as_dict()
        clip = read_motion(f"{EXAMPLE}#{key}")
        assert (clip.robot, clip.name, clip.fps) == ("dm_cmu_humanoid_2019", key, 20.0)
        np.testing.assert_array_equal(clip.joint_pos, theirs["walker/joints"])
        np.testing.assert_array_equal(clip.root_pos, theirs["walker/position"])
        # Their body positions are independent proof of joint order and of the root's orientation.
        bodies = body_motion(clip)
        np.testing.assert_allclose(
            bodies.body_pos_w[:, 1:], theirs["walker/body_positions"], atol=1e-12
        )
        np.testing.assert_array_equal(clip.objects[0].pos_w, theirs["prop/position"])
        assert clip.objects[0].size == pytest.approx((0.355, 0.255, 0.355))


def test_stored_bodies_of_the_example_pass_the_check():
    found = {f.code for f in check_file(read_motion_file(EXAMPLE / "cmuv2019_002")).findings}
    assert not {code for code in found if code.startswith("stored_body")}


@pytest.mark.parametrize("robot", ["dm_cmu_humanoid", "dm_cmu_humanoid_2019"])
def test_round_trip_is_exact(tmp_path, robot):
    clip = make_clip(robot)
    write_motion(clip, tmp_path / "wave.h5")
    back = read_motion_file(tmp_path / "wave.h5")
    assert (back.clip.name, back.clip.robot, back.clip.fps) == ("wave", robot, clip.fps)
    np.testing.assert_array_equal(back.clip.joint_pos, clip.joint_pos)
    np.testing.assert_array_equal(back.clip.root_pos, clip.root_pos)
    np.testing.assert_allclose(back.clip.root_quat_wxyz, clip.root_quat_wxyz, atol=1e-15)
    np.testing.assert_allclose(back.clip.objects[0].pos_w, clip.objects[0].pos_w)
    assert back.clip.objects[0].size == pytest.approx((0.2, 0.4, 0.6))
    assert not [f for f in check_file(back).findings if f.code.startswith("stored")]


def test_their_loader_and_walker_agree_with_what_we_write(tmp_path):
    from dm_control import mjcf
    from dm_control.locomotion.walkers import cmu_humanoid

    clip = make_clip()
    write_clips([clip, replace(clip, name="again")], tmp_path / "two.h5")
    loader = their_loader(tmp_path / "two.h5")
    assert loader.keys() == ("again", "wave")
    trajectory = loader.get_trajectory("wave", zero_out_velocities=False)
    assert (trajectory.num_steps, trajectory.dt) == (clip.num_frames, pytest.approx(0.03, 1e-12))
    values = trajectory.as_dict()

    walker = cmu_humanoid.CMUHumanoidPositionControlledV2020()
    trajectory.configure_walkers([walker])  # checks that the walker's version fits
    arena = mjcf.RootElement()
    walker_frame = arena.attach(walker.mjcf_model)
    walker_frame.add("freejoint")
    physics = mjcf.Physics.from_mjcf_model(arena)
    at = 17
    joints, bodies = walker.mocap_joints, walker.mocap_tracking_bodies
    physics.data.qpos[:3] = values["walker/position"][at]
    physics.data.qpos[3:7] = values["walker/quaternion"][at]
    physics.bind(joints).qpos = values["walker/joints"][at]
    physics.data.qvel[:3] = values["walker/velocity"][at]
    physics.data.qvel[3:6] = values["walker/angular_velocity"][at]
    physics.bind(joints).qvel = values["walker/joints_velocity"][at]
    physics.forward()
    seen = walker.observables
    expected = {
        "body_positions": physics.bind(bodies).xpos,
        "center_of_mass": physics.bind(walker.root_body).subtree_com,
        "end_effectors": seen.end_effectors_pos(physics),
        "appendages": seen.appendages_pos(physics),
    }
    for key, value in expected.items():
        given = values[f"walker/{key}"][at].reshape(value.shape)
        np.testing.assert_allclose(given, value, atol=1e-6, err_msg=key)
    quats, theirs = values["walker/body_quaternions"][at], physics.bind(bodies).xquat
    np.testing.assert_allclose(np.abs((quats * theirs).sum(axis=1)), 1.0, atol=1e-9)

    # Their integrator, given the stored speeds, arrives near the next frame.
    state = np.array(physics.data.qpos)
    mujoco.mj_integratePos(physics.model.ptr, state, np.array(physics.data.qvel), 0.03)
    following = np.concatenate(
        [values[f"walker/{key}"][at + 1] for key in ("position", "quaternion", "joints")]
    )
    moved = np.abs(following - np.array(physics.data.qpos)).max()
    assert np.abs(state - following).max() < 0.1 * moved


def test_many_clips_are_sources_one_by_one(tmp_path):
    clips = [make_clip(name=f"CMU_016_{i}", frames=5) for i in (11, 22)]
    (tmp_path / "folder").mkdir()
    write_clips(clips, tmp_path / "folder" / "cmu.h5")
    file = tmp_path / "folder" / "cmu.h5"
    for spec in (file, tmp_path / "folder", str(tmp_path / "*" / "*.h5")):
        found = load_motions(spec, robot="dm_cmu_humanoid")
        assert [clip.name for clip in found] == ["CMU_016_11", "CMU_016_22"]
    one = find_sources(f"{file}#CMU_016_22", robot="dm_cmu_humanoid")
    assert [source.read().clip.name for source in one] == ["CMU_016_22"]
    assert one[0].path == file / "CMU_016_22"  # a folder of outputs mirrors it
    with pytest.raises(MotionFileError, match=r"holds 2 clips.*cmu\.h5#CMU_016_11"):
        read_motion(file)
    with pytest.raises(UnknownNameError, match="did you mean 'CMU_016_22'"):
        read_motion(f"{file}#CMU_016_2")


def test_another_robot_is_refused_both_ways(tmp_path, g1):
    with pytest.raises(RobotError, match="is for robot 'dm_cmu_humanoid_2019', not 'unitree_g1'"):
        read_motion(EXAMPLE / "cmuv2019_001", robot="unitree_g1")
    clip = replace(
        make_clip(), robot="unitree_g1", joint_names=g1.joint_names, joint_pos=np.zeros((40, 29))
    )
    with pytest.raises(RobotError, match="retarget it first"):
        write_motion(clip, tmp_path / "g1.h5", "cmu_hdf5")
    assert not list(tmp_path.iterdir())
    with pytest.raises(MotionFileError, match="has a slash"):
        write_motion(make_clip(name="a/b"), tmp_path / "x.h5")


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit(change):
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file["wave"])

    return edit


def _bomb(clip):
    del clip["walkers/walker_0/joints"]
    clip.create_dataset("walkers/walker_0/joints", shape=(56, 10**9), dtype="f8", chunks=(56, 64))


def _drop_quaternion(clip):
    del clip["walkers/walker_0/quaternion"]


def _other_place(clip):
    clip["walkers/walker_0/extra"] = h5py.ExternalLink("/etc/passwd", "/")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "truncated"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\nrubbish"), "not an HDF5 file"),
        (lambda path: path.write_text("1,2,3"), "not an HDF5 file"),
        (_edit(_drop_quaternion), "walker_0/quaternion' is missing"),
        (_edit(_bomb), "exhaust memory"),
        (_edit(_other_place), "lies in another place"),
        (_edit(lambda clip: clip.attrs.update(num_steps=7)), "num_steps is 7"),
        (_edit(lambda clip: clip.attrs.update(dt=0.0)), "time step 'dt' is 0"),
        (_edit(lambda clip: clip.attrs.update(dt=float("nan"))), "time step 'dt' is nan"),
        (_edit(lambda clip: clip["walkers/walker_0"].attrs.update(model=2)), "model is 2"),
        (_edit(lambda clip: clip.copy("walkers/walker_0", "walkers/walker_1")), "one walker"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path, damage, message):
    path = tmp_path / "wave.h5"
    write_motion(make_clip(), path)
    damage(path)
    with pytest.raises(MotionFileError, match=message):
        read_motion(path)
    assert clip_paths(path)[0] in (path, path / "wave")


def test_a_file_can_be_replaced_after_a_failed_read(tmp_path):
    path = tmp_path / "wave.h5"
    shutil.copy(EXAMPLE, path)
    with pytest.raises(MotionFileError):
        read_motion(path)
    write_motion(make_clip(), path)
    assert read_motion(path).name == "wave"
