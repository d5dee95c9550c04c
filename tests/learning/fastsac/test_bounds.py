"""Bounds of actions: the target of the largest one is the joint's farther limit."""

from types import SimpleNamespace

import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.bounds import action_bounds
from mimiclab.learning.train import make_training_env
from mimiclab.motions.library.open import open_motions
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking import TrackingTask


@pytest.mark.parametrize("residual", [False, True])
def test_the_largest_action_of_every_joint_reaches_its_limit(residual: bool) -> None:
    robot = get_robot("unitree_g1")
    task = TrackingTask(residual_action=residual, randomisation=False)
    library = open_motions("builtin:squat", robot="unitree_g1", fps=50.0)
    env = make_training_env(task, library, TrainCfg(num_envs=2), "cpu", seed=0)
    try:
        bounds = action_bounds(env)
        assert bounds.shape == (29,)
        limits = torch.as_tensor(env.unwrapped.scene["robot"].data.joint_pos_limits[0])
        default = torch.as_tensor(env.unwrapped.scene["robot"].data.default_joint_pos[0])
        scale = torch.as_tensor(robot.action_scale, dtype=torch.float32)
        assert len(set(scale.tolist())) > 3  # joints do have scales of their own
        reach = bounds * scale
        if residual:
            torch.testing.assert_close(reach, limits[:, 1] - limits[:, 0])
        else:
            farther = torch.maximum(limits[:, 1] - default, default - limits[:, 0])
            torch.testing.assert_close(reach, farther)
            # The target itself, as the environment computes it from such an action.
            sign = torch.where(limits[:, 1] - default >= default - limits[:, 0], 1.0, -1.0)
            env.step((bounds * sign).expand(2, -1))
            term = env.unwrapped.action_manager.get_term("joint_pos")
            reached = torch.where(sign > 0, limits[:, 1], limits[:, 0])
            torch.testing.assert_close(term._processed_actions[0], reached, atol=1e-5, rtol=1e-5)
        assert action_bounds(env, 1.5).max() == 1.5
    finally:
        env.close()


def test_actions_without_limits_need_a_bound() -> None:
    env = SimpleNamespace(action_bounds=torch.tensor([1.0, float("inf"), 2.0]))
    env.unwrapped = env
    with pytest.raises(MimiclabError, match=r"actions \[1\].*--sac.action-bound"):
        action_bounds(env)
    assert action_bounds(env, 1.2).tolist() == pytest.approx([1.0, 1.2, 1.2])
