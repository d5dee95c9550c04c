"""Rough ground: its heights, where robots stand on it, and which friction counts there."""

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.tasks.tracking.ground import GRID_M, ROWS, STEPS_M, TILE_M


@pytest.fixture(scope="module")
def rough(make):
    return make(num_envs=12, ground="rough", pushes=False, noise=False, reset_noise=0.0)


def test_tiles_have_the_published_heights_and_robots_stand_half_on_each(rough):
    model = rough.sim.mj_model
    fields = [i for i in range(model.ngeom) if model.geom_type[i] == mujoco.mjtGeom.mjGEOM_HFIELD]
    assert len(fields) == model.nhfield == ROWS
    points = round(TILE_M / GRID_M) + 1
    for i in fields:
        h = int(model.geom_dataid[i])
        assert (model.hfield_nrow[h], model.hfield_ncol[h]) == (points, points)
        x, y, depth, base = model.hfield_size[h]
        assert (x, y) == (TILE_M / 2, TILE_M / 2) and base > 0
        start = model.hfield_adr[h]
        heights = model.hfield_data[start : start + points**2] * depth + model.geom_pos[i, 2]
        # 1, 2 and 3 cm over the bottom, with the highest level with the flat tiles.
        values, counts = np.unique(np.round(heights, 6), return_counts=True)
        np.testing.assert_allclose(values - STEPS_M[0], np.array(STEPS_M) - 0.04, atol=1e-6)
        np.testing.assert_allclose(counts / points**2, 1 / 3, atol=0.03)
    assert len({model.hfield_data[a : a + 50].tobytes() for a in model.hfield_adr}) == ROWS
    origins = rough.scene.env_origins
    assert (origins[:, 2] == 0).all()
    tiles = np.array([model.geom_pos[i, :2] for i in fields])
    distance = np.abs(origins[:, None, :2].numpy() - tiles).max(-1).min(-1)
    assert (distance < 1e-4).sum() == 6  # in the middle of a rough tile; the others are on flat


def test_soles_of_the_reference_are_on_the_highest_points(rough, g1):
    model, data = rough.sim.mj_model, mujoco.MjData(rough.sim.mj_model)
    term = rough.command_manager.get_term("motion")
    feet = [
        i
        for i in range(model.ngeom)
        if "_foot" in model.geom(i).name and model.geom_contype[i] and "robot" in model.geom(i).name
    ]
    term.start(torch.zeros(12, dtype=torch.long), torch.zeros(12).double())
    gaps = []
    for i in range(12):
        data.qpos[:] = rough.sim.data.qpos[i].numpy()
        mujoco.mj_forward(model, data)
        # No deeper in any tile than on a plane.
        assert min((c.dist for c in data.contact), default=0.0) > -0.006
        lowest = min(float(data.geom_xpos[g, 2] - model.geom_size[g, 0]) for g in feet)
        gaps.append(lowest)
    # The clip's soles touch z = 0, the height of the highest points.
    assert max(gaps) < 0.005 and min(gaps) > -0.006


def test_robots_step_on_it_and_keep_standing(make):
    env = make(num_envs=8, ground="rough", residual_action=True, pushes=False, reset_noise=0.0)
    for _ in range(20):
        _, reward, ended, _, _ = env.step(torch.zeros(8, 29))
        assert not ended.any()
    assert (reward > 0.02).all() and env.substep_plan.one_call


def test_friction_of_the_feet_counts_on_height_fields(make):
    env = make(num_envs=8, seed=1, ground="rough", randomisation=True, friction=(1.5, 1.6))
    values = env.sim.model.geom_friction
    model = env.sim.mj_model
    feet = [i for i in range(model.ngeom) if "_foot" in model.geom(i).name]
    drawn = values[:, feet, 0]
    assert (drawn >= 1.5).all() and (drawn <= 1.6).all()
    data, clean = mujoco.MjData(model), model.geom_friction.copy()
    found = []
    try:
        model.geom_friction[:] = values[-1].numpy()  # the last half of robots is on rough tiles
        data.qpos[:] = env.sim.data.qpos[-1].numpy()
        data.qpos[2] -= 0.03
        mujoco.mj_forward(model, data)
        hfield = mujoco.mjtGeom.mjGEOM_HFIELD
        found = [
            c.friction[0]
            for c in data.contact
            if hfield in model.geom_type[list(c.geom)] and set(c.geom) & set(feet)
        ]
    finally:
        model.geom_friction[:] = clean
    assert found and np.allclose(found, float(drawn[-1, 0]))
