"""Randomisation touches what it should and nothing else; pushes; curriculum; contacts."""

from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_rotate
from mimiclab.tasks.foot_friction import _check_priority, _foot_pairs
from mimiclab.tasks.tracking import CurriculumCfg
from mimiclab.tasks.tracking.disturbance import PUSH_VELOCITY
from mimiclab.tasks.tracking.mdp.events import push

ON = {"randomisation": True, "pushes": False, "noise": False}


def command(env):
    return env.command_manager.get_term("motion")


def test_friction_of_the_feet_reaches_their_contacts(make):
    env = make(num_envs=16, **ON)
    model = env.sim.mj_model
    feet = [i for i in range(model.ngeom) if "_foot" in model.geom(i).name]
    assert len(feet) == 14
    friction = env.sim.model.geom_friction
    values = friction[:, feet, 0]
    assert (values == values[:, :1]).all()
    assert (values >= 0.3).all() and (values <= 1.2).all() and float(values.std()) > 0.1
    others = [i for i in range(model.ngeom) if i not in feet]
    same = torch.tensor(model.geom_friction[others], dtype=torch.float32)
    torch.testing.assert_close(friction[:, others], same.expand(16, -1, -1))
    # MuJoCo itself says which friction a contact has.
    data = mujoco.MjData(model)
    clean = model.geom_friction.copy()
    try:
        model.geom_friction[:] = friction[3].numpy()
        data.qpos[:] = env.sim.data.qpos[3].numpy()
        data.qpos[2] -= 0.03
        mujoco.mj_forward(model, data)
        found = [
            data.contact[i].friction[0]
            for i in range(data.ncon)
            if set(data.contact[i].geom) & set(feet)
        ]
    finally:
        model.geom_friction[:] = clean
    assert found and np.allclose(found, float(values[3, 0]))


def test_friction_that_would_not_count_is_refused():
    def model(priority: int) -> mujoco.MjModel:
        return mujoco.MjModel.from_xml_string(
            f"""<mujoco><worldbody><geom name="floor" type="plane" size="1 1 1"/>
            <body pos="0 0 1"><freejoint/><geom name="foot" size=".1" priority="{priority}"/>
            <geom name="other" pos="0 0 1" size=".1"/></body></worldbody>
            <contact><pair geom1="floor" geom2="foot"/><pair geom1="floor" geom2="other"/></contact>
            </mujoco>"""
        )

    weak = model(0)
    foot = weak.geom("foot").id
    with pytest.raises(RobotError, match="no priority over the floor"):
        _check_priority(weak, [foot])
    strong = model(1)
    _check_priority(strong, [foot])
    assert _foot_pairs(strong, [foot]) == [0]


def test_joint_offsets_shift_observation_and_target_alike(make):
    env = make(num_envs=16, **ON)
    term = command(env)
    shift = term.default_joint_pos - term.nominal_joint_pos
    assert float(shift.abs().max()) <= 0.01 and float(shift.abs().max()) > 0.009
    obs = term.start(torch.zeros(16, dtype=torch.long), torch.zeros(16))
    joints = slice(58 + 3 + 6 + 42 + 84 + 6, 58 + 3 + 6 + 42 + 84 + 6 + 29)
    expected = env.sim.data.qpos[:, 7:] - term.nominal_joint_pos - shift
    torch.testing.assert_close(obs["critic"][:, joints], expected)
    env.action_manager.process_action(torch.zeros(16, 29))
    env.action_manager.apply_action()
    target = term.entity.data.joint_pos_target
    torch.testing.assert_close(target, term.nominal_joint_pos + shift)


def test_only_the_torso_mass_centre_moves(make):
    env = make(num_envs=16, **ON)
    model = env.sim.mj_model
    torso = model.body("robot/torso_link").id
    moved = env.sim.model.body_ipos - torch.tensor(model.body_ipos, dtype=torch.float32)
    largest = moved[:, torso].abs().amax(0)
    limits = torch.tensor([0.025, 0.05, 0.05])
    assert (largest <= limits + 1e-6).all() and (largest > 0.7 * limits).all()
    moved[:, torso] = 0
    assert float(moved.abs().max()) < 1e-7


def test_without_randomisation_all_environments_are_nominal(make):
    env = make(randomisation=False, pushes=False)
    term = command(env)
    assert torch.equal(term.default_joint_pos, term.nominal_joint_pos)
    assert list(env.event_manager.available_modes) == []


def test_a_push_changes_the_root_velocity_in_world_axes(make):
    env = make(num_envs=256, pushes=True, randomisation=False, seed=8)
    term = command(env)
    n = env.num_envs
    term.start(torch.zeros(n, dtype=torch.long), torch.full((n,), 1.0))
    data = env.sim.data
    before = data.qvel.clone()
    push(env, None, scale=1.0)
    change = data.qvel - before
    assert float(change[:, 6:].abs().max()) == 0.0
    spin = quat_rotate(data.qpos[:, 3:7], change[:, 3:6])
    limits = torch.tensor(PUSH_VELOCITY)
    largest = torch.cat([change[:, :3], spin], dim=1).abs().amax(0)
    assert (largest <= limits + 1e-5).all() and (largest > 0.9 * limits).all()
    term.difficulty = 0.0
    before = data.qvel.clone()
    push(env, torch.tensor([1, 2]), scale=1.0)
    term.difficulty = 1.0
    assert torch.equal(data.qvel, before)


