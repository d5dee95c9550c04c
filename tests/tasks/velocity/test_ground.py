"""Ground in a real environment: looked-up heights against rays, starts, and walking on it."""

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.errors import EngineError
from mimiclab.tasks.velocity import GroundCfg, RandomisationCfg, SpawnCfg, TileSharesCfg
from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.terrain_height import TerrainHeight

SMALL = {"rows": 2, "columns": 4, "border_m": 5.0}
HILLS = TileSharesCfg(flat=0.0, rough=0.3, low_obstacles=0.0, stairs=0.4, smooth_slope=0.3)


def ray_heights(model, xy):
    data = mujoco.MjData(model)
    data.qpos[2] = 50.0  # the robot is out of the way
    mujoco.mj_forward(model, data)
    hit = np.zeros(1, np.int32)
    down = np.array([0.0, 0.0, -1.0])
    return np.array(
        [
            20.0 - mujoco.mj_ray(model, data, np.array([x, y, 20.0]), down, None, 1, -1, hit, None)
            for x, y in xy
        ]
    )


@pytest.fixture
def places():
    return np.random.default_rng(3).uniform([-12, -20], [12, 20], size=(400, 2))


@pytest.mark.parametrize("shares", [TileSharesCfg(), HILLS])
def test_looked_up_heights_are_what_rays_hit(make, places, shares):
    env = make(num_envs=1, ground=GroundCfg(shares=shares, **SMALL))
    ground = velocity_command(env).walker.ground
    found = ground(torch.tensor(places, dtype=torch.float32))
    expected = ray_heights(env.sim.mj_model, places)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)
    assert float(found.std()) > 0.01 and not ground.is_plane
    outside = (np.abs(places) > [8, 16]).any(axis=1)
    assert outside.sum() > 50 and (found[outside] == 0).all()


def test_contacts_are_at_the_heights_that_are_looked_up(make, places):
    env = make(num_envs=1, ground=GroundCfg(**SMALL))
    ground = velocity_command(env).walker.ground
    full = env.sim.mj_model
    rows, columns = int(full.hfield_nrow[0]), int(full.hfield_ncol[0])
    spec = mujoco.MjSpec()
    field = spec.add_hfield(name="g", nrow=rows, ncol=columns, size=full.hfield_size[0].tolist())
    field.userdata = full.hfield_data.tolist()
    geom = next(
        i
        for i in range(full.ngeom)
        if full.geom_dataid[i] == 0
        and "terrain" in full.geom(i).name
        and full.geom_type[i] == mujoco.mjtGeom.mjGEOM_HFIELD
    )
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="g", pos=full.geom_pos[geom].tolist()
    )
    body = spec.worldbody.add_body()
    body.add_freejoint()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[1e-3, 0, 0])
    model = spec.compile()
    data = mujoco.MjData(model)
    inside = places[(np.abs(places) < [7.9, 15.9]).all(axis=1)][:60]
    heights = ground(torch.tensor(inside, dtype=torch.float32)).numpy()
    for (x, y), height in zip(inside, heights, strict=True):
        data.qpos[:3] = x, y, height + 1e-3 + 3e-4
        mujoco.mj_forward(model, data)
        assert data.ncon == 0
        data.qpos[2] = height + 1e-3 - 1e-3
        mujoco.mj_forward(model, data)
        assert data.ncon > 0


def test_a_plane_is_at_nought(make):
    ground = velocity_command(make(num_envs=1)).walker.ground
    assert ground.is_plane and torch.equal(ground(torch.rand(5, 2, 2)), torch.zeros(5, 2))


def test_several_height_fields_are_refused():
    field = '<hfield name="{0}" nrow="2" ncol="2" size="1 1 1 1" elevation="0 0 1 1"/>'
    geom = '<geom type="hfield" hfield="{0}"/>'
    both = ["a", "b"]
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><asset>{''.join(map(field.format, both))}</asset>"
        f"<worldbody>{''.join(map(geom.format, both))}</worldbody></mujoco>"
    )
    with pytest.raises(EngineError, match="2 height fields"):
        TerrainHeight(model)


