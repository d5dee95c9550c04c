import contextlib
import io
import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.errors import EngineError
from mimiclab.simulation.env import make_env
from mimiclab.simulation.native_fields import kinematic_sensor_columns


def native(cfg, **options):
    return make_env(cfg, engine="native", **options)


@pytest.mark.parametrize("randomise", [False, True])
def test_physics_is_plain_mujoco_with_each_simulations_own_model(
    standing_cfg, actions, plain, randomise
):
    env = native(standing_cfg(3, randomise=randomise, spread=0.05))
    env.reset()
    worlds = [plain(env, i) for i in range(3)]
    for step in range(15):
        env.step(actions(step, 3))
        for i, (model, data) in enumerate(worlds):
            data.ctrl[:] = env.sim.data.ctrl[i].numpy()
            mujoco.mj_step(model, data, env.cfg.decimation)
    for i, (_, data) in enumerate(worlds):
        # float32 views of the state are rounded copies; the engine itself keeps double precision.
        np.testing.assert_allclose(env.sim.data.qpos[i], data.qpos, atol=2e-6)
        np.testing.assert_allclose(env.sim.data.qvel[i], data.qvel, atol=2e-4)


def test_randomised_fields_differ_and_constants_follow(standing_cfg):
    env = native(standing_cfg(3, randomise=True))
    torso = env.sim.mj_model.body("robot/torso_link").id
    mass = env.sim.model.body_mass[:, torso]
    assert mass.unique().numel() == 3
    default = env.sim.get_default_field("body_mass")
    assert default[torso] == pytest.approx(env.sim.mj_model.body_mass[torso])
    root = env.sim.mj_model.body("robot/pelvis").id
    expected = default[1:].sum() - default[torso] + mass
    torch.testing.assert_close(env.sim.model.body_subtreemass[:, root], expected)
    assert env.sim.model.dof_invweight0[:, 0].unique().numel() == 3
    assert "body_mass" in env.sim.expanded_fields


def test_a_shared_model_field_cannot_be_written(standing_cfg):
    env = native(standing_cfg(2))
    with pytest.raises(RuntimeError):
        env.sim.model.geom_friction[:] = 0.5
    with pytest.raises(EngineError, match="nosuchfield"):
        env.sim.expand_model_fields(("nosuchfield",))


def test_derived_quantities_are_stale_after_step_and_fresh_after_forward(
    standing_cfg, actions, plain
):
    env = native(standing_cfg(2, spread=0.05))
    env.reset()
    sim = env.sim
    for _ in range(5):
        env.step(actions(3, 2))
    before = sim.data.qpos.clone()
    fresh = sim.data.xpos.clone()
    sim.step()
    torch.testing.assert_close(sim.data.xpos, fresh, atol=1e-6, rtol=0)  # of the state before it
    assert (sim.data.qpos - before).abs().max() > 1e-5
    sim.forward()
    for i in range(2):
        model, data = plain(env, i)
        mujoco.mj_forward(model, data)
        for name in ("xpos", "xquat", "xipos", "cvel", "subtree_com", "site_xpos"):
            np.testing.assert_allclose(
                getattr(sim.data, name)[i], getattr(data, name), atol=1e-5, err_msg=name
            )
        np.testing.assert_allclose(sim.data.xmat[i].reshape(-1, 9), data.xmat, atol=1e-6)
        gyro = model.sensor("robot/imu_ang_vel")
        columns = slice(gyro.adr[0], gyro.adr[0] + 3)
        np.testing.assert_allclose(
            sim.data.sensordata[i, columns], data.sensordata[columns], atol=1e-5
        )


def test_forward_updates_simulations_written_to_after_it(standing_cfg):
    env = native(standing_cfg(3))
    env.reset()
    xpos = env.sim.data.xpos.clone()
    env.sim.data.qpos[1, 2] += 0.5
    env.sim.forward()
    moved = env.sim.data.xpos - xpos
    assert moved[[0, 2]].abs().max() == 0
    torch.testing.assert_close(moved[1, 2:, 2], torch.full((30,), 0.5))


def test_first_observation_is_of_the_reset_state(standing_cfg, plain):
    env = native(standing_cfg(2, spread=0.1))
    observation, _ = env.reset()
    for i in range(2):
        model, data = plain(env, i)
        mujoco.mj_forward(model, data)
        positions = observation["actor"][i, 64:154].reshape(30, 3)
        np.testing.assert_allclose(positions, data.xpos[2:], atol=1e-6)
    assert observation["actor"].shape == (2, 29 + 29 + 3 + 3 + 90 + 180)


