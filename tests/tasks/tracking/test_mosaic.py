"""MOSAIC's task ids: all there, resolved, built; a few step."""

import math

import pytest
import torch

from mimiclab.errors import UnknownNameError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.mosaic import (
    MOSAIC_IDS,
    mosaic_env_cfg,
    mosaic_id,
    mosaic_task,
    mosaic_task_of_id,
    mosaic_views_of_id,
)

# Id, size of the policy's and of the teacher's observations, runner: MOSAIC's table.
G1 = [
    ("Tracking-Flat-G1-v0", 800, 0, "ppo"),
    ("Tracking-Flat-G1-Wo-State-Estimation-v0", 770, 0, "ppo"),
    ("Tracking-Flat-G1-Low-Freq-v0", 800, 0, "ppo"),
    ("General-Tracking-Flat-G1-v0", 800, 0, "ppo"),
    ("General-Tracking-Flat-G1-Wo-State-Estimation-v0", 770, 0, "ppo"),
    ("General-Tracking-Flat-G1-Low-Freq-v0", 800, 0, "ppo"),
    ("Expert-General-Tracking-Flat-G1-v0", 286, 0, "ppo"),
    ("Expert-General-Tracking-Flat-G1-MOSAIC-v0", 286, 0, "expert-hybrid"),
    ("Distillation-General-Tracking-Flat-G1-v0", 770, 286, "distillation"),
    ("MOSAIC-Distill-General-Tracking-Flat-G1-v0", 770, 286, "hybrid"),
    ("MOSAIC-Pure-Distill-General-Tracking-Flat-G1-v0", 770, 286, "pure-distill"),
    ("MOSAIC-RL-Continue-General-Tracking-Flat-G1-v0", 770, 286, "rl-continue"),
    ("MOSAIC-Residual-General-Tracking-Flat-G1-v0", 770, 286, "residual"),
    ("MOSAIC-MultiTeacher-Residual-Tracking-Flat-G1-v0", 770, 770, "multi-teacher-residual"),
    ("General-Tracking-Flat-G1-Wo-State-Estimation-v0-World-Coordinate-Reward", 770, 0, "ppo"),
]
OTHERS = [
    f"{prefix}Tracking-Flat-{robot}{middle}-v0"
    for robot in ("H1_2", "Adam")
    for prefix in ("", "General-")
    for middle in ("", "-Wo-State-Estimation", "-Low-Freq")
]
# Numbers of one term that the critic of an id sees, G1.
TERMS = {
    "command": 58, "motion_anchor_pos_b": 3, "motion_anchor_ori_b": 6, "body_pos": 42,
    "body_ori": 84, "base_lin_vel": 3, "ref_base_lin_vel": 3, "base_ang_vel": 3, "joint_pos": 29,
    "joint_vel": 29, "actions": 29,
}  # fmt: skip


def test_the_table_holds_fifteen_ids_of_the_g1_and_six_of_each_other_robot():
    assert set(MOSAIC_IDS) == {name for name, *_ in G1} | set(OTHERS)
    assert len(MOSAIC_IDS) == 27
    with pytest.raises(UnknownNameError, match="did you mean 'Tracking-Flat-G1-v0'"):
        mosaic_task_of_id("Tracking-Flat-G1")


@pytest.mark.parametrize(("name", "policy", "teacher", "runner"), G1)
def test_ids_of_the_g1_have_the_published_observations(name, policy, teacher, runner, walk):
    library = walk
    if "Low-Freq" in name:
        library = MotionLibrary.from_clips([walk.clip(0)], robot="unitree_g1", fps=25)
    cfg = mosaic_env_cfg(name, library, num_envs=2)

    def size(group: str) -> int:
        entry = cfg.observations[group]
        return (entry.history_length or 1) * sum(TERMS[term] for term in entry.terms)

    assert size("actor") == policy and size("critic") == 289
    assert (size("teacher") if "teacher" in cfg.observations else 0) == teacher
    assert mosaic_id(name).runner == runner
    task = mosaic_task_of_id(name)
    low = "Low-Freq" in name
    assert (cfg.decimation, task.action_rate_weight) == ((8, -0.05) if low else (4, -0.1))
    assert cfg.rewards["action_rate"].weight == task.action_rate_weight
    assert cfg.events["foot_friction"].params["range"] == (0.3, 1.6)
    assert cfg.scene.terrain.terrain_type == "generator"
    # One clip: a new start inside the episode; many: the end of the clip ends it.
    assert ("clip_end" in cfg.terminations) == ("General" in name or "MultiTeacher" in name)


def test_duplicates_are_duplicates():
    for name, entry in MOSAIC_IDS.items():
        if entry.same_as:
            assert mosaic_task_of_id(name) == mosaic_task_of_id(entry.same_as)
            assert mosaic_views_of_id(name) == mosaic_views_of_id(entry.same_as)
    assert sum(bool(entry.same_as) for entry in MOSAIC_IDS.values()) == 6


@pytest.mark.parametrize("name", OTHERS)
def test_ids_of_other_robots(name):
    task = mosaic_task_of_id(name)
    assert task.robot == ("unitree_h1_2" if "H1_2" in name else "pnd_adam_lite")
    assert task.control_hz == (25 if "Low-Freq" in name else 50)
    assert task.state_estimation == ("Wo-State" not in name)
    assert (task.physics_hz, task.decimation) == (500, 500 // task.control_hz)
    cfg = mosaic_env_cfg(name, "builtin:walk", num_envs=1)
    assert cfg.sim.mujoco.timestep == pytest.approx(0.002)


@pytest.mark.parametrize(
    "name",
    [
        "Tracking-Flat-G1-v0",
        "MOSAIC-Distill-General-Tracking-Flat-G1-v0",
        "General-Tracking-Flat-H1_2-v0",
        "General-Tracking-Flat-Adam-Low-Freq-v0",
    ],
)
def test_environments_of_ids_step(name):
    task = mosaic_task_of_id(name)
    clip = builtin_motion("walk", task.robot)
    library = MotionLibrary.from_clips([clip], robot=task.robot, fps=task.control_hz)
    env = make_env(mosaic_env_cfg(name, library, num_envs=2), engine="native", device="cpu")
    obs, _ = env.reset()
    for _ in range(5):
        obs, reward, *_ = env.step(torch.zeros(2, env.action_manager.total_action_dim))
    assert torch.isfinite(reward).all() and torch.isfinite(obs["critic"]).all()
    assert env.sim.full_refresh is False and env.substep_plan.one_call
    env.close()


def test_changes_win_over_mosaics_values(walk):
    task = mosaic_task(history=1, ground="plane", reward="beyondmimic")
    assert (task.history, task.ground, task.reward) == (1, "plane", "beyondmimic")
    with pytest.raises(TypeError, match="histroy"):
        mosaic_task(histroy=3)
    # An expert's view of a student's task, as distillation needs it.
    views = {"teacher": mosaic_task(privileged=True)}
    cfg = tracking_env_cfg(TrackingTask(history=5), walk, num_envs=1, views=views)
    assert list(cfg.observations) == ["actor", "critic", "teacher"]
    assert math.isclose(sum(mosaic_id(G1[13][0]).group_ratios.values()), 1.0)
