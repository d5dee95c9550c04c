"""A small standing task: enough to exercise every part of an engine, without motions."""

import copy
from collections.abc import Callable

import pytest
import torch
from mjlab.envs import ManagerBasedRlEnvCfg, mdp
from mjlab.envs.mdp import dr
from mjlab.envs.mdp.actions import JointPositionActionCfg
from mjlab.managers import (
    EventTermCfg,
    MetricsTermCfg,
    ObservationGroupCfg,
    ObservationTermCfg,
    RewardTermCfg,
    SceneEntityCfg,
    TerminationTermCfg,
)
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.terrains import TerrainEntityCfg

from mimiclab.robots import get_robot

G1 = get_robot("unitree_g1")
SCALE = dict(zip(G1.joint_names, G1.action_scale.tolist(), strict=True))
# Its centre of mass over its feet, the G1 stands for two seconds instead of tipping at once.
_LEAN = {"hip_pitch": -0.042, "knee": 0.009, "ankle_pitch": 0.037}
LEAN = torch.tensor([next((v for k, v in _LEAN.items() if k in n), 0.0) for n in G1.joint_names])


def body_positions(env):
    return env.scene["robot"].data.body_link_pos_w.flatten(1)


def body_velocities(env):
    return env.scene["robot"].data.body_link_vel_w.flatten(1)


def torso_height(env):
    robot = env.scene["robot"].data
    return robot.body_link_pos_w[:, 15, 2] + 0.1 * robot.body_link_lin_vel_w[:, 15].norm(dim=-1)


def foot_force(env):
    return env.scene["feet"].data.force.norm(dim=-1).sum(dim=-1)


def start_height(env, env_ids, spread=0.0):
    """Start in a balanced pose, feet just above the ground; `spread` varies joints by index."""
    robot = env.scene["robot"]
    root = robot.data.default_root_state[env_ids].clone()
    root[:, 2] = 0.7555
    joints = robot.data.default_joint_pos[env_ids] + LEAN
    joints += spread * torch.sin(env_ids[:, None] + torch.arange(joints.shape[1]))
    robot.write_root_state_to_sim(root, env_ids=env_ids)
    robot.write_joint_state_to_sim(joints, torch.zeros_like(joints), env_ids=env_ids)


def build_standing_cfg(
    num_envs: int = 3,
    *,
    randomise: bool = False,
    pushes: bool = False,
    contact_history: int = 0,
    spread: float = 0.0,
    observe_contacts: bool = False,
) -> ManagerBasedRlEnvCfg:
    terms = {
        "joint_pos": ObservationTermCfg(func=mdp.joint_pos_rel),
        "joint_vel": ObservationTermCfg(func=mdp.joint_vel_rel),
        "lin_vel": ObservationTermCfg(
            func=mdp.builtin_sensor, params={"sensor_name": "robot/imu_lin_vel"}
        ),
        "ang_vel": ObservationTermCfg(
            func=mdp.builtin_sensor, params={"sensor_name": "robot/imu_ang_vel"}
        ),
        "positions": ObservationTermCfg(func=body_positions),
        "velocities": ObservationTermCfg(func=body_velocities),
    }
    if observe_contacts:
        terms["feet"] = ObservationTermCfg(func=lambda env: foot_force(env)[:, None])
    events = {
        "start": EventTermCfg(func=start_height, mode="reset", params={"spread": spread}),
    }
    if pushes:
        ranges = {"x": (-0.1, 0.1), "y": (-0.1, 0.1), "yaw": (-0.2, 0.2)}
        events["push"] = EventTermCfg(
            func=mdp.push_by_setting_velocity,
            mode="interval",
            interval_range_s=(0.1, 0.3),
            params={"velocity_range": ranges},
        )
    if randomise:
        events["friction"] = EventTermCfg(
            func=dr.geom_friction,
            mode="startup",
            params={
                "asset_cfg": SceneEntityCfg("robot", geom_names=G1.foot_geoms),
                "operation": "abs",
                "ranges": (0.3, 1.2),
            },
        )
        events["torso_mass"] = EventTermCfg(
            func=dr.body_mass,
            mode="startup",
            params={
                "asset_cfg": SceneEntityCfg("robot", body_names=("torso_link",)),
                "operation": "scale",
                "ranges": (0.7, 1.3),
            },
        )
        events["torso_com"] = EventTermCfg(
            func=dr.body_com_offset,
            mode="startup",
            params={
                "asset_cfg": SceneEntityCfg("robot", body_names=("torso_link",)),
                "operation": "add",
                "ranges": {0: (-0.025, 0.025), 1: (-0.05, 0.05), 2: (-0.05, 0.05)},
            },
        )
    sensor = ContactSensorCfg(
        name="feet",
        primary=ContactMatch(mode="subtree", pattern=".*_ankle_roll_link", entity="robot"),
        fields=("found", "force"),
        reduce="netforce",
        history_length=contact_history,
    )
    return ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            num_envs=num_envs,
            terrain=TerrainEntityCfg(terrain_type="plane"),
            entities={"robot": G1.entity_cfg()},
            sensors=(sensor,),
            env_spacing=0.0,
        ),
        observations={"actor": ObservationGroupCfg(terms=terms)},
        actions={
            "joint_pos": JointPositionActionCfg(
                entity_name="robot", actuator_names=(".*",), scale=SCALE
            )
        },
        events=events,
        rewards={
            "height": RewardTermCfg(func=torso_height, weight=1.0),
            "force": RewardTermCfg(func=foot_force, weight=0.001),
        },
        terminations={"time_out": TerminationTermCfg(func=mdp.time_out, time_out=True)},
        metrics={"force": MetricsTermCfg(func=foot_force)},
        sim=SimulationCfg(
            nconmax=60,
            njmax=300,
            mujoco=MujocoCfg(timestep=0.005, iterations=10, ls_iterations=20),
        ),
        decimation=4,
        episode_length_s=20.0,
        seed=0,
    )


@pytest.fixture
def standing_cfg() -> Callable[..., ManagerBasedRlEnvCfg]:
    """Makes the configuration of a G1 that stands on a plane."""
    return build_standing_cfg


@pytest.fixture
def actions() -> Callable[[int, int], torch.Tensor]:
    """The balanced pose plus offsets that differ between steps, joints and environments."""

    def make(step: int, num_envs: int, size: float = 0.1) -> torch.Tensor:
        phase = 0.3 * step + torch.arange(num_envs)[:, None] + 0.7 * torch.arange(29)
        return LEAN / torch.tensor(list(SCALE.values())) + size * torch.sin(phase)

    return make


@pytest.fixture
def plain():
    """Rolls out one environment's model, state and controls in plain MuJoCo."""
    import mujoco

    def make(env, index: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        model = copy.deepcopy(env.sim.mj_model)
        for name in env.sim.expanded_fields:
            field = getattr(model, name)
            field[:] = getattr(env.sim.model, name)[index].numpy().reshape(field.shape)
        data = mujoco.MjData(model)
        data.qpos[:] = env.sim.data.qpos[index].numpy()
        data.qvel[:] = env.sim.data.qvel[index].numpy()
        data.ctrl[:] = env.sim.data.ctrl[index].numpy()
        return model, data

    return make
