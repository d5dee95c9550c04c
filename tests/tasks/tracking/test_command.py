"""The flow of one episode: starts, time, scoring, ends, statistics."""

import numpy as np
import pytest
import torch

from mimiclab.errors import MotionError
from mimiclab.maths.frames import reanchor
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.tasks.tracking.disturbance import PUSH_VELOCITY, RESET_POSE

QUIET = {"noise": False, "pushes": False, "randomisation": False, "reset_noise": 0.0}


def command(env):
    return env.command_manager.get_term("motion")


def follow(env):
    """Replace physics: every step puts the robot exactly where the reference says."""
    term = command(env)

    def teleport(nstep=1):
        frame = term.frame
        pose = [frame.body_pos_w, frame.body_quat_w, frame.body_lin_vel_w, frame.body_ang_vel_w]
        term.entity.write_joint_state_to_sim(frame.joint_pos, frame.joint_vel)
        term.entity.write_root_state_to_sim(torch.cat([x[:, 0] for x in pose], dim=-1))
        env.sim.forward()

    env.sim.step = teleport


def test_a_robot_on_its_reference_earns_the_upper_bound_and_never_fails(make):
    env = make(**QUIET, fresh=True, seed=3)
    term = command(env)
    follow(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.tensor([0.0, 0.5, 1.0, 2.0]))
    for step in range(1, 60):
        _, reward, failed, timed_out, extras = env.step(torch.zeros(4, 29))
        # The positive terms sum to 5 for each second of perfect tracking.
        limits = env.reward_manager._step_reward[:, 7]
        torch.testing.assert_close(reward - 0.02 * limits, torch.full((4,), 0.1), atol=2e-4, rtol=0)
        assert not failed.any() and not timed_out.any(), f"step {step}: {extras['log']}"
    assert float(term._metric_sums[:, :8].max()) / 59 < 2e-2


def test_time_at_scoring_and_at_observation(make):
    env = make(**QUIET)
    term = command(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.full((4,), 0.4))
    # The state written is that of 0.40 s, the observed reference that of the coming step.
    assert term.time_s.tolist() == pytest.approx([0.42] * 4)
    seen = {}
    original = env.reward_manager.compute

    def spy(dt):
        seen["time"], seen["frame"] = term.time_s.clone(), term.state.ref.joint_pos.clone()
        return original(dt)

    env.reward_manager.compute = spy
    try:
        env.step(torch.zeros(4, 29))
    finally:
        env.reward_manager.compute = original
    assert seen["time"].tolist() == pytest.approx([0.42] * 4)
    torch.testing.assert_close(seen["frame"][0], term.library.all_frames(0).joint_pos[21])
    assert term.time_s.tolist() == pytest.approx([0.44] * 4)


