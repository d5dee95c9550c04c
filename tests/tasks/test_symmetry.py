"""Mirrored states give mirrored observations, in real environments of both tasks."""

import math

import numpy as np
import pytest
import torch

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.learning.env_state import layout_of
from mimiclab.maths.rotations import quat_from_rotvec
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.sources import load_motions
from mimiclab.robots import get_robot
from mimiclab.robots.mirror import mirror_positions, mirror_quats
from mimiclab.simulation import make_env
from mimiclab.tasks.symmetry import (
    mirror_of_actions,
    mirror_of_group,
    mirror_of_layout,
    mirror_of_terms,
)
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.velocity import GroundCfg, VelocityTask, velocity_env_cfg
from mimiclab.tasks.velocity.command import velocity_command


def put_mirrored(env, robot, rng) -> None:
    """Disturb the robot of environment 0; environment 1 becomes its mirror image."""
    data, j = env.sim.data, robot.num_joints
    origin = env.scene.env_origins[0].numpy()
    pos = data.qpos[0, :3].numpy() - origin + rng.normal(0, 0.02, 3)
    turn = quat_from_rotvec(rng.normal(0, 0.2, 3))
    joints = data.qpos[0, 7:].numpy() + rng.normal(0, 0.1, j)
    lin, ang, speed = rng.normal(0, 0.5, 3), rng.normal(0, 0.5, 3), rng.normal(0, 1.0, j)
    states = [
        (pos, turn, joints, lin, ang, speed),
        (
            mirror_positions(pos),
            mirror_quats(turn),
            robot.mirror.joints(joints),
            mirror_positions(lin),
            -mirror_positions(ang),
            robot.mirror.joints(speed),
        ),
    ]
    for i, (p, q, joint, v, w, s) in enumerate(states):
        place = p + env.scene.env_origins[i].numpy()
        data.qpos[i] = torch.tensor(np.concatenate([place, q, joint]))
        data.qvel[i] = torch.tensor(np.concatenate([v, w, s]))
    env.sim.forward()


def assert_mirrored(env, robot, tolerance) -> None:
    seen = env.observation_manager.compute(update_history=True)
    groups, _ = mirror_of_layout(robot, layout_of(env, robot=robot.name))
    for name, mirror in groups.items():
        first, second = seen[name].numpy()
        np.testing.assert_allclose(mirror(first), second, atol=tolerance, err_msg=name)
        assert np.abs(first - second).max() > 0.1  # the state is not its own mirror image


@pytest.mark.parametrize("robot_name", ["unitree_g1", "booster_t1", "booster_k1"])
def test_velocity(robot_name):
    robot = get_robot(robot_name)
    task = VelocityTask(robot=robot_name, ground=GroundCfg(kind="plane"), noise=False)
    env = make_env(velocity_env_cfg(task, num_envs=2), engine="native", device="cpu")
    env.reset()
    rng = np.random.default_rng(1)
    term, actions = velocity_command(env), rng.normal(size=robot.num_joints)
    put_mirrored(env, robot, rng)
    term.hold(torch.tensor([[0.5, -0.3, 0.7], [0.5, 0.3, -0.7]]))
    term._clock[:] = torch.tensor([0.9, 0.9 - math.pi])
    both = np.stack([actions, mirror_of_actions(robot)(actions)])
    env.action_manager.process_action(torch.tensor(both, dtype=torch.float32))
    torch.testing.assert_close(term.phase[0].flip(0), term.phase[1])
    assert_mirrored(env, robot, 2e-5)
    for name in env.reward_manager.active_terms:
        cfg = env.reward_manager.get_term_cfg(name)
        first, second = cfg.func(env, **cfg.params).tolist()
        assert first == pytest.approx(second, rel=2e-2, abs=1e-3), name
    env.close()


def test_phases_of_one_who_stands_stay_possible():
    mirror = mirror_of_terms(get_robot("unitree_g1"), {"cos_phase": 2, "sin_phase": 2})
    assert mirror["cos_phase"](np.array([-1.0, -1.0])).tolist() == [-1.0, -1.0]
    assert mirror["sin_phase"](np.array([0.3, -0.3])).tolist() == [-0.3, 0.3]


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"horizon_s": (0.1, 0.3), "command_frames": 3, "history": 3},
        {"state_estimation": False, "command_velocity": False},
        {"privileged": True, "reference_velocity": True, "reference_gravity": True},
    ],
)
def test_tracking(variant):
    robot = get_robot("unitree_g1")
    clip = load_motions("builtin:walk", robot="unitree_g1")[0]
    library = MotionLibrary.from_clips([clip, mirror_clip(clip)], robot=robot.name, fps=50)
    task = TrackingTask(noise=False, randomisation=False, reset_noise=0.0, **variant)
    env = make_env(tracking_env_cfg(task, library, num_envs=2), engine="native", device="cpu")
    env.reset()
    env.command_manager.get_term("motion").start(torch.tensor([0, 1]), torch.tensor([0.7, 0.7]))
    rng = np.random.default_rng(2)
    actions = rng.normal(size=29)
    both = np.stack([actions, mirror_of_actions(robot)(actions)])
    put_mirrored(env, robot, rng)
    env.action_manager.process_action(torch.tensor(both, dtype=torch.float32))
    env.observation_manager.reset()
    # Bodies of the model are up to 2 mm from being mirror images.
    assert_mirrored(env, robot, 5e-3)
    env.close()


def test_mirroring_twice_gives_back_what_was_there():
    robot = get_robot("booster_t1")
    sizes = {"actions": 23, "base_lin_vel": 3, "body_ori": 84, "cos_phase": 4, "command": 46}
    mirror = mirror_of_group(robot, sizes, {"cos_phase": 2})
    values = np.random.default_rng(0).normal(size=(2, 160))
    np.testing.assert_array_equal(mirror(mirror(values)), values)


def test_what_has_no_mirror_image_is_refused():
    robot = get_robot("booster_t1")
    with pytest.raises(MimiclabError, match="mirrored clip"):
        mirror_of_terms(robot, {"motion_id": 4})
    with pytest.raises(UnknownNameError, match="dof_pos"):
        mirror_of_terms(robot, {"dof_poss": 23})
    with pytest.raises(MimiclabError, match=r"29 numbers .* expected 23"):
        mirror_of_terms(robot, {"dof_pos": 29})
    with pytest.raises(MimiclabError, match="in 2 frames"):
        mirror_of_terms(robot, {"dof_pos": 23}, {"dof_pos": 2})