def test_pushes_come_every_one_to_three_seconds(make, monkeypatch):
    env = make(num_envs=64, pushes=True, randomisation=False, seed=8)
    cfg = env.event_manager.get_term_cfg("push")
    counts = torch.zeros(64)

    def count(_, env_ids, scale):
        counts[env_ids] += 1

    monkeypatch.setattr(cfg, "func", count)
    env.event_manager.reset()
    for _ in range(600):
        env.event_manager.apply(mode="interval", dt=0.02)
    assert counts.min() >= 4 and counts.max() <= 12
    assert float(counts.mean()) == pytest.approx(6.0, abs=0.7)


def test_curriculum_follows_success_and_is_saved(make):
    cfg = CurriculumCfg(enabled=True, start=0.25, per_second=0.5)
    env = make(curriculum=cfg, fresh=True, num_envs=4)
    term = command(env)
    rule = env.curriculum_manager.get_term_cfg("disturbance").func
    assert term.difficulty == 0.25
    rule.success = 0.9
    env.common_step_counter += 50  # one second
    env.curriculum_manager.compute(env_ids=torch.arange(4))
    assert term.difficulty == pytest.approx(0.75)
    saved = rule.state_dict()
    assert saved == {"difficulty": pytest.approx(0.75), "success": pytest.approx(0.9)}
    other = make(curriculum=cfg, fresh=True, num_envs=4, seed=1)
    rule2 = other.curriculum_manager.get_term_cfg("disturbance").func
    rule2.load_state_dict(saved)
    assert command(other).difficulty == pytest.approx(0.75) and rule2.success == 0.9


def test_difficulty_scales_observation_noise(make):
    def spread(difficulty: float) -> float:
        cfg = CurriculumCfg(enabled=True, start=difficulty, per_second=0.0)
        env = make(curriculum=cfg, fresh=True, num_envs=64, randomisation=False, pushes=False)
        command(env).start(torch.zeros(64, dtype=torch.long), torch.zeros(64))
        velocity = env.observation_manager.compute()["actor"][:, 67:70]  # base_lin_vel
        return float((velocity.amax(0) - velocity.amin(0)).max())

    assert spread(0.0) < 1e-5
    assert spread(0.1) == pytest.approx(0.1, abs=0.02)  # +-0.5 m/s, times 0.1
    assert spread(1.0) == pytest.approx(1.0, abs=0.1)


def test_falls_lower_the_success_average(make):
    env = make(curriculum=CurriculumCfg(enabled=True, start=1.0), fresh=True, num_envs=4)
    rule = env.curriculum_manager.get_term_cfg("disturbance").func
    rule.success = 0.8
    command(env).start(torch.zeros(4, dtype=torch.long), torch.full((4,), 0.2))
    env.sim.data.qpos[:2, 2] -= 0.4
    _, _, failed, _, extras = env.step(torch.zeros(4, 29))
    assert failed.sum() == 2
    assert rule.success == pytest.approx(0.8 * np.exp(-2 / 64))
    assert extras["log"]["Curriculum/disturbance/success"] == pytest.approx(rule.success)


def test_contacts_of_a_lying_robot_count_and_feet_do_not(make):
    env = make(randomisation=False, pushes=False, num_envs=2, reset_noise=0.0)
    term = command(env)
    term.start(torch.zeros(2, dtype=torch.long), torch.zeros(2))
    env.sim.data.qpos[1, 2] = 0.07  # on its back
    env.sim.data.qpos[1, 3:7] = torch.tensor([0.7071068, 0.0, -0.7071068, 0.0])
    seen = {}
    original = env.reward_manager.compute

    def spy(dt):
        out = original(dt)
        seen["count"] = (env.reward_manager._step_reward[:, 8] / -0.1).clone()
        return out

    env.reward_manager.compute = spy
    try:
        env.step(torch.zeros(2, 29))
    finally:
        env.reward_manager.compute = original
    assert seen["count"][0] == 0 and seen["count"][1] >= 1
    sensor = env.scene["body_contacts"]
    watched = sensor.primary_names
    assert "torso_link" in watched and not set(watched) & set(term.robot.end_effectors)
    assert env.substep_plan.one_call and not env.sim.full_refresh


def test_contact_history_is_read_at_every_physics_step(make):
    env = make(contact_history=True, num_envs=2)
    env.step(torch.zeros(2, 29))
    assert env.substep_plan.read_reasons
    assert env.scene["body_contacts"].data.force_history.shape == (2, 14, 3, 3)


def test_drawing_names_every_body(make):
    env = make(num_envs=2)
    frames = []
    visualizer = SimpleNamespace(
        get_env_indices=lambda n: [1], add_frame=lambda **kwargs: frames.append(kwargs["label"])
    )
    command(env)._debug_vis_impl(visualizer)
    assert len(frames) == 3 * 14 and "robot_torso_link_1" in frames
