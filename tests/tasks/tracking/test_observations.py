"""Observations against MuJoCo's own functions and the clip's kinematics, in order."""

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.motions.kinematics import body_motion
from mimiclab.tasks.tracking.mdp import observations

NOISE = {
    "command": 0.0, "motion_anchor_pos_b": 0.25, "motion_anchor_ori_b": 0.05, "base_lin_vel": 0.5,
    "base_ang_vel": 0.2, "joint_pos": 0.01, "joint_vel": 0.5, "actions": 0.0,
}  # fmt: skip


def columns(quat_frame: np.ndarray, quat: np.ndarray) -> np.ndarray:
    a, b = np.zeros(9), np.zeros(9)
    mujoco.mju_quat2Mat(a, quat_frame)
    mujoco.mju_quat2Mat(b, quat)
    return (a.reshape(3, 3).T @ b.reshape(3, 3))[:, :2].ravel()


def inverse_rotated(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    mat = np.zeros(9)
    mujoco.mju_quat2Mat(mat, quat)
    return mat.reshape(3, 3).T @ vector


def test_every_term_equals_mujoco(g1, make, walk):
    env = make(noise=False, pushes=False, randomisation=False)
    term = env.command_manager.get_term("motion")
    start = torch.tensor([0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    term.start(torch.zeros(4, dtype=torch.long), start)
    torch.manual_seed(1)
    action = torch.zeros(4, 29)
    for _ in range(3):
        action = 0.3 * torch.randn(4, 29)
        obs = env.step(action)[0]
    motion = body_motion(walk.clip(0), g1)
    model, data = env.sim.mj_model, mujoco.MjData(env.sim.mj_model)
    for i in range(4):
        k = round(float(start[i]) * 50) + 4  # three steps, and the observation is one ahead
        data.qpos[:], data.qvel[:] = env.sim.data.qpos[i].numpy(), env.sim.data.qvel[i].numpy()
        mujoco.mj_forward(model, data)
        ids = [model.body(f"robot/{name}").id for name in g1.tracked_bodies]
        torso = model.body("robot/torso_link").id
        j = motion.body_names.index("torso_link")
        origin = env.scene.env_origins[i].numpy()
        ref_pos, ref_quat = motion.body_pos_w[k, j] + origin, motion.body_quat_wxyz_w[k, j]
        velocity = np.zeros(6)
        pelvis = model.body("robot/pelvis").id
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, pelvis, velocity, 1)
        anchor = data.xpos[torso], data.xquat[torso]
        expected = {
            "command": np.concatenate([motion.joint_pos[k], motion.joint_vel[k]]),
            "motion_anchor_pos_b": inverse_rotated(anchor[1], ref_pos - anchor[0]),
            "motion_anchor_ori_b": columns(anchor[1], ref_quat),
            "body_pos": np.concatenate(
                [inverse_rotated(anchor[1], data.xpos[b] - anchor[0]) for b in ids]
            ),
            "body_ori": np.concatenate([columns(anchor[1], data.xquat[b]) for b in ids]),
            "base_lin_vel": velocity[3:],
            "base_ang_vel": velocity[:3],
            "joint_pos": data.qpos[7:] - g1.default_pose,
            "joint_vel": data.qvel[6:],
            "actions": action[i].numpy(),
        }
        critic = np.concatenate(list(expected.values()))
        np.testing.assert_allclose(obs["critic"][i], critic, atol=2e-4)
        actor = np.concatenate([expected[name] for name in NOISE])
        np.testing.assert_allclose(obs["actor"][i], actor, atol=2e-4)


@pytest.mark.parametrize(
    ("task", "actor", "critic"),
    [
        ({}, 160, 286),
        ({"state_estimation": False}, 154, 286),
        ({"motion_id": True}, 162, 288),
        ({"horizon_s": (0.1, 0.5)}, 160 + 2 * 38, 286 + 2 * 38),
    ],
)
def test_sizes_of_all_variants(make, two_clips, task, actor, critic):
    env = make(library=two_clips, num_envs=2, **task)
    obs, _ = env.reset()
    assert obs["actor"].shape == (2, actor) and obs["critic"].shape == (2, critic)
    names = env.observation_manager.active_terms["actor"]
    assert names[0] == "command"
    if "motion_id" in task or "horizon_s" in task:
        assert names[1] == ("motion_id" if "motion_id" in task else "motion_future")
    if not task.get("state_estimation", True):
        assert "motion_anchor_pos_b" not in names and "base_lin_vel" not in names


def test_motion_id_is_one_hot(make, two_clips):
    env = make(library=two_clips, num_envs=2, motion_id=True)
    term = env.command_manager.get_term("motion")
    obs = term.start(torch.tensor([1, 0]), torch.zeros(2))
    assert obs["critic"][:, 58:60].tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_future_is_seen_from_the_present_reference(g1, make, two_clips):
    env = make(library=two_clips, num_envs=2, horizon_s=(0.1, 0.5))
    term = env.command_manager.get_term("motion")
    obs = term.start(torch.tensor([0, 0]), torch.tensor([1.0, 0.0]))
    motion = body_motion(two_clips.clip(0), g1)
    j = motion.body_names.index("torso_link")
    now, then = 51, 76
    expected = np.concatenate(
        [
            motion.joint_pos[then],
            inverse_rotated(
                motion.body_quat_wxyz_w[now, j],
                motion.body_pos_w[then, j] - motion.body_pos_w[now, j],
            ),
            columns(motion.body_quat_wxyz_w[now, j], motion.body_quat_wxyz_w[then, j]),
        ]
    )
    np.testing.assert_allclose(obs["critic"][0, 58 + 38 : 58 + 76], expected, atol=1e-4)


def test_commands_of_several_frames_are_mosaics_layout(make, walk):
    """[angles(t), velocities(t), angles(t + 1), ...], the last frame held at the clip's end."""
    env = make(noise=False, pushes=False, randomisation=False, reset_noise=0.0)
    term = env.command_manager.get_term("motion")
    last = int(walk.clip_frames[0]) - 1
    starts = torch.tensor([0, 50, last - 3, last - 1])
    term.start(torch.zeros(4, dtype=torch.long), starts.double() * 0.02)
    clip = walk.all_frames(0)
    for frames in (1, 3):
        rows = (starts[:, None] + 1 + torch.arange(frames)).clamp(max=last)
        with_velocity = torch.cat([clip.joint_pos[rows], clip.joint_vel[rows]], dim=-1).flatten(1)
        given = observations.command(env, frames=frames)
        torch.testing.assert_close(given, with_velocity, atol=0, rtol=0)
        alone = observations.command(env, frames=frames, velocity=False)
        torch.testing.assert_close(alone, clip.joint_pos[rows].flatten(1), atol=0, rtol=0)


def test_velocity_and_gravity_of_the_reference_anchor(g1, make, walk):
    env = make(noise=False, pushes=False, randomisation=False, reset_noise=0.0)
    term = env.command_manager.get_term("motion")
    term.start(torch.zeros(4, dtype=torch.long), torch.tensor([0.0, 0.5, 1.0, 2.0]))
    motion = body_motion(walk.clip(0), g1)
    j = motion.body_names.index("torso_link")
    velocity = observations.ref_base_lin_vel(env)
    gravity = observations.ref_projected_gravity(env)
    joints = observations.reference_joint_pos(env)
    for i, k in enumerate((1, 26, 51, 101)):
        quat = motion.body_quat_wxyz_w[k, j]
        wanted = inverse_rotated(quat, motion.body_lin_vel_w[k, j])
        np.testing.assert_allclose(velocity[i], wanted, atol=1e-5)
        down = inverse_rotated(quat, np.array([0.0, 0.0, -1.0]))
        np.testing.assert_allclose(gravity[i], down, atol=1e-6)
        np.testing.assert_allclose(joints[i], motion.joint_pos[k], atol=1e-6)


def test_the_motion_group_is_that_of_the_clip(make, g1, two_clips):
    from dataclasses import replace

    from mimiclab.motions.library import MotionLibrary

    groups = ("suit", "vicon", "suit")
    clips = [two_clips.clip(0), two_clips.clip(1), two_clips.clip(1)]
    library = MotionLibrary.from_clips(
        [
            replace(clip, name=str(i), group=group)
            for i, (clip, group) in enumerate(zip(clips, groups, strict=True))
        ],
        robot=g1,
        fps=50,
    )
    env = make(library=library, fresh=True)
    term = env.command_manager.get_term("motion")
    term.start(torch.tensor([0, 1, 2, 1]), torch.zeros(4))
    number = observations.motion_group(env)
    assert number.shape == (4, 1) and number.dtype == torch.float32
    names = [library.group_names[int(i)] for i in number.flatten()]
    assert names == ["suit", "vicon", "suit", "vicon"]


def test_noise_has_the_published_ranges_and_spares_the_critic(make):
    env = make(num_envs=64)
    manager = env.observation_manager
    clean = manager.compute_group("critic")
    assert torch.equal(clean, manager.compute_group("critic"))
    sizes = dict(
        zip(manager.active_terms["actor"], manager.group_obs_term_dim["actor"], strict=True)
    )
    critic, column = {}, 0
    for name, size in zip(
        manager.active_terms["critic"], manager.group_obs_term_dim["critic"], strict=True
    ):
        critic[name] = clean[:, column : column + size[0]]
        column += size[0]
    noisy, column = manager.compute_group("actor"), 0
    for name, size in sizes.items():
        error = noisy[:, column : column + size[0]] - critic[name]
        column += size[0]
        assert float(error.abs().max()) <= NOISE[name] + 1e-6
        assert float(error.abs().max()) >= 0.9 * NOISE[name]
