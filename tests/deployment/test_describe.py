"""The contract read off a built environment, and plain MuJoCo stepping as that environment does."""

import numpy as np
import pytest
import torch

from mimiclab.deployment.describe import describe_env
from mimiclab.deployment.simulator import RobotSimulator
from mimiclab.errors import ContractError

DECIMATION = 4


@pytest.fixture(scope="module")
def env(g1):
    from mjlab.envs import ManagerBasedRlEnvCfg, mdp
    from mjlab.envs.mdp.actions import JointPositionActionCfg
    from mjlab.managers import ObservationGroupCfg, ObservationTermCfg, TerminationTermCfg
    from mjlab.scene import SceneCfg
    from mjlab.sim import MujocoCfg, SimulationCfg
    from mjlab.terrains import TerrainEntityCfg

    from mimiclab.simulation import make_env

    scale = dict(zip(g1.joint_names, g1.action_scale.tolist(), strict=True))
    terms = {
        "joint_pos": ObservationTermCfg(func=mdp.joint_pos_rel),
        "joint_vel": ObservationTermCfg(func=mdp.joint_vel_rel, scale=0.05, clip=(-30.0, 30.0)),
        "actions": ObservationTermCfg(func=mdp.last_action, history_length=3),
    }
    cfg = ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            num_envs=1,
            terrain=TerrainEntityCfg(terrain_type="plane"),
            entities={"robot": g1.entity_cfg()},
        ),
        observations={"actor": ObservationGroupCfg(terms=terms)},
        actions={
            "joint_pos": JointPositionActionCfg(
                entity_name="robot", actuator_names=(".*",), scale=scale, use_default_offset=True
            )
        },
        terminations={
            "time_out": TerminationTermCfg(func=mdp.time_out, time_out=True),
            "anchor_pos": TerminationTermCfg(
                func=mdp.root_height_below_minimum, params={"minimum_height": 0.1, "threshold": 0.3}
            ),
        },
        sim=SimulationCfg(
            mujoco=MujocoCfg(timestep=0.005, iterations=10, ls_iterations=20), njmax=300, nconmax=60
        ),
        decimation=DECIMATION,
        episode_length_s=100.0,
    )
    cfg.terminations["anchor_pos"].func = lambda env, **_: torch.zeros(1, dtype=torch.bool)
    env = make_env(cfg, engine="native", device="cpu")
    yield env
    env.close()


def describe(env, **changes):
    arguments = {
        "task": {"robot": "unitree_g1"},
        "action_offset": "default",
        "reference_lead_steps": 1,
        "motion_names": ("walk",),
        "clips": (),
        "run": "r",
    }
    return describe_env(env, **{**arguments, **changes})


def test_the_contract_states_what_was_built(env, g1):
    contract = describe(env)
    np.testing.assert_allclose(contract.stiffness, g1.stiffness, rtol=1e-6)
    np.testing.assert_allclose(contract.damping, g1.damping, rtol=1e-6)
    np.testing.assert_allclose(contract.effort_limit, g1.effort_limit, rtol=1e-6)
    np.testing.assert_allclose(contract.armature, g1.armature, rtol=1e-6)
    np.testing.assert_allclose(contract.action_scale, g1.action_scale, rtol=1e-6)
    np.testing.assert_allclose(contract.default_joint_pos, g1.default_pose, atol=1e-6)
    assert (contract.physics.dt_s, contract.physics.decimation) == (0.005, DECIMATION)
    assert contract.physics.options["iterations"] == 10
    assert len(contract.physics.contacts) == 33
    feet = [c for c in contract.physics.contacts if "foot" in c.name]
    assert {(c.condim, c.priority, c.friction[0]) for c in feet} == {(3, 1, 0.6)}
    joint_pos, joint_vel, actions = contract.observations
    assert (joint_pos.name, joint_pos.size, joint_pos.scale, joint_pos.clip) == (
        "joint_pos", 29, 1.0, None,
    )  # fmt: skip
    assert joint_vel.scale == pytest.approx(0.05) and joint_vel.clip == (-30.0, 30.0)
    assert (actions.size, actions.history) == (29, 3)
    assert contract.observation_size == 145
    assert contract.terminations.anchor_height_m == 0.3
    assert contract.terminations.anchor_tilt is None
    contract.check_robot(g1)


def test_what_a_contract_cannot_say_is_refused(env):
    action = env.action_manager.get_term("joint_pos")
    action.cfg.clip = {".*": (-1.0, 1.0)}
    with pytest.raises(ContractError, match="clips its actions"):
        describe(env)
    action.cfg.clip = None


def test_plain_mujoco_steps_as_the_training_environment(env, g1):
    """One second of the same joint targets, contacts included, from the same state."""
    contract = describe(env)
    simulator = RobotSimulator(contract)
    rng = np.random.default_rng(0)
    amplitude, phase = rng.uniform(0, 0.15, 29), rng.uniform(0, 6.28, 29)
    env.reset(seed=0)
    entity = env.scene["robot"]
    root = torch.tensor([[0.0, 0, 0.765, 1, 0, 0, 0, 0.1, -0.1, 0, 0.2, 0.1, 0.3]])
    joints = torch.tensor(g1.default_pose, dtype=torch.float32)[None]
    entity.write_root_state_to_sim(root)
    entity.write_joint_state_to_sim(joints, torch.zeros_like(joints))
    simulator.place(
        root_pos_w=root[0, :3].double().numpy(),
        root_quat_w=root[0, 3:7].double().numpy(),
        joint_pos=joints[0].double().numpy(),
        root_lin_vel_w=root[0, 7:10].double().numpy(),
        root_ang_vel_w=root[0, 10:13].double().numpy(),
    )
    scale, offset = np.array(contract.action_scale), np.array(contract.default_joint_pos)
    for step in range(50):
        action = amplitude * np.sin(0.1 * step + phase) / scale
        env.step(torch.tensor(action, dtype=torch.float32)[None])
        simulator.step(offset + scale * action)
        state, data = simulator.state(), entity.data
        np.testing.assert_allclose(
            data.joint_pos[0].numpy(), state.joint_pos, atol=2e-3, err_msg=f"step {step}"
        )
    bodies = [entity.body_names.index(name) for name in contract.body_names]
    np.testing.assert_allclose(data.body_link_pos_w[0, bodies].numpy(), state.body_pos_w, atol=5e-3)
    np.testing.assert_allclose(
        data.body_link_lin_vel_w[0, bodies].numpy(), state.body_lin_vel_w, atol=5e-2
    )
    np.testing.assert_allclose(
        data.body_link_ang_vel_w[0, bodies].numpy(), state.body_ang_vel_w, atol=2e-1
    )
    assert state.body_pos_w[0, 2] < 0.765  # it did touch the ground and move