def test_start_writes_the_exact_reference_state(make):
    env = make(fresh=True, seed=5)  # with noise, pushes and randomisation
    term = command(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.full((4,), 1.0))
    row = term.library.all_frames(0)
    data, origins = env.sim.data, env.scene.env_origins
    torch.testing.assert_close(data.qpos[:, :3] - origins, row.body_pos_w[50, 0].expand(4, 3))
    torch.testing.assert_close(data.qpos[:, 7:], row.joint_pos[50].expand(4, 29))
    torch.testing.assert_close(data.qvel[:, 6:], row.joint_vel[50].expand(4, 29))
    torch.testing.assert_close(
        term.state.body_lin_vel_w[0], row.body_lin_vel_w[50], atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(
        term.state.body_ang_vel_w[0], row.body_ang_vel_w[50], atol=1e-4, rtol=1e-4
    )


def test_start_of_some_environments_leaves_the_others(make):
    env = make(**QUIET)
    term = command(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.zeros(4))
    env.step(torch.zeros(4, 29))
    term.start(torch.zeros(1, dtype=torch.long), torch.tensor([2.0]), torch.tensor([2]))
    assert term.time_s.tolist() == pytest.approx([0.04, 0.04, 2.02, 0.04])


def test_start_refuses_what_is_not_there(make):
    term = command(make(**QUIET))
    with pytest.raises(MotionError, match="the library has 0 to 0"):
        term.start(torch.ones(4, dtype=torch.long), torch.zeros(4))
    with pytest.raises(MotionError, match="choose times within"):
        term.start(torch.zeros(4, dtype=torch.long), torch.full((4,), 99.0))


def test_reset_noise_stays_in_its_ranges(make):
    env = make(num_envs=64, fresh=True, seed=2, randomisation=False, pushes=False)
    term = command(env)
    ref = term.library.frames(term.clip, term.start_time_s)
    data = env.sim.data
    offset = data.qpos[:, :3] - ref.body_pos_w[:, 0] - env.scene.env_origins
    kick = data.qvel[:, :3] - ref.body_lin_vel_w[:, 0]
    joints = data.qpos[:, 7:] - ref.joint_pos
    for error, limits in ((offset, RESET_POSE[:3]), (kick, PUSH_VELOCITY[:3])):
        largest = error.abs().amax(0)
        assert (largest <= torch.tensor(limits) + 1e-4).all()
        assert (largest >= 0.8 * torch.tensor(limits)).all()
    lower, upper = term.soft_limits
    inside = (data.qpos[:, 7:] > lower + 1e-6) & (data.qpos[:, 7:] < upper - 1e-6)
    assert float(joints.abs()[inside].max()) <= 0.1 + 1e-4
    assert (data.qpos[:, 7:] >= lower - 1e-5).all() and (data.qpos[:, 7:] <= upper + 1e-5).all()
    torch.testing.assert_close(data.qvel[:, 6:], ref.joint_vel)


def test_difficulty_zero_means_no_reset_noise(make):
    env = make(num_envs=8, fresh=True, seed=2, randomisation=False)
    term = command(env)
    term.difficulty = 0.0
    env.reset()
    ref = term.library.frames(term.clip, term.start_time_s)
    torch.testing.assert_close(env.sim.data.qpos[:, 7:], ref.joint_pos)
    torch.testing.assert_close(env.sim.data.qvel[:, :3], ref.body_lin_vel_w[:, 0])


def test_the_end_of_a_clip_is_a_time_out_after_its_last_frame(make):
    env = make(**QUIET, fresh=True, seed=4)
    follow(env)
    term = command(env)
    duration = term.library.durations_s[0]
    term.start(torch.zeros(4, dtype=torch.long), (duration - 0.04).repeat(4))
    _, _, failed, timed_out, _ = env.step(torch.zeros(4, 29))
    assert not timed_out.any()
    _, _, failed, timed_out, extras = env.step(torch.zeros(4, 29))
    assert timed_out.all() and not failed.any()
    assert extras["log"]["Episode_Termination/clip_end"] == 4
    assert term.sampler.clip_statistics()["failures"].tolist() == [0.0]


def test_wrapping_goes_on_inside_the_episode(make):
    env = make(**QUIET, clip_end="wrap", sampler=SamplerCfg(kind="start"), fresh=True)
    follow(env)
    term = command(env)
    duration = term.library.durations_s[0]
    term.start(torch.zeros(4, dtype=torch.long), (duration - 0.04).repeat(4))
    for expected in (duration, 0.0):
        _, _, failed, timed_out, _ = env.step(torch.zeros(4, 29))
        assert not timed_out.any() and not failed.any()
        assert term.time_s.tolist() == pytest.approx([float(expected)] * 4)
    first = term.library.all_frames(0).body_pos_w[0]
    torch.testing.assert_close(
        term.state.body_pos_w - env.scene.env_origins[:, None], first.expand(4, 14, 3), atol=1e-4,
        rtol=0,
    )  # fmt: skip


@pytest.mark.parametrize("stale", [False, True])
def test_targets_are_fresh_unless_asked_otherwise(make, stale):
    env = make(**QUIET, stale_targets=stale, fresh=True)
    term = command(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.full((4,), 1.0))
    before = [x.clone() for x in (term.state.anchor_pos_w, term.state.anchor_quat_w)]
    seen = {}
    original = env.reward_manager.compute

    def spy(dt):
        state = term.state
        robot = before if stale else (state.anchor_pos_w, state.anchor_quat_w)
        seen["expected"] = reanchor(
            *robot, state.ref_anchor_pos_w, state.ref_anchor_quat_w, state.ref.body_pos_w,
            state.ref.body_quat_w,
        )[0].clone()  # fmt: skip
        seen["got"] = state.targets[0].clone()
        return original(dt)

    env.reward_manager.compute = spy
    env.step(2.0 * torch.randn(4, 29))
    torch.testing.assert_close(seen["got"], seen["expected"])


def test_falls_reach_the_statistics_of_their_clip(make, two_clips):
    env = make(library=two_clips, num_envs=4, fresh=True, pushes=False)
    term = command(env)
    term.start(torch.tensor([1, 1, 0, 0]), torch.full((4,), 0.2))
    env.sim.data.qpos[:2, 2] -= 0.4  # sinks out of reach of the height limit
    _, _, failed, _, extras = env.step(torch.zeros(4, 29))
    assert failed.tolist() == [True, True, False, False]
    statistics = term.sampler.clip_statistics()
    assert statistics["episodes"].tolist() == [0, 2] and statistics["failures"].tolist() == [0, 2]
    assert statistics["failure_rate"][1, 0] > 0
    assert extras["log"]["Metrics/motion/error_anchor_pos"] > 0.3
    assert 0 <= extras["log"]["Metrics/motion/sampling_entropy"] <= 1 + 1e-9


@pytest.mark.parametrize("hz", [25, 50])
def test_a_clip_of_another_rate_plays_at_the_right_speed(g1, make, walk, hz):
    clip = walk.clip(0)
    thirty = MotionLibrary.from_clips([clip], robot=g1, fps=30)
    env = make(library=thirty, num_envs=2, control_hz=hz, **QUIET)
    term = command(env)
    term.start(torch.zeros(2, dtype=torch.long), torch.full((2,), 0.32))
    for _ in range(5):
        env.step(torch.zeros(2, 29))
    time_s = 0.32 + 6 / hz
    assert term.time_s.tolist() == pytest.approx([time_s] * 2)
    expected = [
        np.interp(time_s, np.arange(clip.num_frames) / 50, clip.joint_pos[:, j]) for j in range(29)
    ]
    np.testing.assert_allclose(term.frame.joint_pos[0], expected, atol=5e-3)


def test_residual_actions_add_to_the_coming_reference(g1, make):
    env = make(residual_action=True, fresh=True, pushes=False)
    term = command(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.full((4,), 0.5))
    action = torch.randn(4, 29)
    frame = term.frame.joint_pos.clone()
    env.action_manager.process_action(action)
    env.action_manager.apply_action()
    shift = term.default_joint_pos - term.nominal_joint_pos
    expected = frame + shift + torch.tensor(g1.action_scale, dtype=torch.float32) * action
    torch.testing.assert_close(term.entity.data.joint_pos_target, expected)
    torch.testing.assert_close(frame[0], term.library.all_frames(0).joint_pos[26])


def test_default_actions_add_to_the_default_pose(g1, make):
    env = make(**QUIET, action_scale=0.5)
    action = torch.randn(4, 29)
    env.action_manager.process_action(action)
    env.action_manager.apply_action()
    scale = 0.5 * torch.tensor(g1.action_scale, dtype=torch.float32)
    expected = torch.tensor(g1.default_pose, dtype=torch.float32) + scale * action
    term = command(env)
    torch.testing.assert_close(term.entity.data.joint_pos_target, expected)


def rollout(env, steps=20):
    term = command(env)
    n = env.num_envs
    term.start(torch.zeros(n, dtype=torch.long), torch.full((n,), 0.5))
    generator = torch.Generator().manual_seed(0)
    action = 0.2 * torch.randn(steps, 29, generator=generator)
    out = []
    for a in action:
        obs, reward, *_ = env.step(a.expand(n, 29))
        out.append(torch.cat([obs["critic"][0], reward[:1]]))
    return torch.stack(out)


def test_the_number_of_environments_does_not_matter(make):
    few, many = make(num_envs=1, **QUIET, fresh=True), make(num_envs=5, **QUIET, fresh=True)
    torch.testing.assert_close(rollout(few), rollout(many), atol=1e-4, rtol=1e-4)


def test_the_same_seed_gives_the_same_run(make):
    runs = []
    for _ in range(2):
        env = make(num_envs=3, seed=11, fresh=True)
        env.reset(seed=7)
        rewards = [env.step(torch.zeros(3, 29))[1].clone() for _ in range(30)]
        runs.append(torch.stack(rewards))
    assert torch.equal(*runs)


def test_without_a_clip_end_the_episode_still_times_out(make):
    env = make(**QUIET, episode_length_s=0.1, fresh=True)
    follow(env)
    command(env).start(torch.zeros(4, dtype=torch.long), torch.zeros(4))
    ends = [env.step(torch.zeros(4, 29))[3].all().item() for _ in range(5)]
    assert ends == [False] * 4 + [True]
