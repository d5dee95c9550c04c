"""Command and limits of a velocity task, read off its built environment."""

from typing import Any

import numpy as np

from mimiclab.deployment.contract import Terminations
from mimiclab.deployment.velocity_command import GaitClock, VelocityCommand
from mimiclab.tasks.velocity.command import NAME
from mimiclab.tasks.velocity.mdp.terminations import SENSOR


def velocity_command(env: Any) -> VelocityCommand:
    """Ranges of the commands and the gait clock of `env`, an environment of a velocity task."""
    cfg = env.command_manager.get_term(NAME).cfg
    x, y, turn = ((float(low), float(high)) for low, high in cfg.ranges)
    return VelocityCommand(
        lin_vel_x=x,
        lin_vel_y=y,
        ang_vel_z=turn,
        gait=GaitClock(period_s=1.0 / cfg.gait.hz, start_phases=(0.0, float(-np.pi))),
    )


def fall_limits(env: Any) -> Terminations:
    """The bodies whose contact ends an episode of `env`; nothing is compared with a motion."""
    bodies: tuple[str, ...] = ()
    if "contact" in env.cfg.terminations:
        (sensor,) = [s for s in env.cfg.scene.sensors if s.name == SENSOR]
        pattern = sensor.primary.pattern
        bodies = (pattern,) if isinstance(pattern, str) else tuple(pattern)
    return Terminations(
        anchor_height_m=None,
        anchor_tilt=None,
        end_effector_height_m=None,
        contact_bodies=bodies,
    )
