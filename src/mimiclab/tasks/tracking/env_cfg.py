"""The tracking task as an mjlab environment configuration."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mjlab.envs import ManagerBasedRlEnvCfg
from mjlab.envs.mdp import dr
from mjlab.envs.mdp.terminations import time_out
from mjlab.managers import (
    CurriculumTermCfg,
    EventTermCfg,
    SceneEntityCfg,
    TerminationTermCfg,
)
from mjlab.scene import SceneCfg
from mjlab.sensor import ContactMatch, ContactSensorCfg
from mjlab.sim import MujocoCfg, SimulationCfg
from mjlab.viewer import ViewerConfig

from mimiclab.errors import RobotError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.robots import Robot, get_robot
from mimiclab.tasks.foot_friction import foot_friction_cfg
from mimiclab.tasks.tracking.actions import TrackingActionCfg
from mimiclab.tasks.tracking.command import TrackingCommandCfg
from mimiclab.tasks.tracking.ground import ground_cfg
from mimiclab.tasks.tracking.mdp import curriculum, events, terminations
from mimiclab.tasks.tracking.observation_cfg import observation_cfgs
from mimiclab.tasks.tracking.reward_cfg import reward_cfgs
from mimiclab.tasks.tracking.task import CurriculumCfg, TrackingTask

_ENDLESS_S = 1e9


def tracking_env_cfg(
    task: TrackingTask,
    library: MotionLibrary | str | Path,
    *,
    num_envs: int,
    play: bool = False,
    views: Mapping[str, TrackingTask] | None = None,
    extra: tuple[str, ...] = (),
) -> ManagerBasedRlEnvCfg:
    """Configure the task for mjlab. Any engine runs it; see `simulation.make_env`.

    Args:
        task: the task and its variants.
        library: the clips, a saved library's path, or `builtin:NAME` which is made when the
            environment is.
        num_envs: number of environments.
        play: watch a policy: no noise, randomisation, delays or pushes, flat ground, endless
            episodes that begin at time 0 of each clip in turn and wrap.
        views: more groups of observations, by name: what a policy of another task would see in
            this environment, without noise and with the true reference; for teachers.
        extra: more groups of a single term: `motion_group` (N, 1), the number of the clip's group,
            and `reference_joint_pos` (N, J), rad.

    Raises:
        MimiclabError: a view of another robot, rate or horizon, or an unknown extra group.
        RobotError: motions of another robot, or rewards that the robot has no bodies for.
        MotionError: a clip shorter than one step or than the horizon.
    """
    if play:
        task = replace(
            task.nominal(),
            reset_noise=0.0,
            clip_end="wrap",
            episode_length_s=_ENDLESS_S,
            sampler=SamplerCfg(kind="start"),
        )
    robot = get_robot(task.robot)
    if isinstance(library, Path):
        library = str(library)
    if isinstance(library, MotionLibrary):
        _check_library(task, robot, library)
    return ManagerBasedRlEnvCfg(
        scene=SceneCfg(
            terrain=ground_cfg(task.ground),
            num_envs=num_envs,
            env_spacing=2.5,
            entities={"robot": robot.entity_cfg(task.actuator_delay_steps)},
            sensors=(_contact_sensor(task, robot),),
        ),
        observations=observation_cfgs(task, views or {}, extra),
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
                interface=task.interface,
                interface_groups=task.interface_groups,
                debug_vis=True,
            )
        },
        events=_events(task, robot),
        rewards=reward_cfgs(task),
        terminations=_terminations(task),
        curriculum=_curriculum(task.curriculum),
        sim=SimulationCfg(
            # Capacities of MuJoCo Warp; a foot has more contacts with a height field.
            nconmax=35 if task.ground == "plane" else 100,
            njmax=250 if task.ground == "plane" else 500,
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
    terms["foot_friction"] = foot_friction_cfg(robot, task.friction)
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
