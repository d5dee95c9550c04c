"""The tracking task of every robot that ships: it builds, steps, and a standing robot stands."""

import pytest
import torch

from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg


@pytest.mark.parametrize(
    "name",
    ["unitree_h1", "unitree_h1_2", "booster_t1", "booster_t1_29", "booster_k1", "pnd_adam_lite"],
)
def test_task_builds_and_a_residual_policy_of_zeros_keeps_standing(name):
    robot = get_robot(name)
    library = MotionLibrary.from_clips([builtin_motion("stand", name)], robot=robot, fps=50)
    task = TrackingTask(robot=name, residual_action=True, reset_noise=0.0)
    env = make_env(tracking_env_cfg(task, library, num_envs=2, play=True), engine="native")
    try:
        env.reset()
        action = torch.zeros(2, robot.num_joints)
        for _ in range(20):
            obs, reward, ended, _, _ = env.step(action)
            assert not ended.any()
            assert all(torch.isfinite(values).all() for values in obs.values())
        assert (reward > 0.02).all()
        assert tuple(env.scene["robot"].joint_names) == robot.joint_names
    finally:
        env.close()
