"""The tracking task as an mjlab environment configuration."""

from dataclasses import replace
from pathlib import Path

from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.envs.mdp import dr
from mjlab.envs.mdp.terminations import time_out
from mjlab.managers import (
    CurriculumTermCfg,
    EventTermCfg,
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
from mjlab.viewer import ViewerConfig

from mimiclab.errors import RobotError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.robots import Robot, get_robot
from mimiclab.tasks.tracking.actions import TrackingActionCfg
from mimiclab.tasks.tracking.command import TrackingCommandCfg
from mimiclab.tasks.tracking.mdp import curriculum, events, observations, rewards, terminations
from mimiclab.tasks.tracking.noise import ScaledUniformNoiseCfg
from mimiclab.tasks.tracking.task import PHYSICS_HZ, CurriculumCfg, TrackingTask

_ENDLESS_S = 1e9


def tracking_env_cfg(
    task: TrackingTask,
    library: MotionLibrary | str | Path,
    *,
    num_envs: int,
    play: bool = False,
) -> ManagerBasedRlEnvCfg:
    """Configure the task for mjlab. Any engine runs it; see `simulation.make_env`.

    Args:
        task: the task and its variants.
        library: the clips, a saved library's path, or `builtin:NAME` which is made when the
            environment is.
        num_envs: number of environments.
        play: watch a policy: no noise, randomisation or pushes, endless episodes that begin at time
            0 of each clip in turn and wrap.

    Raises:
        RobotError: motions of another robot.
        MotionError: a clip shorter than one step or than the horizon.
    """
    if play:
        task = replace(
            task,
            noise=False,
            pushes=False,
            randomisation=False,
            reset_noise=0.0,
            clip_end="wrap",
            episode_length_s=_ENDLESS_S,
            sampler=SamplerCfg(kind="start"),
            curriculum=CurriculumCfg(),
        )
    robot = get_robot(task.robot)
    if isinstance(library, Path):
        library = str(library)
    if isinstance(library, MotionLibrary):
        _check_library(task, robot, library)
    return ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            terrain=TerrainEntityCfg(terrain_type="plane"),
            num_envs=num_envs,
            env_spacing=2.5,
            entities={"robot": robot.entity_cfg()},
            sensors=(_contact_sensor(task, robot),),
        ),
        observations=_observations(task),
        actions={
            "joint_pos": TrackingActionCfg(
                entity_name="robot",
                actuator_names=(".*",),
                scale={
                    name: float(scale) * task.action_scale
                    for name, scale in zip(robot.joint_names, robot.action_scale, strict=True)
                },
                residual=task.residual_action,
            )
        },
        commands={
            "motion": TrackingCommandCfg(
                library=library,
                robot=task.robot,
                sampler=task.sampler,
                reset_noise=task.reset_noise,
                difficulty=task.curriculum.start if task.curriculum.enabled else 1.0,
                wrap=task.clip_end == "wrap",
                stale_targets=task.stale_targets,
                horizon_s=task.horizon_s,
                debug_vis=True,
            )
        },
        events=_events(task, robot),
        rewards=_rewards(task),
        terminations=_terminations(task),
        curriculum=_curriculum(task.curriculum),
        sim=SimulationCfg(
            nconmax=35,
            njmax=250,
            mujoco=MujocoCfg(timestep=1.0 / PHYSICS_HZ, iterations=10, ls_iterations=20),
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


def _check_library(task: TrackingTask, robot: Robot, library: MotionLibrary) -> None:
    if library.robot != robot.name:
        raise RobotError(
            f"the motions are for robot {library.robot!r}, the task is for {robot.name!r}; "
            "retarget them or change the task's robot"
        )
    missing = sorted({robot.anchor_body, *robot.end_effectors} - set(library.body_names))
    if missing:
        raise RobotError(
            f"the motion library lacks the bodies {missing}, which the task compares; "
            "build it with all tracked bodies of the robot"
        )
    library.require_duration(task.step_s, "one control step")
    if task.horizon_s:
        library.require_duration(max(task.horizon_s), "the horizon of future frames")


def _observations(task: TrackingTask) -> dict[str, ObservationGroupCfg]:
    def term(name: str, noise: float = 0.0) -> ObservationTermCfg:
        return ObservationTermCfg(
            func=getattr(observations, name),
            noise=ScaledUniformNoiseCfg(n_min=-noise, n_max=noise) if noise else None,
        )

    actor = {
        "command": term("command"),
        "motion_anchor_pos_b": term("motion_anchor_pos_b", 0.25),
        "motion_anchor_ori_b": term("motion_anchor_ori_b", 0.05),
        "base_lin_vel": term("base_lin_vel", 0.5),
        "base_ang_vel": term("base_ang_vel", 0.2),
        "joint_pos": term("joint_pos", 0.01),
        "joint_vel": term("joint_vel", 0.5),
        "actions": term("actions"),
    }
    if not task.state_estimation:
        del actor["motion_anchor_pos_b"], actor["base_lin_vel"]
    critic = {
        name: term(name)
        for name in (
            "command", "motion_anchor_pos_b", "motion_anchor_ori_b", "body_pos", "body_ori",
            "base_lin_vel", "base_ang_vel", "joint_pos", "joint_vel", "actions",
        )
    }  # fmt: skip
    extra = {}
    if task.motion_id:
        extra["motion_id"] = term("motion_id")
    if task.horizon_s:
        extra["motion_future"] = term("motion_future")
    groups = {"actor": actor, "critic": critic}
    return {
        group: ObservationGroupCfg(
            terms={"command": terms["command"], **extra, **terms},
            enable_corruption=task.noise and group == "actor",
        )
        for group, terms in groups.items()
    }


def _rewards(task: TrackingTask) -> dict[str, RewardTermCfg]:
    def term(name: str, weight: float, **params: float) -> RewardTermCfg:
        return RewardTermCfg(func=getattr(rewards, name), weight=weight, params=params)

    return {
        "anchor_position": term("anchor_position", 0.5, std=0.3),
        "anchor_orientation": term("anchor_orientation", 0.5, std=0.4),
        "body_position": term("body_position", 1.0, std=0.3),
        "body_orientation": term("body_orientation", 1.0, std=0.4),
        "body_linear_velocity": term("body_linear_velocity", 1.0, std=1.0),
        "body_angular_velocity": term("body_angular_velocity", 1.0, std=3.14),
        "action_rate": term("action_rate", task.action_rate_weight),
        "joint_limit": term("joint_limit", -10.0),
        "undesired_contacts": term("undesired_contacts", -0.1, threshold=1.0),
    }


def _terminations(task: TrackingTask) -> dict[str, TerminationTermCfg]:
    terms = {
        "time_out": TerminationTermCfg(func=time_out, time_out=True),
        "anchor_pos": TerminationTermCfg(func=terminations.anchor_pos, params={"threshold": 0.25}),
        "anchor_ori": TerminationTermCfg(func=terminations.anchor_ori, params={"threshold": 0.8}),
        "ee_body_pos": TerminationTermCfg(
            func=terminations.ee_body_pos, params={"threshold": 0.25}
        ),
    }
    if task.clip_end == "terminate":
        terms["clip_end"] = TerminationTermCfg(func=terminations.clip_end, time_out=True)
    return terms


def _events(task: TrackingTask, robot: Robot) -> dict[str, EventTermCfg]:
    terms = {}
    if task.pushes:
        terms["push"] = EventTermCfg(
            func=events.push,
            mode="interval",
            interval_range_s=(1.0, 3.0),
            params={"scale": task.push_scale},
        )
    if not task.randomisation:
        return terms
    # Explicit contact pairs carry their own friction, and only models that have some can vary it.
    friction = events.foot_friction_with_pairs if robot.model.npair else events.foot_friction
    terms["foot_friction"] = EventTermCfg(
        func=friction, mode="startup", params={"range": (0.3, 1.2), "geoms": robot.foot_geoms}
    )
    terms["joint_offset"] = EventTermCfg(
        func=events.joint_offset, mode="startup", params={"range_rad": (-0.01, 0.01)}
    )
    terms["torso_com"] = EventTermCfg(
        func=dr.body_com_offset,
        mode="startup",
        params={
            "asset_cfg": SceneEntityCfg("robot", body_names=(robot.anchor_body,)),
            "operation": "add",
            "ranges": {0: (-0.025, 0.025), 1: (-0.05, 0.05), 2: (-0.05, 0.05)},
        },
    )
    return terms


def _curriculum(cfg: CurriculumCfg) -> dict[str, CurriculumTermCfg]:
    if not cfg.enabled:
        return {}
    return {
        "disturbance": CurriculumTermCfg(
            func=curriculum.DisturbanceCurriculum,
            params={
                "grow_above": cfg.grow_above,
                "shrink_below": cfg.shrink_below,
                "per_second": cfg.per_second,
            },
        )
    }


def _contact_sensor(task: TrackingTask, robot: Robot) -> ContactSensorCfg:
    """Net contact forces of all bodies that can touch something, end effectors left out."""
    model = robot.model
    solid = {
        model.body(model.geom_bodyid[i]).name
        for i in range(model.ngeom)
        if model.geom_contype[i] or model.geom_conaffinity[i]
    }
    watched = [n for n in robot.body_names if n in solid and n not in robot.end_effectors]
    return ContactSensorCfg(
        name="body_contacts",
        primary=ContactMatch(mode="body", pattern=tuple(watched), entity="robot"),
        fields=("force",),
        reduce="netforce",
        history_length=3 if task.contact_history else 0,
    )
