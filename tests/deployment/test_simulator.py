from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.deployment.contract import Physics
from mimiclab.deployment.simulator import (
    FLOOR,
    RobotSimulator,
    build_model,
    contact_settings,
    solver_options,
)
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply


def test_model_carries_the_contract(contract):
    model = build_model(contract)
    assert model.nu == 29 and model.nv == 35
    assert model.opt.timestep == 0.005
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for i, name in enumerate(contract.joint_names):
        joint, motor = model.joint(name), model.actuator(name)
        assert motor.trnid[0] == joint.id
        assert model.dof_armature[joint.dofadr[0]] == contract.armature[i]
        assert motor.gainprm[0] == contract.stiffness[i]
        np.testing.assert_array_equal(
            motor.biasprm[:3], [0, -contract.stiffness[i], -contract.damping[i]]
        )
        assert tuple(motor.forcerange) == (-contract.effort_limit[i], contract.effort_limit[i])
        assert not motor.ctrllimited[0]


def test_it_is_mjlabs_robot(g1, make_contract):
    """Contacts and motors agree with the model that mjlab builds for training."""
    from mjlab.entity import Entity

    trained = Entity(g1.entity_cfg()).spec.compile()
    contacts = contact_settings(trained)
    assert len(contacts) == 33
    model = build_model(
        make_contract(physics=Physics(dt_s=0.005, control_dt_s=0.02, contacts=contacts))
    )
    for key in ("contype", "conaffinity", "condim", "priority", "friction", "solref", "solimp"):
        for contact in contacts:
            np.testing.assert_array_equal(
                getattr(model.geom(contact.name), key), getattr(trained.geom(contact.name), key)
            )
    for name in g1.joint_names:
        mine, theirs = model.actuator(name), trained.actuator(name)
        for key in ("gainprm", "biasprm", "forcerange"):
            np.testing.assert_allclose(getattr(mine, key), getattr(theirs, key), rtol=1e-12)
    np.testing.assert_allclose(
        model.dof_armature, [0] * 6 + [trained.joint(n).armature[0] for n in g1.joint_names]
    )


def test_solver_options_go_through_the_contract(make_contract, g1):
    options = solver_options(g1.model) | {"iterations": 7, "ls_tolerance": 0.123}
    model = build_model(
        make_contract(physics=Physics(dt_s=0.005, control_dt_s=0.02, options=options))
    )
    assert solver_options(model) == options
    with pytest.raises(ContractError, match="unknown solver option 'colour'"):
        build_model(
            make_contract(physics=Physics(dt_s=0.005, control_dt_s=0.02, options={"colour": 1}))
        )


def test_absent_geoms_are_refused(make_contract, g1):
    contact = replace(contact_settings(g1.model)[0], name="tail_collision")
    with pytest.raises(ContractError, match="lacks the collision geoms tail_collision"):
        build_model(
            make_contract(physics=Physics(dt_s=0.005, control_dt_s=0.02, contacts=(contact,)))
        )


def test_velocities_are_those_of_link_origins(contract, g1):
    """Against finite differences of MuJoCo's kinematics over 1e-6 s."""
    simulator = RobotSimulator(contract)
    rng = np.random.default_rng(0)
    quat = quat_from_rotvec(np.array([0.3, -0.4, 1.2]))
    lin, ang = rng.normal(size=3), rng.normal(size=3)
    joint_pos = g1.default_pose + rng.uniform(-0.2, 0.2, 29)
    joint_vel = rng.normal(size=29)
    simulator.place(
        root_pos_w=np.array([1.0, 2.0, 1.5]), root_quat_w=quat, joint_pos=joint_pos,
        root_lin_vel_w=lin, root_ang_vel_w=ang, joint_vel=joint_vel,
    )  # fmt: skip
    state = simulator.state()
    np.testing.assert_allclose(state.body_lin_vel_w[0], lin, atol=1e-12)
    np.testing.assert_allclose(state.body_ang_vel_w[0], ang, atol=1e-12)
    h = 1e-6
    simulator.place(
        root_pos_w=np.array([1.0, 2.0, 1.5]) + h * lin,
        root_quat_w=quat_multiply(quat_from_rotvec(h * ang), quat),
        joint_pos=joint_pos + h * joint_vel,
    )
    moved = simulator.state()
    np.testing.assert_allclose(
        (moved.body_pos_w - state.body_pos_w) / h, state.body_lin_vel_w, atol=1e-5
    )


def test_a_push_changes_world_velocities(contract, g1):
    simulator = RobotSimulator(contract)
    quat = quat_from_rotvec(np.array([0.0, 0.5, 1.2]))
    simulator.place(root_pos_w=np.array([0, 0, 2.0]), root_quat_w=quat, joint_pos=g1.default_pose)
    simulator.push(np.array([0.5, -0.2, 0.1]), np.array([0.3, 0.2, -0.7]))
    mujoco.mj_forward(simulator.model, simulator.data)
    state = simulator.state()
    np.testing.assert_allclose(state.body_lin_vel_w[0], [0.5, -0.2, 0.1], atol=1e-12)
    np.testing.assert_allclose(state.body_ang_vel_w[0], [0.3, 0.2, -0.7], atol=1e-12)


def test_lifting_puts_the_feet_on_the_floor(contract, g1):
    simulator = RobotSimulator(contract)
    for height in (0.3, 3.0):
        simulator.place(
            root_pos_w=np.array([0, 0, height]),
            root_quat_w=np.array([1.0, 0, 0, 0]),
            joint_pos=g1.default_pose,
        )
        simulator.lift_to_floor()
        assert simulator.qpos[2] == pytest.approx(g1.default_root_height, abs=0.03)
        floor = simulator.model.geom(FLOOR).id
        touching = [c for c in simulator.data.contact if floor in c.geom]
        assert all(abs(c.dist) < 1e-6 for c in touching)


def test_divergence_is_noticed(contract, g1, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings to the current folder
    simulator = RobotSimulator(contract)
    simulator.place(
        root_pos_w=np.array([0, 0, 1.0]),
        root_quat_w=np.array([1.0, 0, 0, 0]),
        joint_pos=g1.default_pose,
    )
    assert simulator.finite
    simulator.data.qvel[10] = 1e12
    simulator.step(g1.default_pose)
    assert not simulator.finite
