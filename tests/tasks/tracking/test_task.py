import json
from dataclasses import asdict, replace

import pytest
import torch

from mimiclab.errors import MimiclabError, MotionError, RobotError, UnknownNameError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.mosaic import mosaic_task


def test_task_is_plain_data():
    json.dumps(asdict(TrackingTask(horizon_s=(0.1, 0.2), motion_id=True)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("control_hz", 30, "divisor of the physics rate"),
        ("control_hz", 0, "divisor of the physics rate"),
        ("clip_end", "hold", "'terminate' or 'wrap'"),
        ("horizon_s", (0.1, 0.0), "must be positive"),
        ("action_scale", 0.0, "more than 0"),
        ("episode_length_s", -1.0, "more than 0"),
        ("reset_noise", -0.1, "0 or more"),
    ],
)
def test_values_that_cannot_work_are_refused(field, value, message):
    with pytest.raises(MimiclabError, match=message):
        TrackingTask(**{field: value})


def test_the_nominal_task_is_what_the_policy_was_made_for():
    """All that it sees and does stays; what a run varies is gone."""
    task = mosaic_task(sampler=SamplerCfg(group_ratios={"a": 1.0}), actuator_delay_s=(0.0, 0.02))
    task.curriculum.enabled = True
    before, after = asdict(task), asdict(task.nominal())
    assert {name for name in before if before[name] != after[name]} == {
        "noise", "pushes", "randomisation", "ground", "actuator_delay_s", "sampler", "curriculum",
    }  # fmt: skip
    assert after["ground"] == "plane" and not after["curriculum"]["enabled"]
    assert not (after["noise"] or after["pushes"] or after["randomisation"])
    assert task.nominal().nominal() == task.nominal()


def test_slower_control_keeps_ppo_settings_in_seconds():
    assert TrackingTask().ppo_hints() == {
        "steps_per_env": 24,
        "discount": pytest.approx(0.99),
        "gae_lambda": pytest.approx(0.95),
    }
    slow = TrackingTask(control_hz=25)
    assert slow.ppo_hints() == {
        "steps_per_env": 12,
        "discount": pytest.approx(0.9801),
        "gae_lambda": pytest.approx(0.9025),
    }
    assert slow.action_rate_weight == pytest.approx(-0.05)
    assert slow.decimation == 8


def test_weights_limits_and_ranges_are_those_published(walk):
    cfg = tracking_env_cfg(TrackingTask(), walk, num_envs=1)
    rewards = {name: (t.weight, *t.params.values()) for name, t in cfg.rewards.items()}
    assert rewards == {
        "anchor_position": (0.5, 0.3),
        "anchor_orientation": (0.5, 0.4),
        "body_position": (1.0, 0.3),
        "body_orientation": (1.0, 0.4),
        "body_linear_velocity": (1.0, 1.0),
        "body_angular_velocity": (1.0, 3.14),
        "action_rate": (-0.1,),
        "joint_limit": (-10.0,),
        "undesired_contacts": (-0.1, 1.0),
    }
    limits = {name: (t.time_out, *t.params.values()) for name, t in cfg.terminations.items()}
    assert limits == {
        "time_out": (True,),
        "anchor_pos": (False, 0.25),
        "anchor_ori": (False, 0.8),
        "ee_body_pos": (False, 0.25),
        "clip_end": (True,),
    }
    assert cfg.decimation == 4 and cfg.sim.mujoco.timestep == 0.005
    assert cfg.episode_length_s == 10.0
    assert cfg.events["push"].interval_range_s == (1.0, 3.0)
    assert cfg.events["foot_friction"].params["range"] == (0.3, 1.2)
    assert cfg.events["joint_offset"].params["range_rad"] == (-0.01, 0.01)
    com = {0: (-0.025, 0.025), 1: (-0.05, 0.05), 2: (-0.05, 0.05)}
    assert cfg.events["torso_com"].params["ranges"] == com


def test_play_is_quiet_and_endless(walk):
    cfg = tracking_env_cfg(TrackingTask(), walk, num_envs=1, play=True)
    assert not cfg.events and not cfg.curriculum
    assert not cfg.observations["actor"].enable_corruption
    assert cfg.episode_length_s > 1e8 and "clip_end" not in cfg.terminations


def test_motions_that_do_not_fit_the_task_are_refused(g1, walk):
    with pytest.raises(MotionError, match=r"horizon of future frames needs: 'walk"):
        tracking_env_cfg(TrackingTask(horizon_s=(99.0,)), walk, num_envs=1)
    one_frame = MotionLibrary.from_clips([walk.clip(0).cut(0, 1)], robot=g1)
    with pytest.raises(MotionError, match="one control step needs"):
        tracking_env_cfg(TrackingTask(), one_frame, num_envs=1)
    few = MotionLibrary.from_clips([walk.clip(0)], robot=g1, body_names=("pelvis", "torso_link"))
    with pytest.raises(RobotError, match="lacks the bodies"):
        tracking_env_cfg(TrackingTask(), few, num_envs=1)
    other = MotionLibrary(walk.frames_table, replace(walk.index, robot="unitree_h1"))
    with pytest.raises(RobotError, match="are for robot 'unitree_h1'"):
        tracking_env_cfg(TrackingTask(), other, num_envs=1)
    with pytest.raises(UnknownNameError):
        tracking_env_cfg(TrackingTask(robot="unitree_g2"), walk, num_envs=1)


def test_a_saved_library_or_builtin_name_is_opened_with_the_environment(tmp_path, walk):
    walk.save(tmp_path / "walk.safetensors")
    cfg = tracking_env_cfg(TrackingTask(), tmp_path / "walk.safetensors", num_envs=1)
    env = make_env(cfg, engine="native", device="cpu", num_threads=1)
    term = env.command_manager.get_term("motion")
    assert term.library.content_hash == walk.content_hash
    cfg = tracking_env_cfg(TrackingTask(control_hz=25), "builtin:squat", num_envs=1)
    env = make_env(cfg, engine="native", device="cpu", num_threads=1)
    library = env.command_manager.get_term("motion").library
    assert library.clip_fps.tolist() == [25.0]
    assert torch.isfinite(env.reset()[0]["actor"]).all()
