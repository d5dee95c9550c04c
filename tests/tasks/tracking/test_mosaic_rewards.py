"""MOSAIC's rewards: weights as published, every term against MuJoCo's own numbers."""

import math

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_multiply
from mimiclab.motions.kinematics import body_motion
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking import TrackingTask, rewards, tracking_env_cfg
from mimiclab.tasks.tracking.bodies import HEAD_AND_HANDS, BodyPoints, lower_and_upper

QUIET = {"reward": "mosaic", "noise": False, "pushes": False, "randomisation": False}


def test_formulas_by_hand():
    square = torch.tensor([[0.3, 0.6]])  # of two bodies, m^2
    assert float(rewards.gaussian_per_axis(square, 0.5)) == pytest.approx(math.exp(-0.15 / 0.25))
    assert rewards.sum_of_squares(torch.tensor([[3.0, -4.0]])).tolist() == [25.0]


def test_weights_and_widths_are_those_published(walk):
    cfg = tracking_env_cfg(TrackingTask(reward="mosaic"), walk, num_envs=1)
    assert {name: (t.weight, *t.params.values()) for name, t in cfg.rewards.items()} == {
        "anchor_position": (0.5, 0.3),
        "anchor_orientation": (0.5, 0.4),
        "body_position": (1.0, 0.3),
        "body_orientation": (1.0, 0.4),
        "body_linear_velocity": (1.5, 1.0),
        "body_angular_velocity": (1.5, 3.14),
        "anchor_linear_velocity": (1.0, 1.0),
        "world_position": (1.0, 0.5),
        "head_and_hands": (0.5, 0.5),
        "feet_position": (1.0, 0.5),
        "world_orientation": (0.5, 0.5),
        "world_angular_velocity": (0.5, 3.14),
        "world_linear_velocity": (0.5, 1.0),
        "undesired_contacts": (-0.05, 1.0),
        "action_rate": (-0.1,),
        "joint_limit": (-10.0,),
        "joint_acceleration": (-2.5e-7,),
        "joint_torque": (-1e-5,),
    }
    slow = tracking_env_cfg(TrackingTask(reward="mosaic", control_hz=25), walk, num_envs=1)
    assert slow.rewards["action_rate"].weight == pytest.approx(-0.05)


def test_lower_and_upper_bodies_of_the_g1_are_mosaics_and_the_wrists():
    robot = get_robot("unitree_g1")
    lower, upper = lower_and_upper(robot, robot.tracked_bodies)
    names = np.array(robot.tracked_bodies)
    assert list(names[lower]) == [
        "pelvis", "left_hip_roll_link", "left_knee_link", "left_ankle_roll_link",
        "right_hip_roll_link", "right_knee_link", "right_ankle_roll_link", "torso_link",
    ]  # fmt: skip
    assert list(names[upper]) == [
        "left_shoulder_roll_link", "left_elbow_link", "left_wrist_yaw_link",
        "right_shoulder_roll_link", "right_elbow_link", "right_wrist_yaw_link",
    ]  # fmt: skip
    order = list(reversed(range(len(names))))
    turned = lower_and_upper(robot, names[order])
    assert [set(names[order][ids]) for ids in turned] == [set(names[lower]), set(names[upper])]
    with pytest.raises(RobotError, match="all legs and trunk"):
        lower_and_upper(robot, ("pelvis", "left_knee_link"))


@pytest.mark.parametrize("name", ["unitree_g1", "booster_t1", "pnd_adam_lite", "unitree_h1"])
def test_head_and_hands_are_where_mujoco_has_them(name):
    # The T1's head sits on a neck of two joints whose bodies are not tracked.
    robot = get_robot(name)
    model, rng = robot.model, np.random.default_rng(0)
    data = mujoco.MjData(model)
    pos, quat, joints, expected = [], [], [], []
    ids = [model.body(body).id for body in robot.tracked_bodies]
    for _ in range(5):
        data.qpos[:3], data.qpos[3:7] = rng.normal(size=3), rng.normal(size=4)
        data.qpos[7:] = rng.uniform(-1, 1, size=robot.num_joints)
        mujoco.mj_kinematics(model, data)
        pos.append(data.xpos[ids])
        quat.append(data.xquat[ids])
        joints.append(data.qpos[7:].copy())
        points = [robot.landmarks[landmark] for landmark in HEAD_AND_HANDS]
        expected.append(
            [
                data.xpos[i] + data.xmat[i].reshape(3, 3) @ point.point
                for point in points
                for i in [model.body(point.body).id]
            ]
        )
    arrays = [torch.tensor(np.array(values)).float() for values in (pos, quat, joints)]
    got = BodyPoints(robot, HEAD_AND_HANDS, robot.tracked_bodies)(*arrays)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    # Each row is computed on its own, and the order of bodies does not matter.
    order = torch.arange(len(ids) - 1, -1, -1)
    names = [robot.tracked_bodies[i] for i in order]
    one = BodyPoints(robot, HEAD_AND_HANDS, names)(
        arrays[0][2:3, order], arrays[1][2:3, order], arrays[2][2:3]
    )
    torch.testing.assert_close(one[0], got[2])