def test_feet_are_measured_from_the_ground_under_them(make):
    env = make(num_envs=8, ground=GroundCfg(shares=HILLS, **SMALL))
    term = velocity_command(env)
    soles = term.walker.soles_w.reshape(-1, 3).numpy()
    expected = soles[:, 2] - ray_heights(env.sim.mj_model, soles[:, :2])
    np.testing.assert_allclose(term.walker.foot_height.flatten().numpy(), expected, atol=3e-4)


def test_starts_have_a_fixed_column_and_a_random_row(make):
    env = make(
        num_envs=64, ground=GroundCfg(**SMALL), randomisation=RandomisationCfg(enabled=False)
    )
    seen = set()
    for _ in range(4):
        env.reset()
        place = env.sim.data.qpos[:, :2]
        row, column = ((place + torch.tensor([8.0, 16.0])) // 8.0).T
        assert column.long().tolist() == [i // 16 for i in range(64)]
        seen.add(tuple(row.tolist()))
        offset = place - env.scene.env_origins[:, :2]
        assert offset.abs().max() <= 1.0 and offset.abs().max() > 0.9
    assert len(seen) == 4 and {0.0, 1.0} == set(next(iter(seen)))


@pytest.mark.parametrize("height", ["tile", "point", "grid"])
def test_start_heights(make, height):
    spawn = SpawnCfg(height=height, random_tile=False)
    env = make(num_envs=32, ground=GroundCfg(shares=HILLS, spawn=spawn, **SMALL))
    qpos = env.sim.data.qpos
    above = (qpos[:, 2] - 0.56).numpy()
    xy = qpos[:, :2].numpy()
    under = ray_heights(env.sim.mj_model, xy)
    if height == "point":
        np.testing.assert_allclose(above, under, atol=3e-4)
    elif height == "grid":
        steps = np.array([[x, y] for x in (-0.2, 0, 0.2) for y in (-0.2, 0, 0.2)])
        around = ray_heights(env.sim.mj_model, (xy[:, None] + steps).reshape(-1, 2))
        np.testing.assert_allclose(above, around.reshape(32, 9).max(axis=1), atol=3e-4)
    else:
        assert (above >= under - 3e-4).all() and len(set(above.round(4))) <= 8
    assert torch.equal(env.scene.env_origins[0], env.scene.env_origins[2])  # rows in turn


def test_robots_walk_on_mixed_ground(make):
    env = make(num_envs=8, ground=GroundCfg(**SMALL), reset_noise=0.0)
    velocity_command(env).hold(torch.zeros(3))
    touched = torch.zeros(8, 2, dtype=torch.bool)
    for _ in range(25):
        _, reward, *_ = env.step(torch.zeros(8, 22))
        assert torch.isfinite(reward).all()
        touched |= velocity_command(env).walker.foot_height < 0.02
    height = velocity_command(env).walker.foot_height
    assert touched.all() and height.min() > -0.03  # no foot sinks into the ground
    assert env.substep_plan.one_call and not env.sim.full_refresh


def test_robots_start_on_a_mesh(make, tmp_path):
    path = tmp_path / "ramp.obj"
    path.write_text("v -6 -6 0\nv 6 -6 1.2\nv 6 6 1.2\nv -6 6 0\nf 1 2 3 4\n")
    env = make(num_envs=4, ground=GroundCfg(kind="mesh", mesh=str(path)))
    place = torch.tensor([[0.0, 0.0], [3.0, -2.0]])
    found = velocity_command(env).walker.ground(place)
    torch.testing.assert_close(found, torch.tensor([0.6, 0.9]), atol=1e-4, rtol=0)
    start = env.sim.data.qpos
    assert start[:, :2].abs().max() <= 1.0
    torch.testing.assert_close(start[:, 2], torch.full((4,), 0.7 + 0.56), atol=1e-4, rtol=0)
