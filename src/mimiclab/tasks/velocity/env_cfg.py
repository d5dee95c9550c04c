"""The velocity task as an mjlab environment configuration."""

from dataclasses import replace

from mjlab.entity import EntityCfg
from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.envs.mdp.terminations import time_out
from mjlab.managers import CurriculumTermCfg, TerminationTermCfg
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.viewer import ViewerConfig

from mimiclab.robots import Robot, get_robot
from mimiclab.robots.walking import fall_bodies
from mimiclab.tasks.velocity.actions import VelocityActionCfg
from mimiclab.tasks.velocity.command import NAME, GaitCfg, VelocityCommandCfg
from mimiclab.tasks.velocity.event_cfg import event_cfgs
from mimiclab.tasks.velocity.ground import height_grid, terrain_cfg
from mimiclab.tasks.velocity.mdp import curriculum, terminations
from mimiclab.tasks.velocity.observation_cfg import observation_cfgs
from mimiclab.tasks.velocity.reward_cfg import PENALTIES, reward_cfgs
from mimiclab.tasks.velocity.task import VelocityTask

_ENDLESS_S = 1e9


def velocity_env_cfg(
    task: VelocityTask, *, num_envs: int, play: bool = False
) -> ManagerBasedRlEnvCfg:
    """Configure the task for mjlab. Any engine runs it; see `simulation.make_env`.

    Args:
        task: the task and its variants.
        num_envs: number of environments.
        play: watch a policy: no noise, randomisation or pushes, full penalties, endless episodes
            that begin at rest in the middle of a tile with the left foot at phase 0, and commands
            that are drawn at resets only; `VelocityCommand.hold` sets others.

    Raises:
        UnknownNameError: no such robot, reward term or observation term.
        RobotError: a robot without the parts that walking is about.
        TerrainError: a mesh that is not a height field.
    """
    if play:
        spawn = replace(task.ground.spawn, offset_m=0.0, random_tile=False)
        task = replace(
            task.nominal(),
            ground=replace(task.ground, spawn=spawn),
            episode_length_s=_ENDLESS_S,
            command=replace(task.command, resample_s=_ENDLESS_S),
            gait_hz_width=0.0,
        )
    robot = get_robot(task.robot)
    grid = height_grid(task.ground)
    return ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            terrain=terrain_cfg(task.ground, grid),
            num_envs=num_envs,
            env_spacing=2.5,
            entities={"robot": _entity(task, robot)},
            sensors=(
                ContactSensorCfg(
                    name=terminations.SENSOR,
                    primary=ContactMatch(mode="body", pattern=fall_bodies(robot), entity="robot"),
                    fields=("force",),
                    reduce="netforce",
                ),
            ),
        ),
        observations=observation_cfgs(task),
        actions={"joint_pos": _action(task, robot)},
        commands={NAME: _command(task, random_start=not play)},
        events=event_cfgs(task, robot, grid),
        rewards=reward_cfgs(task),
        terminations={
            "time_out": TerminationTermCfg(func=time_out, time_out=True),
            "contact": TerminationTermCfg(func=terminations.contact, params={"threshold_n": 1.0}),
        },
        curriculum=_curriculum(task),
        sim=SimulationCfg(
            # Capacities of MuJoCo Warp; a foot has more contacts with a height field.
            nconmax=35 if grid is None else 100,
            njmax=250 if grid is None else 500,
            mujoco=MujocoCfg(timestep=1.0 / task.physics_hz, iterations=10, ls_iterations=20),
        ),
        viewer=ViewerConfig(
            origin_type=ViewerConfig.OriginType.ASSET_BODY,
            entity_name="robot",
            body_name=robot.anchor_body,
            distance=2.8,
            fovy=55.0,
            elevation=-5.0,
            azimuth=120.0,
        ),
        decimation=task.decimation,
        episode_length_s=task.episode_length_s,
    )


def _entity(task: VelocityTask, robot: Robot) -> EntityCfg:
    entity = robot.entity_cfg()
    if not task.self_collision:
        # The ground asks for contact with the robot, whose own parts ask for none.
        entity.collisions = tuple(
            replace(cfg, contype=0, conaffinity=1) for cfg in entity.collisions
        )
    return entity


def _action(task: VelocityTask, robot: Robot) -> VelocityActionCfg:
    varied = task.randomisation
    scales = {name: task.action_scale for name in robot.joint_names}
    if task.action_scale_by_effort:
        factors = robot.effort_limit / robot.stiffness
        scales = {
            name: task.action_scale * float(factor)
            for name, factor in zip(robot.joint_names, factors, strict=True)
        }
    return VelocityActionCfg(
        entity_name="robot",
        actuator_names=(".*",),
        scale=scales,
        delay_steps=varied.action_delay_steps if varied.enabled else (0, 0),
        torque_noise=varied.torque_noise if varied.enabled else 0.0,
        stiffness=tuple(map(float, robot.stiffness)),
        effort_limit=tuple(map(float, robot.effort_limit)),
    )


def _command(task: VelocityTask, *, random_start: bool) -> VelocityCommandCfg:
    cfg = task.command
    # mjlab subtracts steps from the time left, which rounding may leave a little above 0.
    interval = cfg.resample_s - 0.5 * task.step_s
    return VelocityCommandCfg(
        robot=task.robot,
        resampling_time_range=(interval, interval),
        standing=cfg.standing,
        ranges=(cfg.lin_vel_x, cfg.lin_vel_y, cfg.ang_vel_z),
        gait=GaitCfg(hz=task.gait_hz, width_hz=task.gait_width, random_start=random_start),
        debug_vis=True,
    )


def _curriculum(task: VelocityTask) -> dict[str, CurriculumTermCfg]:
    if not task.penalties.enabled:
        return {}
    return {
        curriculum.NAME: CurriculumTermCfg(
            func=curriculum.PenaltyCurriculum,
            params={"penalties": task.penalties, "terms": PENALTIES},
        )
    }