def test_reset_of_a_subset_leaves_the_others_alone(standing_cfg, actions):
    env = native(standing_cfg(4, spread=0.05))
    env.reset()
    first = env.sim.data.qpos.clone()
    for step in range(10):
        env.step(actions(step, 4))
    moved = env.sim.data.qpos.clone()
    env.reset(env_ids=torch.tensor([1, 3]))
    torch.testing.assert_close(env.sim.data.qpos[[1, 3]], first[[1, 3]])
    assert torch.equal(env.sim.data.qpos[[0, 2]], moved[[0, 2]])
    assert env.sim.data.qvel[[1, 3]].abs().max() == 0
    assert env.episode_length_buf.tolist() == [10, 0, 10, 0]


def test_contact_sensor_reads_what_plain_mujoco_computes(standing_cfg, actions, plain):
    env = native(standing_cfg(2, spread=0.05))
    env.reset()
    worlds = [plain(env, i) for i in range(2)]
    for step in range(12):
        env.step(actions(step, 2))
        for i, (model, data) in enumerate(worlds):
            data.ctrl[:] = env.sim.data.ctrl[i].numpy()
            mujoco.mj_step(model, data, 4)
    force = env.scene["feet"].data.force
    weight = 9.81 * env.sim.mj_model.body_subtreemass[0]
    assert 0.3 * weight < force[:, :, 2].sum(dim=1).abs().max() < 3 * weight
    for i, (model, data) in enumerate(worlds):
        for foot, side in enumerate(env.scene["feet"].primary_names):
            start = model.sensor(f"feet_{side}_force").adr[0]
            expected = data.sensordata[start : start + 3]
            np.testing.assert_allclose(force[i, foot], expected, rtol=1e-3, atol=0.05)


def test_observed_contacts_make_the_refresh_full_and_current(standing_cfg, actions, plain):
    env = native(standing_cfg(2, observe_contacts=True))
    env.reset()
    assert env.sim.full_refresh
    for step in range(10):
        observation, *_ = env.step(actions(step, 2))
    model, data = plain(env, 0)
    mujoco.mj_forward(model, data)
    total = 0.0
    for side in env.scene["feet"].primary_names:
        start = model.sensor(f"feet_{side}_force").adr[0]
        total += np.linalg.norm(data.sensordata[start : start + 3])
    del observation
    env.scene["feet"]._invalidate_cache()
    assert env.scene["feet"].data.force[0].norm(dim=-1).sum() == pytest.approx(total, rel=1e-2)


def test_reading_forces_after_forward_switches_to_full_refreshes(standing_cfg, actions, plain):
    env = native(standing_cfg(2))
    env.reset()
    env.step(actions(0, 2))
    assert not env.sim.full_refresh
    model, data = plain(env, 1)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(env.sim.data.actuator_force[1], data.actuator_force, atol=1e-3)
    assert env.sim.full_refresh
    env.step(actions(1, 2))
    model, data = plain(env, 1)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(env.sim.data.actuator_force[1], data.actuator_force, atol=1e-3)


def test_pushes_change_velocity_and_the_observation_of_the_same_step(standing_cfg, actions):
    quiet = native(standing_cfg(3))
    quiet.reset()
    env = native(standing_cfg(3, pushes=True))
    env.reset()
    changed = torch.zeros(3)
    for step in range(16):
        plain_observation, *_ = quiet.step(actions(step, 3))
        observation, *_ = env.step(actions(step, 3))
        root_velocity = observation["actor"][:, 154:157]
        torch.testing.assert_close(env.sim.data.qvel[:, :3], root_velocity, atol=1e-5, rtol=0)
        changed += (observation["actor"] - plain_observation["actor"]).abs().amax(dim=1) > 0.01
    assert (changed > 0).all()


def test_one_call_for_all_substeps_equals_a_loop_over_them(standing_cfg, actions):
    fast = native(standing_cfg(3, spread=0.05))
    looped = native(standing_cfg(3, spread=0.05, contact_history=4))
    assert fast.substep_plan.one_call
    assert looped.substep_plan.read_reasons == ("sensor 'feet'",)
    fast.reset()
    looped.reset()
    for step in range(15):
        _, fast_reward, *_ = fast.step(actions(step, 3))
        _, loop_reward, *_ = looped.step(actions(step, 3))
        assert torch.equal(fast.sim.data.qpos, looped.sim.data.qpos)
        assert torch.equal(fast_reward, loop_reward)
    history = looped.scene["feet"].data.force_history
    torch.testing.assert_close(history[:, :, 0], fast.scene["feet"].data.force)
    assert (history[:, :, 0] != history[:, :, 3]).any()


