"""The events of the velocity task: starts, disturbances and differences between environments."""

from mjlab.envs.mdp import dr
from mjlab.managers import EventTermCfg, SceneEntityCfg

from mimiclab.robots import Robot
from mimiclab.robots.walking import varied_masses
from mimiclab.tasks.foot_friction import foot_friction_cfg
from mimiclab.tasks.velocity.heights import HeightGrid
from mimiclab.tasks.velocity.mdp import curriculum, events, history
from mimiclab.tasks.velocity.published import published
from mimiclab.tasks.velocity.task import RandomisationCfg, VelocityTask

_SPAWN_ABOVE_M = 0.04
"""Height of a start above the default pose, where the robot does not say, m."""


def event_cfgs(
    task: VelocityTask, robot: Robot, grid: HeightGrid | None
) -> dict[str, EventTermCfg]:
    """The event terms of the task, by name."""
    height = robot.spawn_height
    terms = {
        "spawn": EventTermCfg(
            func=events.Spawn,
            mode="reset",
            params={
                "height": robot.default_root_height + _SPAWN_ABOVE_M if height is None else height,
                "origins": None if grid is None else grid.origins,
                "spawn": task.ground.spawn,
                "noise": task.reset_noise,
            },
        )
    }
    if task.history > 1:
        terms["zero_padding"] = EventTermCfg(func=history.pad_histories, mode="startup")
    if task.penalties.enabled:
        terms["advance_penalties"] = EventTermCfg(func=curriculum.advance_penalties, mode="step")
    if task.randomisation.enabled:
        terms |= _randomisation(task.randomisation, robot)
    return terms


def _randomisation(cfg: RandomisationCfg, robot: Robot) -> dict[str, EventTermCfg]:
    usual = published(robot.name)
    friction = usual.friction if cfg.friction is None else cfg.friction
    com = usual.com_offset_m if cfg.com_offset_m is None else cfg.com_offset_m
    terms = {"foot_friction": foot_friction_cfg(robot, friction)}
    if cfg.push_speed:
        terms["push"] = EventTermCfg(
            func=events.push,
            mode="interval",
            interval_range_s=cfg.push_interval_s,
            params={"speed": cfg.push_speed},
        )
    if cfg.gains != (1.0, 1.0):
        terms["gains"] = EventTermCfg(
            func=dr.pd_gains,
            mode="reset",
            params={
                "asset_cfg": SceneEntityCfg("robot"),
                "kp_range": cfg.gains,
                "kd_range": cfg.gains,
            },
        )
    if (cfg.link_mass, cfg.torso_mass_kg) != ((1.0, 1.0), (0.0, 0.0)):
        terms["masses"] = EventTermCfg(
            func=events.masses,
            mode="startup",
            params={
                "scaled": varied_masses(robot),
                "scale": cfg.link_mass,
                "torso": robot.anchor_body,
                "added_kg": cfg.torso_mass_kg,
            },
        )
    if com:
        terms["torso_com"] = EventTermCfg(
            func=dr.body_com_offset,
            mode="startup",
            params={
                "asset_cfg": SceneEntityCfg("robot", body_names=(robot.anchor_body,)),
                "operation": "add",
                "ranges": {axis: (-com, com) for axis in range(3)},
            },
        )
    if cfg.joint_bias_rad:
        terms["joint_bias"] = EventTermCfg(
            func=dr.encoder_bias,
            mode="startup",
            params={"bias_range": (-cfg.joint_bias_rad, cfg.joint_bias_rad)},
        )
    return terms