def test_points_that_nothing_tracked_carries_are_refused():
    robot = get_robot("unitree_g1")
    with pytest.raises(RobotError, match="no landmarks tail"):
        BodyPoints(robot, ("tail",), robot.tracked_bodies)
    with pytest.raises(RobotError, match="track 'pelvis'"):
        BodyPoints(robot, ("head",), ("left_knee_link",))


def rates(env) -> dict[str, torch.Tensor]:
    """Reward terms of the last step, before weight and control step."""
    manager = env.reward_manager
    found = {}
    for i, name in enumerate(manager.active_terms):
        weight = manager.get_term_cfg(name).weight
        found[name] = manager._step_reward[:, i] / weight
    return found


def positive_terms(env) -> dict[str, torch.Tensor]:
    """Terms of the present state that are not penalties, before weight and control step."""
    term, manager = env.command_manager.get_term("motion"), env.reward_manager
    env.sim.forward()
    term._state = term._new_state(None)
    terms = {name: manager.get_term_cfg(name) for name in manager.active_terms}
    return {name: t.func(env, **t.params) for name, t in terms.items() if t.weight > 0}


def put_on_reference(env, times: torch.Tensor, turn: float = 0.0, shift: float = 0.0) -> None:
    """Put robots on the frames they are scored against, then turned about z and shifted along x."""
    term = env.command_manager.get_term("motion")
    term.start(torch.zeros(len(times), dtype=torch.long), times.double())
    term._write_state(torch.arange(len(times)), term.library.frames(term.clip, term.time_s), 0.0)
    qpos = env.sim.data.qpos
    qpos[:, 0] += shift
    z = torch.tensor([math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])
    qpos[:, 3:7] = quat_multiply(z.expand_as(qpos[:, 3:7]), qpos[:, 3:7].clone())


def test_a_robot_on_its_reference_earns_twelve_a_second(make):
    env = make(num_envs=3, **QUIET)
    put_on_reference(env, torch.tensor([0.0, 0.5, 1.0]))
    weights = {name: env.reward_manager.get_term_cfg(name).weight for name in positive_terms(env)}
    total = sum(weights[name] * value for name, value in positive_terms(env).items())
    torch.testing.assert_close(total, torch.full((3,), 12.0), atol=1e-3, rtol=0)


def test_a_shift_by_hand(make):
    # 0.4 m beside the reference: every squared distance in the world is 0.16 m^2.
    env = make(num_envs=2, **QUIET)
    put_on_reference(env, torch.tensor([0.3, 1.2]), shift=0.4)
    got = positive_terms(env)
    per_axis = math.exp(-0.16 / 3 / 0.25)
    expected = dict.fromkeys(got, 1.0) | {
        "anchor_position": math.exp(-0.16 / 0.09),
        "world_position": 2 * per_axis,
        "feet_position": per_axis,
        "head_and_hands": per_axis,
    }
    for name, value in got.items():
        torch.testing.assert_close(value, torch.full((2,), expected[name]), atol=2e-4, rtol=0)


