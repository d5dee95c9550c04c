"""The loop on an arena without physics, where every number can be computed by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimiclab.evaluation.protocol import Job
from mimiclab.evaluation.rollout import run_episodes

DT = 0.1


class Line:
    """Robots on a line whose position is the action; the reference is at x = clip time.

    Clip 1 fails in the step that reaches `fail_at` seconds, where the robot also falls far away.
    """

    anchor = 0
    end_effectors = (1,)
    dt_s = DT

    def __init__(self, num_envs, fail_at=None):
        self.num_envs = num_envs
        self.fail_at = fail_at
        self.clip = torch.zeros(num_envs, dtype=torch.long)
        self.time_s = torch.zeros(num_envs, dtype=torch.float64)
        self.x = torch.zeros(num_envs, dtype=torch.float64)
        self.starts = []
        self.pending = torch.zeros(num_envs, dtype=torch.bool)

    def start(self, env_ids, clip, time_s, seed):
        self.starts += list(zip(env_ids.tolist(), clip.tolist(), time_s.tolist(), strict=True))
        self.clip[env_ids], self.time_s[env_ids] = clip, time_s
        self.x[env_ids] = -1000.0  # a fresh robot is far away: scoring it would show
        self.pending[env_ids] = False

    def observations(self):
        return self.time_s[:, None] + DT

    def state(self, x):
        n = self.num_envs
        pos = torch.zeros(n, 2, 3, dtype=torch.float64)
        pos[..., 0] = x[:, None]
        quat = torch.zeros(n, 2, 4, dtype=torch.float64)
        quat[..., 0] = 1.0
        return SimpleNamespace(
            joint_pos=x[:, None], joint_vel=torch.zeros(n, 1), body_pos_w=pos, body_quat_w=quat,
            body_lin_vel_w=pos * 0, body_ang_vel_w=pos * 0,
        )  # fmt: skip

    def target(self):
        return self.state(self.time_s + DT)

    def robot(self):
        return self.state(self.x)

    def step(self, actions):
        assert not self.pending.any(), "an episode that is over was stepped"
        self.time_s += DT
        self.x = actions[:, 0].clone()
        failed = torch.zeros(self.num_envs, dtype=torch.bool)
        if self.fail_at is not None:
            failed = (self.clip == 1) & (self.time_s > self.fail_at - 1e-6)
            self.x[failed] += 5.0
        self.pending = failed.clone()
        return failed, torch.zeros_like(failed)

    def feet_force(self):
        """From the third step on the only foot stumbles."""
        force = torch.zeros(self.num_envs, 1, 3)
        force[:, 0, 0] = (self.time_s > 2.5 * DT) * 5.0
        force[..., 2] = 1.0
        return force

    def failure_reasons(self, env_ids):
        return ["fell"] * len(env_ids)


def run(arena, jobs, policy=lambda obs: obs, durations=(1.0, 2.0)):
    return run_episodes(arena, policy, jobs, clip_names=["a", "b"], durations_s=durations)


def job(clip=0, start_s=0.0, seed=0):
    return Job(clip=clip, start="random" if start_s else "zero", start_s=start_s, seed=seed)


@pytest.mark.parametrize("num_envs", [1, 2, 3, 7])
def test_every_job_is_run_once_whatever_the_number_of_environments(num_envs):
    jobs = [job(clip=i % 2, start_s=0.1 * (i % 4), seed=i) for i in range(6)]
    results = run(Line(num_envs), jobs)
    assert [(r.clip, r.seed) for r in results] == [("ab"[i % 2], i) for i in range(6)]
    assert [r.steps for r in results] == [10, 19, 8, 17, 10, 19]
    assert all(r.success and r.completion == 1.0 and r.reason == "clip_end" for r in results)


def test_errors_by_hand():
    # The robot is 0.25 m ahead of its reference in every step.
    (result,) = run(Line(1), [job()], policy=lambda obs: obs + 0.25)
    assert result.metrics["mpjpe_global_mm"] == pytest.approx(250.0)
    assert result.metrics["mpjpe_root_mm"] == pytest.approx(0.0)
    assert result.metrics["joint_position_error"] == pytest.approx(0.25)
    np.testing.assert_allclose(result.body_position_error_mm, [250.0, 250.0])


def test_mosaics_errors_by_hand():
    (result,) = run(Line(1), [job()], policy=lambda obs: obs + 0.25)
    assert result.metrics["body_position_error"] == pytest.approx(0.0)  # moved with the anchor
    assert result.metrics["end_effector_error_w"] == pytest.approx(0.25)
    assert result.metrics["feet_stumble"] == pytest.approx(0.8)  # 8 of 10 steps


def test_episodes_know_the_group_of_their_clip():
    results = run_episodes(
        Line(1), lambda obs: obs, [job(), job(clip=1)], clip_names=["a", "b"],
        durations_s=[1.0, 2.0], clip_groups=["gmt", "interface"],
    )  # fmt: skip
    assert [(r.clip, r.group) for r in results] == [("a", "gmt"), ("b", "interface")]
    assert run(Line(1), [job()])[0].group == "default"


def test_the_state_before_the_reset_is_scored():
    """Perfect but for the last step, 5 m off; the fresh start, 1000 m off, is not seen."""
    good, bad = run(Line(2, fail_at=0.5), [job(clip=0), job(clip=1)])
    assert good.metrics["mpjpe_global_mm"] == pytest.approx(0.0, abs=1e-9)
    assert bad.metrics["mpjpe_global_mm"] == pytest.approx(5000.0 / 5)
    assert (bad.success, bad.reason, bad.steps) == (False, "fell", 5)
    assert bad.completion == pytest.approx(4 / 20)


def test_episodes_of_one_environment_do_not_mix():
    jobs = [job(clip=1), job(clip=0), job(clip=1)]
    results = run(Line(1, fail_at=0.3), jobs)
    assert [r.success for r in results] == [False, True, False]
    assert [r.metrics["mpjpe_global_mm"] for r in results] == pytest.approx([5000 / 3, 0, 5000 / 3])


def test_a_failure_in_the_last_step_is_a_failure():
    (result,) = run(Line(1, fail_at=2.0), [job(clip=1)])
    assert (result.success, result.steps) == (False, 20)
    assert result.completion == pytest.approx(19 / 20)


def test_a_diverged_step_does_not_spoil_the_mean():
    class Diverging(Line):
        def robot(self):
            state = super().robot()
            if self.time_s[0] > 0.95:
                state.body_pos_w[0] = float("nan")
            return state

    (result,) = run(Diverging(1), [job()], policy=lambda obs: obs + 0.1)
    assert result.metrics["mpjpe_global_mm"] == pytest.approx(100.0)


def test_progress_reaches_its_total():
    seen = []
    run_episodes(
        Line(2, fail_at=0.5), lambda obs: obs, [job(), job(clip=1), job()],
        clip_names=["a", "b"], durations_s=[1.0, 2.0], progress=lambda *p: seen.append(p),
    )  # fmt: skip
    assert seen[-1] == (40, 40)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


class Clock:
    """A policy that sees nothing and remembers how many steps its episodes have lasted."""

    def __init__(self, num_envs):
        self.steps = torch.full((num_envs,), 99)

    def reset(self, env_ids=None):
        self.steps[slice(None) if env_ids is None else env_ids] = 0

    def __call__(self, obs):
        self.steps += 1
        return self.steps[:, None].double() * DT


@pytest.mark.parametrize("num_envs", [1, 3])
def test_a_policy_with_memory_is_told_where_episodes_start(num_envs):
    jobs = [job(clip=clip) for clip in (0, 1, 1, 0, 1)]
    results = run(Line(num_envs), jobs, policy=Clock(num_envs))
    errors = [result.metrics["mpjpe_global_mm"] for result in results]
    np.testing.assert_allclose(errors, 0.0, atol=1e-6)


def test_an_observer_sees_every_step_of_the_jobs_and_who_is_idle():
    seen = []
    run_episodes(
        Line(2), lambda obs: obs, [job(clip=1), job(clip=0), job(clip=0)],
        clip_names=["a", "b"], durations_s=(1.0, 2.5),
        observe=lambda obs, clip: seen.append((obs.clone(), clip)),
    )  # fmt: skip
    clips = torch.stack([clip for _, clip in seen])
    assert clips.shape == (25, 2)
    assert [int((clips == clip).sum()) for clip in (-1, 0, 1)] == [5, 20, 25]
    assert seen[0][0].flatten().tolist() == pytest.approx([DT, DT])
