"""The simulator of PhysX does what the one of MuJoCo does, and gives a policy the same numbers."""

import inspect
from functools import partial

import mujoco
import numpy as np
import pytest

from mimiclab.cli.demo import shipped_policy
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.deployment.simulator import RobotSimulator, build_model
from mimiclab.errors import EngineError
from mimiclab.maths.rotations import quat_from_rotvec

pytest.importorskip("sapien", reason="PhysX needs sapien: pip install mimiclab[physx]")

from mimiclab.deployment.physx import PhysxSimulator
from mimiclab.deployment.physx_cfg import PhysxCfg


@pytest.fixture(scope="module")
def shipped():
    """The policy that comes with the package, and its motion."""
    policy = OnnxPolicy(shipped_policy())
    return policy, baked_reference(policy)


@pytest.fixture(scope="module")
def both(contract):
    model = build_model(contract)
    return RobotSimulator(contract, model), PhysxSimulator(contract, model)


def somewhere(contract, *, height=5.0, seed=0):
    """A moving robot high in the air, joints well inside their limits."""
    rng = np.random.default_rng(seed)
    return {
        "root_pos_w": np.array([1.0, -2.0, height]),
        "root_quat_w": quat_from_rotvec(np.array([0.3, -0.2, 1.1])),
        "joint_pos": np.array(contract.default_joint_pos) + rng.uniform(-0.05, 0.05, 29),
        "root_lin_vel_w": np.array([0.5, -0.4, 0.3]),
        "root_ang_vel_w": np.array([0.7, 1.0, -0.4]),
        "joint_vel": rng.uniform(-1, 1, 29),
    }