def test_every_term_equals_mujoco(make, g1, walk):
    env = make(num_envs=3, **QUIET)
    times = torch.tensor([0.2, 0.8, 1.4])
    put_on_reference(env, times, turn=0.3, shift=0.1)
    rng = torch.Generator().manual_seed(4)
    env.sim.data.qpos[:, 7:] += 0.2 * torch.randn(3, 29, generator=rng)
    env.sim.data.qvel[:] += 0.5 * torch.randn(3, 35, generator=rng)
    got = positive_terms(env)
    motion = body_motion(walk.clip(0), g1)
    model, data = env.sim.mj_model, mujoco.MjData(env.sim.mj_model)
    names, anchor = list(g1.tracked_bodies), g1.tracked_bodies.index(g1.anchor_body)
    columns = [motion.body_names.index(name) for name in names]
    lower, upper = lower_and_upper(g1, names)
    for i, time_s in enumerate(times.tolist()):
        k = round(time_s * 50) + 1
        data.qpos[:], data.qvel[:] = env.sim.data.qpos[i].numpy(), env.sim.data.qvel[i].numpy()
        mujoco.mj_forward(model, data)
        ids = [model.body(f"robot/{name}").id for name in names]
        speeds = np.zeros((len(ids), 6))
        for row, body in zip(speeds, ids, strict=True):
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, row, 0)
        goal = motion.body_pos_w[k, columns] + env.scene.env_origins[i].numpy()
        square = ((data.xpos[ids] - goal) ** 2).sum(-1)
        goal_quat = motion.body_quat_wxyz_w[k, columns]
        angle = 2 * np.arccos(np.clip(np.abs((data.xquat[ids] * goal_quat).sum(-1)), 0, 1))
        lin = ((speeds[:, 3:] - motion.body_lin_vel_w[k, columns]) ** 2).sum(-1)
        ang = ((speeds[:, :3] - motion.body_ang_vel_w[k, columns]) ** 2).sum(-1)
        feet = [names.index(name) for name in g1.feet]
        three = []
        for landmark in HEAD_AND_HANDS:
            point = g1.landmarks[landmark]
            j = names.index(point.body)
            mat = np.zeros(9)
            mujoco.mju_quat2Mat(mat, goal_quat[j])
            there = goal[j] + mat.reshape(3, 3) @ point.point
            here = data.xpos[ids[j]] + data.xmat[ids[j]].reshape(3, 3) @ point.point
            three.append(((there - here) ** 2).sum())
        expected = {
            "anchor_position": np.exp(-square[anchor] / 0.09),
            "anchor_orientation": np.exp(-(angle[anchor] ** 2) / 0.16),
            "body_linear_velocity": np.exp(-lin.mean()),
            "body_angular_velocity": np.exp(-ang.mean() / 3.14**2),
            "anchor_linear_velocity": np.exp(-lin[anchor]),
            "world_position": np.exp(-square[lower].mean() / 0.75)
            + np.exp(-square[upper].mean() / 0.75),
            "head_and_hands": np.exp(-np.mean(three) / 0.75),
            "feet_position": np.exp(-square[feet].mean() / 0.75),
            "world_orientation": np.exp(-(angle**2).mean() / 0.25),
            "world_angular_velocity": np.exp(-ang.mean() / 3 / 3.14**2),
            "world_linear_velocity": np.exp(-lin.mean() / 3),
        }
        for name, value in expected.items():
            assert float(got[name][i]) == pytest.approx(value, abs=2e-3), name
    alone = {name: value[1] for name, value in got.items()}
    env.sim.data.qpos[0], env.sim.data.qpos[2] = env.sim.data.qpos[2].clone(), 0.0
    env.sim.data.qpos[2, 3] = 1.0
    for name, value in positive_terms(env).items():  # other environments play no part
        torch.testing.assert_close(value[1], alone[name])


def test_acceleration_is_the_change_of_velocity_in_the_last_physics_step(make):
    env = make(num_envs=3, **QUIET)
    assert env.substep_plan.one_call and not env.sim.full_refresh
    velocities = []
    step = env.sim.step

    def watched(nstep: int = 1) -> None:
        for _ in range(nstep):
            velocities.append(env.sim.data.qvel[:, 6:].clone())
            step(1)
        velocities.append(env.sim.data.qvel[:, 6:].clone())
        torques.append(env.sim.data.qfrc_actuator[:, 6:].clone())

    torques: list[torch.Tensor] = []
    env.sim.step = watched
    try:
        for _ in range(3):
            env.step(0.5 * torch.randn(3, 29))
            got = rates(env)
            change = (velocities[-1] - velocities[-2]) / 0.005
            expected = change.square().sum(-1)
            torch.testing.assert_close(got["joint_acceleration"], expected, rtol=1e-3, atol=1e-2)
            torch.testing.assert_close(
                got["joint_torque"], torques[-1].square().sum(-1), rtol=1e-3, atol=1e-2
            )
    finally:
        env.sim.step = step
