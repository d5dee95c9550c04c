"""Starts, disturbances, and differences between environments; falls."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch

from mimiclab import robots
from mimiclab.errors import RobotError
from mimiclab.robots import get_robot
from mimiclab.robots.walking import fall_bodies, sole_centres, varied_masses
from mimiclab.tasks.velocity import PenaltyCfg, RandomisationCfg
from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.mdp.events import push

ALIKE = RandomisationCfg(enabled=False)


def names(env, which):
    return [env.sim.mj_model.body(i).name.removeprefix("robot/") for i in which]


def test_episodes_begin_upright_moving_and_bent(make):
    env = make(robot="booster_t1", num_envs=256, randomisation=ALIKE)
    qpos, qvel = env.sim.data.qpos, env.sim.data.qvel
    place = qpos[:, :2] - env.scene.env_origins[:, :2]
    assert place.abs().max() <= 1.0 and (place.abs().amax(0) > 0.95).all()
    assert torch.equal(qpos[:, 2], torch.full((256,), 0.68))
    torch.testing.assert_close(qpos[:, 3:7], torch.tensor([1.0, 0, 0, 0]).expand(256, 4))
    assert qvel[:, :6].abs().max() <= 0.5 and (qvel[:, :6].abs().amax(0) > 0.45).all()
    assert float(qvel[:, 6:].abs().max()) == 0.0
    default = torch.tensor(get_robot("booster_t1").default_pose, dtype=torch.float32)
    rests = default == 0
    assert float(qpos[:, 7:][:, rests].abs().max()) == 0.0
    ratio = qpos[:, 7:][:, ~rests] / default[~rests]
    assert ratio.min() >= 0.5 and ratio.max() <= 1.5
    assert (ratio.amin(0) < 0.55).all() and (ratio.amax(0) > 1.45).all()
    assert float((ratio[:, 0] - ratio[:, 1]).abs().max()) > 0.3  # each joint on its own


def test_actions_are_late_by_whole_control_steps(make):
    env = make(num_envs=64, fresh=True, randomisation=RandomisationCfg(action_delay_steps=(0, 2)))
    term = env.action_manager.get_term("joint_pos")
    assert set(term.lags.tolist()) == {0, 1, 2}
    data = velocity_command(env).robot.data
    given = [torch.full((64, 22), value) for value in (0.4, -0.8, 1.2)]
    for i, action in enumerate(given):
        env.action_manager.process_action(action)
        env.action_manager.apply_action()
        aimed = (data.joint_pos_target - data.default_joint_pos)[:, 0] / 0.25
        for lag in range(3):
            expected = 0.0 if lag > i else float(given[i - lag][0, 0])
            torch.testing.assert_close(
                aimed[term.lags == lag], torch.full_like(aimed[term.lags == lag], expected)
            )
    assert env.substep_plan.one_call
    env.action_manager.reset(torch.arange(64))
    env.action_manager.process_action(given[0])
    env.action_manager.apply_action()
    aimed = (data.joint_pos_target - data.default_joint_pos)[:, 0]
    assert float(aimed[term.lags > 0].abs().max()) == 0.0


def test_usual_delays_are_none_or_one_and_drawn_at_resets(make):
    env = make(num_envs=64)
    term = env.action_manager.get_term("joint_pos")
    before = term.lags.clone()
    assert set(before.tolist()) == {0, 1} and 0.25 < float(before.float().mean()) < 0.75
    env.reset()
    assert not torch.equal(term.lags, before)


def test_scales_of_actions(make):
    for by_effort in (False, True):
        env = make(num_envs=1, randomisation=ALIKE, action_scale_by_effort=by_effort)
        env.action_manager.process_action(torch.ones(1, 22))
        env.action_manager.apply_action()
        data, robot = velocity_command(env).robot.data, get_robot("booster_k1")
        aimed = (data.joint_pos_target - data.default_joint_pos)[0].numpy()
        expected = robot.action_scale if by_effort else np.full(22, 0.25)
        np.testing.assert_allclose(aimed, expected, rtol=1e-5)


def test_torque_noise_moves_torques_by_a_share_of_the_limits(make):
    cfg = replace(ALIKE, enabled=True, torque_noise=0.1, push_speed=0.0, gains=(1.0, 1.0))
    env = make(num_envs=128, randomisation=cfg)
    robot = get_robot("booster_k1")
    env.action_manager.process_action(torch.zeros(128, 22))
    env.action_manager.apply_action()
    data = velocity_command(env).robot.data
    torque = (data.joint_pos_target - data.default_joint_pos).numpy() * robot.stiffness
    share = np.abs(torque / robot.effort_limit)
    assert share.max() <= 0.1 + 1e-6 and (share.max(axis=0) > 0.09).all()


def test_gains_differ_by_joint_and_change_at_resets(make):
    env = make(num_envs=64)
    model, robot = env.sim.model, get_robot("booster_k1")
    order = [int(j) for j in env.sim.mj_model.actuator_trnid[:, 0]]
    joints = [robot.joint_names.index(env.sim.mj_model.joint(j).name[6:]) for j in order]
    kp = model.actuator_gainprm[:, :, 0] / torch.tensor(robot.stiffness[joints])
    kd = -model.actuator_biasprm[:, :, 2] / torch.tensor(robot.damping[joints])
    for factor in (kp, kd):
        assert factor.min() >= 0.9 - 1e-5 and factor.max() <= 1.1 + 1e-5
        assert (factor.amin(0) < 0.93).all() and (factor.amax(0) > 1.07).all()
    torch.testing.assert_close(model.actuator_biasprm[:, :, 1], -model.actuator_gainprm[:, :, 0])
    assert abs(np.corrcoef(kp[:, 0], kp[:, 1])[0, 1]) < 0.5
    assert abs(np.corrcoef(kp[:, 0], kd[:, 0])[0, 1]) < 0.5
    before = kp.clone()
    env.reset()
    after = model.actuator_gainprm[:, :, 0] / torch.tensor(robot.stiffness[joints])
    assert not torch.equal(before, after)


def test_masses_of_legs_and_torso(make):
    env = make(robot="booster_t1", num_envs=128)
    robot, model = get_robot("booster_t1"), env.sim.mj_model
    mass = env.sim.model.body_mass / torch.tensor(model.body_mass, dtype=torch.float32)
    legs = {"Trunk"} | {
        name for name in robot.body_names if name.startswith(("Hip", "Shank", "Ankle"))
    }
    legs |= {"Waist", *robot.feet}
    moved = {n for n in robot.body_names if float(mass[:, model.body("robot/" + n).id].std()) > 0}
    assert moved == legs == set(varied_masses(robot))
    thigh, trunk = model.body("robot/Hip_Yaw_Left").id, model.body("robot/Trunk").id
    assert mass[:, thigh].min() >= 0.9 and mass[:, thigh].max() <= 1.2
    assert mass[:, thigh].min() < 0.92 and mass[:, thigh].max() > 1.18
    nominal = float(model.body_mass[trunk])
    added = env.sim.model.body_mass[:, trunk] - nominal
    assert added.min() >= -0.1 * nominal - 1 and added.max() <= 0.2 * nominal + 3
    assert added.min() < -1.0 and added.max() > 0.2 * nominal + 1
    # Inertia changes with mass, so a body keeps its shape.
    inertia = env.sim.model.body_inertia[:, thigh, 0] / float(model.body_inertia[thigh, 0])
    torch.testing.assert_close(inertia, mass[:, thigh], rtol=1e-4, atol=0)


def test_masses_of_the_g1_leave_its_ankles_alone():
    found = varied_masses(get_robot("unitree_g1"))
    assert "pelvis" in found and "left_knee_link" in found and "right_hip_yaw_link" in found
    assert not any("ankle" in name or "torso" in name for name in found) and len(found) == 9


def test_mass_centre_of_the_torso(make):
    env = make(num_envs=64, randomisation=RandomisationCfg(com_offset_m=0.05))
    model = env.sim.mj_model
    moved = env.sim.model.body_ipos - torch.tensor(model.body_ipos, dtype=torch.float32)
    trunk = model.body("robot/Trunk").id
    assert moved[:, trunk].abs().max() <= 0.05 + 1e-6
    assert (moved[:, trunk].abs().amax(0) > 0.04).all()
    moved[:, trunk] = 0
    assert float(moved.abs().max()) < 1e-7


def contact_friction(env, world: int) -> list[float]:
    """Sliding friction of the contacts that MuJoCo itself makes between feet and ground."""
    model, data = env.sim.mj_model, mujoco.MjData(env.sim.mj_model)
    expanded = {name: getattr(env.sim.model, name)[world] for name in env.sim.expanded_fields}
    clean = {}
    try:
        for name in ("geom_friction", "pair_friction"):
            if name in expanded:
                clean[name] = getattr(model, name).copy()
                getattr(model, name)[:] = expanded[name].numpy()
        data.qpos[:] = model.qpos0
        data.qpos[7:] = get_robot("booster_k1").default_pose
        data.qpos[2] = get_robot("booster_k1").default_root_height - 0.005
        mujoco.mj_forward(model, data)
        return [float(data.contact[i].friction[0]) for i in range(data.ncon)]
    finally:
        for name, values in clean.items():
            getattr(model, name)[:] = values


def test_friction_reaches_the_contacts_of_feet(make):
    env = make(num_envs=16)
    values = [contact_friction(env, i) for i in range(16)]
    assert all(found and max(found) == min(found) for found in values)
    drawn = np.array([found[0] for found in values])
    assert drawn.min() >= 0.1 and drawn.max() <= 1.0 and drawn.std() > 0.1


def test_friction_reaches_explicit_contact_pairs(make, monkeypatch):
    plain = get_robot("booster_k1")

    def paired() -> mujoco.MjSpec:
        spec = plain.spec_fn()
        # A pair of two parts of the robot, as the floor is not in the robot's own model.
        spec.add_pair(
            name="feet", geomname1="left_foot1_collision", geomname2="right_foot1_collision",
            friction=[0.8, 0.8, 0.005, 1e-4, 1e-4],
        )  # fmt: skip
        return spec

    known = {**robots._ROBOTS, "paired": replace(plain, name="paired", spec_fn=paired)}
    monkeypatch.setattr(robots, "_ROBOTS", known)
    env = make(robot="paired", num_envs=16)
    feet = env.sim.mj_model.geom("robot/left_foot1_collision").id
    pairs = env.sim.model.pair_friction[:, 0]
    torch.testing.assert_close(pairs[:, 0], env.sim.model.geom_friction[:, feet, 0])
    torch.testing.assert_close(pairs[:, 1], pairs[:, 0])
    assert float(pairs[:, 0].std()) > 0.1


def test_a_push_replaces_the_horizontal_velocity(make):
    env = make(num_envs=256)
    before = env.sim.data.qvel.clone()
    push(env, torch.arange(128), speed=1.0)
    after = env.sim.data.qvel
    assert torch.equal(after[128:], before[128:]) and torch.equal(after[:, 2:], before[:, 2:])
    pushed = after[:128, :2]
    assert pushed.abs().max() <= 1.0 and (pushed.abs().amax(0) > 0.9).all()
    cfg = env.event_manager.get_term_cfg("push")
    assert cfg.interval_range_s == (5.0, 10.0) and cfg.params == {"speed": 1.0}


def test_nothing_differs_without_randomisation(make):
    env = make(num_envs=4, randomisation=ALIKE, penalties=PenaltyCfg(enabled=False))
    assert set(env.event_manager.available_modes) == {"reset"}
    assert not env.sim.expanded_fields
    assert float(env.action_manager.get_term("joint_pos").lags.sum()) == 0


@pytest.mark.parametrize(
    ("robot", "watched"),
    [
        ("unitree_g1", {"pelvis", "left_shoulder_yaw_link", "right_hip_roll_link"}),
        ("booster_t1", {"Trunk", "Waist", "H1", "H2", "AL1", "AR1", "Hip_Yaw_Left"}),
        ("booster_k1", {"Trunk", "Head_2", "Left_Arm_1", "Right_Arm_3", "Left_Hip_Yaw"}),
        ("unitree_h1", {"pelvis", "torso_link"}),
    ],
)
def test_bodies_of_a_fall_exist_and_can_collide(robot, watched):
    found = set(fall_bodies(get_robot(robot)))
    assert watched <= found and not found & set(get_robot(robot).feet)
    wrong = replace(get_robot(robot), fall_bodies=("Shoulder.*",))
    with pytest.raises(RobotError, match="Shoulder"):
        fall_bodies(wrong)


def test_a_robot_that_lies_has_fallen_and_one_that_stands_has_not(make):
    env = make(num_envs=3, fresh=True, play=True)
    env.sim.data.qpos[0, 2] = get_robot("booster_k1").default_root_height
    env.sim.data.qpos[1, 2] = 0.1
    env.sim.data.qpos[1, 3:7] = torch.tensor([0.7071068, 0.0, 0.7071068, 0.0])
    env.sim.data.qpos[2, 2] = 3.0
    fell = torch.zeros(3, dtype=torch.bool)
    for _ in range(10):
        _, _, fallen, late, _ = env.step(torch.zeros(3, 22))
        fell |= fallen
        assert not late.any()
    assert fell.tolist() == [False, True, False]
    assert env.substep_plan.one_call and not env.sim.full_refresh


def test_episodes_last_1000_steps(make):
    env = make(num_envs=2, fresh=True)
    env.episode_length_buf[:] = torch.tensor([999, 998])
    env.sim.data.qpos[:, 2] = 3.0
    _, _, fallen, late, _ = env.step(torch.zeros(2, 22))
    assert late.tolist() == [True, False] and not fallen.any()


def test_parts_of_the_robot_meet_only_if_asked(make):
    def touching(env) -> int:
        model = env.sim.mj_model
        parts = [i for i in range(model.ngeom) if model.geom(i).name.startswith("robot/")]
        a, b = model.geom_contype[parts], model.geom_conaffinity[parts]
        return int(((a[:, None] & b[None]) | (a[None] & b[:, None])).sum())

    assert touching(make(num_envs=1)) == 0
    assert touching(make(num_envs=1, self_collision=True)) > 0


def test_soles_are_where_feet_touch_the_ground():
    for name in ("unitree_g1", "booster_t1", "booster_k1", "unitree_h1"):
        left, right = sole_centres(get_robot(name))
        np.testing.assert_allclose(left * [1, -1, 1], right, atol=1e-3)
    assert sole_centres(get_robot("unitree_g1"))[0, 2] == pytest.approx(-0.035, abs=1e-4)
