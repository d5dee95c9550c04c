"""Arguments of the velocity task: what is refused, what is stored, what variants change."""

import subprocess
import sys
from dataclasses import replace

import pytest

from mimiclab.errors import MimiclabError, RobotError, UnknownNameError
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.tasks.task import task_class
from mimiclab.tasks.velocity import (
    CommandCfg,
    GroundCfg,
    PenaltyCfg,
    RandomisationCfg,
    TileSharesCfg,
    VelocityTask,
    velocity_env_cfg,
)

PLANE = GroundCfg(kind="plane")


def test_arguments_are_light_and_known_by_their_kind():
    code = (
        "from mimiclab.tasks.velocity import VelocityTask; VelocityTask(); import sys; "
        "assert not {'torch', 'mjlab'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert task_class("velocity") is VelocityTask


def test_a_task_survives_being_stored():
    task = VelocityTask(
        robot="booster_k1",
        ground=GroundCfg(shares=TileSharesCfg(stairs=0.3), difficulties=(0.1,)),
        randomisation=RandomisationCfg(friction=(0.2, 0.3), action_delay_steps=(1, 2)),
        reward_weights={"alive": 3.0},
        observation_scales={"dof_vel": 0.2},
        command=CommandCfg(lin_vel_x=(-0.5, 1.5)),
    ).for_fastsac()
    assert from_plain(VelocityTask, to_plain(task)) == task


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control_hz": 30}, "divisor"),
        ({"history": 0}, "history"),
        ({"gait_hz_width": 1.5}, "gait_hz_width"),
        ({"action_scale": 0.0}, "action_scale"),
        ({"reset_noise": -1.0}, "reset_noise"),
        ({"command": CommandCfg(standing=1.2)}, "standing"),
        ({"command": CommandCfg(lin_vel_x=(1.0, -1.0))}, "lin_vel_x"),
        ({"command": CommandCfg(resample_s=0.0)}, "resample_s"),
        ({"randomisation": RandomisationCfg(friction=(-0.1, 1.0))}, "friction"),
        ({"randomisation": RandomisationCfg(gains=(1.1, 0.9))}, "gains"),
        ({"randomisation": RandomisationCfg(torque_noise=-0.1)}, "torque_noise"),
        ({"penalties": PenaltyCfg(start=0.1, lowest=0.5)}, "lowest <= start"),
        ({"penalties": PenaltyCfg(degree=1.0)}, "degree"),
    ],
)
def test_what_cannot_work_is_refused(change, message):
    with pytest.raises(MimiclabError, match=message):
        VelocityTask(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "hills"}, "hills"),
        ({"kind": "mesh"}, "mesh"),
        ({"kind": "plane", "mesh": "a.obj"}, "mesh"),
        ({"tile_m": 0.0}, "tile_m"),
        ({"difficulties": (1.5,)}, "difficulties"),
        ({"shares": TileSharesCfg(flat=0.0, rough=0.0, low_obstacles=0.0)}, "shares"),
        ({"border_m": -1.0}, "border_m"),
    ],
)
def test_ground_that_cannot_be_is_refused(change, message):
    with pytest.raises(MimiclabError, match=message):
        GroundCfg(**change)


def test_unknown_terms_are_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="feet_phase"):
        velocity_env_cfg(VelocityTask(ground=PLANE, reward_weights={"foot_phase": 1}), num_envs=1)
    with pytest.raises(UnknownNameError, match="dof_vel"):
        velocity_env_cfg(VelocityTask(ground=PLANE, observation_scales={"dofvel": 1}), num_envs=1)


def test_a_robot_without_level_soles_is_refused():
    with pytest.raises(RobotError, match="lfoot"):
        task = VelocityTask(robot="dm_cmu_humanoid", ground=PLANE)
        from mimiclab.simulation import make_env

        make_env(velocity_env_cfg(task, num_envs=1), engine="native", device="cpu")


def test_motions_and_views_are_refused():
    with pytest.raises(MimiclabError, match="motions"):
        VelocityTask().env_cfg("walk", num_envs=1)  # type: ignore[arg-type]
    with pytest.raises(MimiclabError, match="views"):
        VelocityTask().env_cfg(None, num_envs=1, views={"teacher": VelocityTask()})
    assert VelocityTask(ground=PLANE).env_cfg(None, num_envs=3, views={}).scene.num_envs == 3


def test_published_weights_and_those_of_fastsac():
    cfg = velocity_env_cfg(VelocityTask(ground=PLANE), num_envs=1)
    assert {name: term.weight for name, term in cfg.rewards.items()} == {
        "tracking_lin_vel": 2.0,
        "tracking_ang_vel": 1.5,
        "penalty_ang_vel_xy": -1.0,
        "penalty_orientation": -10.0,
        "penalty_action_rate": -2.0,
        "feet_phase": 5.0,
        "pose": -0.5,
        "penalty_close_feet_xy": -10.0,
        "penalty_feet_ori": -5.0,
        "alive": 1.0,
    }
    assert cfg.episode_length_s == 20.0 and cfg.decimation == 4
    task = VelocityTask(ground=PLANE, reward_weights={"pose": -0.1}).for_fastsac()
    cfg = velocity_env_cfg(task, num_envs=1)
    assert cfg.rewards["alive"].weight == 10.0 and cfg.rewards["pose"].weight == -0.1
    assert task.penalties == PenaltyCfg(start=0.5, lowest=0.5, highest=1.0, degree=1e-3)


def test_robots_get_their_published_numbers():
    def events(robot):
        return velocity_env_cfg(VelocityTask(robot=robot, ground=PLANE), num_envs=1).events

    g1, t1 = events("unitree_g1"), events("booster_t1")
    assert g1["foot_friction"].params["range"] == (0.5, 1.25)
    assert t1["foot_friction"].params["range"] == (0.1, 1.0)
    assert g1["torso_com"].params["ranges"][2] == (-0.05, 0.05) and "torso_com" not in t1
    assert g1["spawn"].params["height"] == 0.80 and t1["spawn"].params["height"] == 0.68
    assert VelocityTask().gait_width == 0.2 and VelocityTask(robot="booster_k1").gait_width == 0.0


def test_playing_is_calm():
    cfg = velocity_env_cfg(VelocityTask(history=2), num_envs=2, play=True)
    assert set(cfg.events) == {"spawn", "zero_padding"} and not cfg.curriculum
    assert cfg.events["spawn"].params["noise"] == 0.0
    assert cfg.events["spawn"].params["spawn"].offset_m == 0.0
    assert not cfg.observations["actor"].enable_corruption
    assert cfg.scene.terrain is not None and cfg.scene.terrain.terrain_type == "generator"
    nominal = replace(VelocityTask()).nominal()
    assert nominal.ground.kind == "plane" and not nominal.noise