def test_an_environment_does_not_depend_on_how_many_others_there_are(standing_cfg, actions):
    many = native(standing_cfg(5, spread=0.05), num_threads=2)
    one = native(standing_cfg(1, spread=0.05), num_threads=1)
    many.reset()
    one.reset()
    for step in range(20):
        many_out = many.step(actions(step, 5))
        one_out = one.step(actions(step, 5)[:1])
    assert torch.equal(many.sim.data.qpos[0], one.sim.data.qpos[0])
    assert torch.equal(many_out[0]["actor"][0], one_out[0]["actor"][0])
    assert torch.equal(many_out[1][0], one_out[1][0])


def test_a_diverged_simulation_ends_its_episode_and_harms_no_other(
    standing_cfg, actions, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings to a file in the current folder
    env = native(standing_cfg(3))
    env.reset()
    env.step(actions(0, 3))
    env.sim.data.qvel[1, 3] = float("nan")
    observation, reward, terminated, _, extras = env.step(actions(1, 3))
    assert terminated.tolist() == [False, True, False]
    assert env.episode_length_buf.tolist() == [2, 0, 2]
    assert extras["log"]["Episode_Termination/diverged"] == 1
    assert torch.isfinite(observation["actor"]).all()
    assert torch.isfinite(reward).all()
    _, _, terminated, *_ = env.step(actions(2, 3))
    assert not terminated.any()


def test_nan_guard_dumps_the_states_before(standing_cfg, actions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = standing_cfg(2)
    cfg.sim.nan_guard.enabled = True
    cfg.sim.nan_guard.output_dir = str(tmp_path)
    env = native(cfg)
    env.reset()
    env.step(actions(0, 2))
    assert not list(tmp_path.glob("*.npz"))
    env.sim.data.qpos[1, 9] = float("inf")
    env.step(actions(1, 2))
    assert list(tmp_path.glob("nan_dump_2*.npz"))


def test_data_is_written_in_place_and_unknown_names_are_refused(standing_cfg):
    env = native(standing_cfg(2))
    with pytest.raises(AttributeError, match="in place"):
        env.sim.data.qpos = torch.zeros(2, 36)
    with pytest.raises(AttributeError, match="contact"):
        _ = env.sim.data.contact
    assert env.sim.data.qpos.data_ptr() == env.sim.data.qpos.data_ptr()
    assert env.sim.data.qpos.dtype == torch.float32


def test_no_warp_kernel_is_compiled_and_nothing_is_printed():
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conftest import build_standing_cfg
import contextlib, io, torch
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    from mimiclab.simulation.env import make_env
    env = make_env(build_standing_cfg(2, randomise=True, pushes=True), device="cpu")
    env.reset()
    for _ in range(3):
        env.step(torch.zeros(2, 29))
from warp._src import context
assert env.engine_name == "native"
assert context.runtime is None, "Warp was started"
assert printed.getvalue() == "", printed.getvalue()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_ray_cast_sensor_measures_the_height_above_ground(standing_cfg, actions):
    from mjlab.sensor import GridPatternCfg, ObjRef, RayCastSensorCfg

    cfg = standing_cfg(3, spread=0.05)
    rays = RayCastSensorCfg(
        name="height",
        frame=ObjRef(type="body", name="pelvis", entity="robot"),
        pattern=GridPatternCfg(size=(0.0, 0.0), resolution=0.1, direction=(0.0, 0.0, -1.0)),
        ray_alignment="world",
        include_geom_groups=(0,),
    )
    cfg.scene.sensors = (*cfg.scene.sensors, rays)
    with contextlib.redirect_stdout(io.StringIO()):
        env = native(cfg)
        env.reset()
        for step in range(5):
            env.step(actions(step, 3))
    distances = env.scene["height"].data.distances[:, 0]
    torch.testing.assert_close(distances, env.sim.data.qpos[:, 2], atol=1e-4, rtol=0)


def test_sensors_that_need_forces_or_constraints_are_told_apart():
    model = mujoco.MjModel.from_xml_string("""
        <mujoco><worldbody><body name="b"><joint name="j" limited="true" range="-1 1"/>
        <geom size="0.1"/><site name="s"/></body></worldbody><sensor>
        <gyro site="s"/> <framepos objtype="body" objname="b"/> <accelerometer site="s"/>
        <jointlimitpos joint="j"/> <jointpos joint="j"/> <touch site="s"/>
        </sensor></mujoco>""")
    assert kinematic_sensor_columns(model) == [(0, 6), (10, 11)]