def assert_states_near(one, other, *, pos, vel):
    np.testing.assert_allclose(one.joint_pos, other.joint_pos, atol=pos)
    np.testing.assert_allclose(one.body_pos_w, other.body_pos_w, atol=pos)
    same = np.abs(np.sum(one.body_quat_w * other.body_quat_w, axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=pos)
    np.testing.assert_allclose(one.joint_vel, other.joint_vel, atol=vel)
    np.testing.assert_allclose(one.body_lin_vel_w, other.body_lin_vel_w, atol=vel)
    np.testing.assert_allclose(one.body_ang_vel_w, other.body_ang_vel_w, atol=vel)


def test_the_interfaces_are_alike():
    names = [n for n in dir(RobotSimulator) if not n.startswith("_")]
    assert {"place", "push", "set_force", "lift_to_floor", "step", "state", "finite"} <= {*names}
    for name in ("push", "step", "set_force"):
        ours, theirs = getattr(PhysxSimulator, name), getattr(RobotSimulator, name)
        assert inspect.signature(ours) == inspect.signature(theirs)


def test_a_placed_robot_is_where_it_was_put(both, contract):
    """Through PhysX and back: poses and velocities of every tracked body."""
    for sim in both:
        sim.place(**somewhere(contract))
        sim.push(np.array([0.3, 0.0, -0.2]), np.array([0.0, 0.5, 0.1]))
    both[1]._read()
    assert_states_near(both[0].state(), both[1].state(), pos=1e-6, vel=3e-6)


def test_links_move_as_mujocos_bodies_do(both, contract):
    """PhysX's own velocities of all links, which it gives for centres of mass."""
    mj, px = both
    for sim in both:
        sim.place(**somewhere(contract))
    for link in px._robot.links:
        velocity = np.zeros(6)
        body = mj.model.body(link.name).id
        kind = mujoco.mjtObj.mjOBJ_BODY
        mujoco.mj_objectVelocity(mj.model, mj.data, kind, body, velocity, 0)
        np.testing.assert_allclose(link.angular_velocity, velocity[:3], atol=1e-5)
        turn = mj.data.body(link.name).xmat.reshape(3, 3) @ mj.model.body_ipos[body]
        origin = np.zeros(6)
        kind = mujoco.mjtObj.mjOBJ_XBODY
        mujoco.mj_objectVelocity(mj.model, mj.data, kind, body, origin, 0)
        expected = origin[3:] + np.cross(origin[:3], turn)
        np.testing.assert_allclose(link.linear_velocity, expected, atol=1e-5)


def test_motors_in_the_air_move_joints_alike(both, contract):
    """0.1 s of PD control: MuJoCo damps implicitly, PhysX explicitly, so they agree roughly."""
    for sim in both:
        sim.place(**{**somewhere(contract), "joint_vel": np.zeros(29)})
        for _ in range(5):
            sim.step(np.array(contract.default_joint_pos) + 0.1)
    assert_states_near(both[0].state(), both[1].state(), pos=0.03, vel=1.0)
    moved = both[1].state().joint_pos - somewhere(contract)["joint_pos"]
    assert np.abs(moved).max() > 0.05


def test_effort_limits_bound_the_torque(make_contract):
    """With 1 N m at most, a joint of inertia I gains at most 1/I rad/s in a second."""
    weak = make_contract(effort_limit=(1.0,) * 29)
    sim = PhysxSimulator(weak)
    state = somewhere(weak)
    sim.place(**{**state, "joint_vel": np.zeros(29), "root_ang_vel_w": np.zeros(3)})
    inverse = np.zeros((35, 35))
    mujoco.mj_solveM(sim.model, sim.data, inverse, np.eye(35))
    # Gravity does nothing to the joints of a robot in free fall.
    most = np.abs(inverse[6:, 6:]).sum(axis=1) * weak.physics.control_dt_s
    sim.step(state["joint_pos"] + 3.0)
    assert (np.abs(sim.state().joint_vel) <= 1.05 * most).all()
    assert (np.abs(sim.state().joint_vel) > 0.2 * most).any()


def test_a_force_accelerates_the_whole_robot(both, contract):
    for sim in both:
        sim.place(**{**somewhere(contract), "root_lin_vel_w": np.zeros(3)})
        sim.set_force("torso_link", np.array([0.0, 150.0, 0.0]))
        start = _momentum(sim)
        for _ in range(5):
            sim.step(somewhere(contract)["joint_pos"])
        assert (_momentum(sim) - start)[1] == pytest.approx(150.0 * 0.1, rel=0.01)
        sim.set_force("torso_link", np.zeros(3))
        before = _momentum(sim)
        sim.step(somewhere(contract)["joint_pos"])
        assert (_momentum(sim) - before)[1] == pytest.approx(0.0, abs=0.05)


def _momentum(sim) -> np.ndarray:
    mujoco.mj_subtreeVel(sim.model, sim.data)
    return sim.model.body_subtreemass[0] * sim.data.subtree_linvel[0]


def test_payload_is_in_both_engines(contract):
    heavy = build_model(contract, {"torso_link": 3.0})
    plain = build_model(contract)
    assert heavy.body("torso_link").mass[0] == plain.body("torso_link").mass[0] + 3.0
    assert heavy.body_subtreemass[0] == pytest.approx(plain.body_subtreemass[0] + 3.0)
    links = {link.name: link for link in PhysxSimulator(contract, heavy)._robot.links}
    assert links["torso_link"].mass == pytest.approx(plain.body("torso_link").mass[0] + 3.0)


def test_a_robot_stands_by_stiff_motors_at_the_same_height(stiff_file, g1):
    policy = OnnxPolicy(stiff_file)
    drives = partial(PhysxSimulator, cfg=PhysxCfg(motors="implicit"))
    heights = []
    for kind in (RobotSimulator, drives):
        sim = kind(policy.contract)
        sim.place(
            root_pos_w=np.array([0, 0, g1.default_root_height]),
            root_quat_w=np.array([1.0, 0, 0, 0]), joint_pos=g1.default_pose,
        )  # fmt: skip
        sim.lift_to_floor()
        for _ in range(50):
            sim.step(g1.default_pose)
        assert sim.finite
        heights.append(sim.qpos[2])
    # Contacts of MuJoCo give way by some millimetres.
    assert heights[0] == pytest.approx(heights[1], abs=5e-3)


def test_explicit_motors_that_would_swing_up_are_refused(stiff_file):
    with pytest.raises(EngineError, match=r"unstable in steps of 0.005 s.*motors implicit"):
        PhysxSimulator(OnnxPolicy(stiff_file).contract)


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_the_bound_of_stability_is_where_motion_begins_to_grow(make_contract, monkeypatch, factor):
    """Dampers just below and just above the bound, in the air, starting from rest."""
    plain = make_contract(stiffness=(0.0,) * 29, effort_limit=(1e4,) * 29)
    sim = RobotSimulator(plain)
    sim.data.qpos[7:] = plain.default_joint_pos
    mujoco.mj_forward(sim.model, sim.data)
    inverse = np.zeros((35, 35))
    mujoco.mj_solveM(sim.model, sim.data, inverse, np.eye(35))
    most = np.linalg.eigvals(inverse[6:, 6:] * 0.005 * np.array(plain.damping)).real.max()
    damping = tuple(2.0 * factor / most * d for d in plain.damping)
    contract = make_contract(stiffness=plain.stiffness, effort_limit=(1e4,) * 29, damping=damping)
    if factor > 1:
        with pytest.raises(EngineError, match="unstable"):
            PhysxSimulator(contract)
    monkeypatch.setattr(PhysxSimulator, "_check_stable", lambda _: None)
    sim = PhysxSimulator(contract)
    state = somewhere(contract) | {"joint_pos": np.array(contract.default_joint_pos)}
    sim.place(**{**state, "root_ang_vel_w": np.zeros(3), "joint_vel": np.full(29, 1e-3)})
    for _ in range(15):
        sim.step(state["joint_pos"])
    speed = np.abs(sim.state().joint_vel).max()
    assert speed < 1e-3 if factor < 1 else speed > 2e-3


def test_the_shipped_policy_squats_alike_in_both(shipped):
    runner = Sim2Sim(*shipped)
    found = {}
    for name, sim in (
        ("mujoco", runner.simulator),
        ("physx", PhysxSimulator(runner.contract, runner.simulator.model)),
    ):
        runner.simulator = sim
        found[name] = runner.run(EpisodeCfg(seed=1, seconds=3.0))
    assert all(episode.completed for episode in found.values())
    for metric in ("mpjpe_global_mm", "joint_position_error", "velocity_error"):
        ours, theirs = (found[name].metrics[metric] for name in ("mujoco", "physx"))
        assert theirs == pytest.approx(ours, rel=0.25)


def test_late_targets_reach_the_motors_late(contract):
    for kind in (RobotSimulator, PhysxSimulator):
        prompt, late = kind(contract), kind(contract, delay_steps=4)
        state = {**somewhere(contract), "joint_vel": np.zeros(29)}
        goal = state["joint_pos"] + 0.2
        for sim in (prompt, late):
            sim.place(**state)
            sim.step(state["joint_pos"])
        prompt.step(state["joint_pos"])
        late.step(goal)  # one control step is four physics steps: it has not arrived
        np.testing.assert_allclose(prompt.state().joint_pos, late.state().joint_pos, atol=1e-6)
        late.step(goal)
        prompt.step(state["joint_pos"])
        assert np.abs(prompt.state().joint_pos - late.state().joint_pos).max() > 1e-3


def test_the_package_is_asked_for_before_the_model_is_built(make_contract, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sapien", None)
    with pytest.raises(EngineError, match="pip install"):
        PhysxSimulator(make_contract(model_hash="of another robot"))
