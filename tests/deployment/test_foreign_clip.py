"""The motion inside a released policy comes out as it went in."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from foreign_onnx import matrix, write_wbt

from mimiclab.cli.main import main
from mimiclab.deployment.foreign_clip import foreign_clip, foreign_reference
from mimiclab.deployment.foreign_policy import ForeignPolicy
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_from_rotvec
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion
from mimiclab.motions.kinematics import body_motion


@pytest.fixture(scope="module")
def leaning(g1):
    """A short motion in which root and waist turn every way."""
    t = np.arange(40)[:, None] / 50.0
    wave = np.sin(2 * np.pi * (t + np.linspace(0, 1, 29)))
    turn = quat_from_rotvec(np.hstack([0.3 * np.sin(3 * t), 0.2 * np.cos(2 * t), 2 * t]))
    return MotionClip(
        name="lean",
        robot="unitree_g1",
        fps=50.0,
        joint_names=g1.joint_names,
        root_pos=np.hstack([t, 0.5 * t, 0.8 + 0.05 * np.sin(t)]),
        root_quat_wxyz=turn,
        joint_pos=g1.default_pose + 0.2 * wave,
    )


def tables(clip, robot, joints, torso_only=True):
    motion = body_motion(clip, robot)
    order = [robot.joint_names.index(name) for name in joints]
    found = {"joint_pos": motion.joint_pos[:, order], "joint_vel": motion.joint_vel[:, order]}
    if torso_only:
        body = motion.body_names.index("torso_link")
        quat = motion.body_quat_wxyz_w[:, body]
        return found | {
            "ref_pos_xyz": motion.body_pos_w[:, body],
            "ref_quat_xyzw": quat[:, [1, 2, 3, 0]],
        }
    bodies = motion.select(robot.tracked_bodies)
    return found | {"body_pos_w": bodies.body_pos_w, "body_quat_w": bodies.body_quat_wxyz_w}


@pytest.mark.parametrize("torso_only", [True, False], ids=["torso", "bodies"])
def test_root_and_joints_come_back(tmp_path, g1, leaning, torso_only):
    joints = g1.joint_names[::-1]
    path = write_wbt(
        tmp_path / "dance.onnx", g1, matrix(29, 154), tables(leaning, g1, joints, torso_only),
        joints=joints,
    )  # fmt: skip
    policy = ForeignPolicy(path, "holosoma-wbt", action_scale="1")
    clip = foreign_clip(policy)
    assert (clip.name, clip.fps, clip.joint_names) == ("dance", 50.0, g1.joint_names)
    assert clip.num_frames == 40
    np.testing.assert_allclose(clip.joint_pos, leaning.joint_pos, atol=1e-6)
    np.testing.assert_allclose(clip.root_pos, leaning.root_pos, atol=1e-5)
    same = np.abs(np.sum(clip.root_quat_wxyz * leaning.root_quat_wxyz, axis=1))
    np.testing.assert_allclose(same, 1.0, atol=1e-6)
    reference = foreign_reference(policy)
    np.testing.assert_allclose(reference.joint_vel, body_motion(leaning, g1).joint_vel, atol=1e-5)


def test_the_last_frames_of_a_pause_are_one(tmp_path, g1, leaning):
    """A clip that ends at rest cannot be told from one whose last frame is held."""
    held = {
        k: np.vstack([v, v[-1:], v[-1:]]) for k, v in tables(leaning, g1, g1.joint_names).items()
    }
    path = write_wbt(tmp_path / "p.onnx", g1, matrix(29, 154), held)
    assert foreign_clip(ForeignPolicy(path, action_scale="1")).num_frames == 40


def test_a_tracker_runs_on_its_own_motion(tmp_path, g1, leaning, capsys):
    path = write_wbt(
        tmp_path / "p.onnx", g1, np.zeros((29, 154)), tables(leaning, g1, g1.joint_names)
    )
    policy = ForeignPolicy(path, action_scale="1")
    episode = Sim2Sim(policy, foreign_reference(policy)).run(
        EpisodeCfg(initial_noise=0.0, terminate=False)
    )
    assert episode.reason == "clip_end" and episode.steps == 39
    # The first state is the clip's; the robot that stays in its default pose leaves it.
    np.testing.assert_allclose(episode.qpos[0, 7:], leaning.joint_pos[0], atol=1e-6)
    options = ["--contract", "holosoma-wbt", "--action-scale", "effort", "--seconds", "0.2"]
    assert main(["sim2sim", str(path), *options]) == 0
    assert main(["sim2sim", str(path), "--contract", "auto", "--clip", "lean"]) == 2
    assert "no action scale" in capsys.readouterr().err


def test_extraction_writes_a_motion_file(tmp_path, g1, leaning, policy_file, capsys):
    path = write_wbt(
        tmp_path / "dance.onnx", g1, matrix(29, 154), tables(leaning, g1, g1.joint_names)
    )
    out = tmp_path / "dance.npz"
    assert main(["motion", "extract", str(path), str(out), "--contract", "auto"]) == 0
    assert "40 frames at 50 fps" in capsys.readouterr().out
    clip = read_motion(out)
    np.testing.assert_allclose(clip.root_pos, leaning.root_pos, atol=1e-5)
    assert main(["motion", "extract", str(policy_file), str(tmp_path / "ours.csv")]) == 0
    assert main(["motion", "extract", str(policy_file), str(out), "--clip", "dipp"]) == 2
    assert "did you mean 'dip'" in capsys.readouterr().err
    assert main(["motion", "extract", str(path), str(out)]) == 2
    assert "--contract auto" in capsys.readouterr().err


def test_files_without_a_readable_motion_are_refused(tmp_path, g1, leaning):
    whole = tables(leaning, g1, g1.joint_names)

    def refused(match, given):
        path = write_wbt(tmp_path / "p.onnx", g1, matrix(29, 154), given)
        with pytest.raises(ContractError, match=match):
            foreign_clip(ForeignPolicy(path, action_scale="1"))

    refused("no motion that can be read", {k: whole[k] for k in ("joint_pos", "joint_vel")})
    broken = dict(whole, ref_pos_xyz=np.full((40, 3), np.nan))
    refused("numbers that are not finite", broken)
