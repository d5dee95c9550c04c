import mujoco
import numpy as np

from mimiclab.simulation.native_model import compile_models, kinematic_model, tune_for_speed


def g1_spec(g1):
    spec = g1.spec_fn()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 1])
    return spec


def roll_out(model, steps=100):
    data = mujoco.MjData(model)
    data.qpos[2] = 0.8
    mujoco.mj_step(model, data, steps)
    return data


def test_physics_model_drops_visual_meshes_and_keeps_every_id(g1):
    full, lean = compile_models(g1_spec(g1))
    assert full.nmesh > 20
    assert lean.nmesh == 0
    assert mujoco.mj_sizeModel(lean) < 0.02 * mujoco.mj_sizeModel(full)
    for count in ("nq", "nv", "nbody", "ngeom", "nsite", "nsensor", "nmat"):
        assert getattr(lean, count) == getattr(full, count)
    assert [lean.geom(i).name for i in range(lean.ngeom)] == [
        full.geom(i).name for i in range(full.ngeom)
    ]
    assert np.array_equal(roll_out(lean).qpos, roll_out(full).qpos)
    assert np.array_equal(roll_out(lean).geom_xpos, roll_out(full).geom_xpos)


def test_meshes_that_collide_or_carry_mass_keep_their_part():
    spec = mujoco.MjSpec()
    spec.add_mesh(name="wedge", uservert=[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1])
    for name, collides in (("touching", 1), ("seen", 0)):
        body = spec.worldbody.add_body(name=name, pos=[0, 0, 2])
        body.add_freejoint()
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname="wedge",
            contype=collides,
            conaffinity=collides,
        )
    full, lean = compile_models(spec)
    assert lean.geom_type.tolist() == [mujoco.mjtGeom.mjGEOM_MESH, mujoco.mjtGeom.mjGEOM_SPHERE]
    assert lean.nmesh == 1
    np.testing.assert_allclose(lean.body_inertia, full.body_inertia)
    np.testing.assert_allclose(lean.body_mass, full.body_mass)


def test_a_sensor_that_looks_at_geoms_keeps_the_meshes(g1):
    spec = g1_spec(g1)
    spec.add_sensor(
        name="eye",
        type=mujoco.mjtSensor.mjSENS_RANGEFINDER,
        objtype=mujoco.mjtObj.mjOBJ_SITE,
        objname="imu_in_pelvis",
        intprm=[1, 0, 0],
    )
    full, physics = compile_models(spec)
    assert physics is not full
    assert physics.nmesh == full.nmesh


def test_tuning_changes_trajectories_by_rounding_only(g1):
    plain, tuned = (g1_spec(g1).compile() for _ in range(2))
    tune_for_speed(tuned, choose_jacobian=True)
    assert tuned.opt.jacobian != plain.opt.jacobian
    np.testing.assert_allclose(roll_out(tuned).qpos, roll_out(plain).qpos, atol=1e-9)


def test_kinematic_model_gives_poses_and_velocities_without_forces(g1):
    model = g1_spec(g1).compile()
    data, bare = mujoco.MjData(model), mujoco.MjData(model)
    for d in (data, bare):
        d.qpos[:] = np.linspace(0.1, 0.6, model.nq)
        d.qvel[:] = np.linspace(-1, 1, model.nv)
    mujoco.mj_forward(model, data)
    mujoco.mj_forward(kinematic_model(model), bare)
    for name in ("xpos", "xquat", "cvel", "subtree_com", "site_xmat", "geom_xpos"):
        assert np.array_equal(getattr(bare, name), getattr(data, name)), name
    assert bare.ncon == 0 < data.ncon
