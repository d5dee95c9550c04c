"""What must happen between the physics steps of one control step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mjlab.actuator import (
    BuiltinMotorActuator,
    BuiltinMuscleActuator,
    BuiltinPositionActuator,
    BuiltinVelocityActuator,
)
from mjlab.envs.mdp import actions
from mjlab.sensor import ContactSensor
from mjlab.sensor.sensor import Sensor

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnv

# Their targets depend on the action alone, so writing them once holds for the whole control step.
_CONSTANT_ACTIONS = {
    actions.JointPositionAction,
    actions.JointVelocityAction,
    actions.JointEffortAction,
}
# MuJoCo evaluates their control law itself; every other actuator computes torques in torch.
_ENGINE_ACTUATORS = (
    BuiltinMotorActuator,
    BuiltinMuscleActuator,
    BuiltinPositionActuator,
    BuiltinVelocityActuator,
)


@dataclass(frozen=True)
class SubstepPlan:
    """Whether a control step may be one call to the engine, and if not, why.

    An action term of another class takes part in the fast path by a class attribute
    `constant_within_step = True`: its `apply_actions` writes the same targets at each substep.
    """

    write_reasons: tuple[str, ...]
    """What makes controls change between substeps."""
    read_reasons: tuple[str, ...]
    """What reads the simulation between substeps."""

    @property
    def one_call(self) -> bool:
        """Nothing happens between substeps."""
        return not self.write_reasons and not self.read_reasons

    @property
    def constant_controls(self) -> bool:
        """Controls need to be written only once."""
        return not self.write_reasons


def plan_substeps(env: "ManagerBasedRlEnv") -> SubstepPlan:
    """Look through a built environment for anything that acts at the physics rate."""
    writes = [
        f"action {name!r} ({type(term).__name__})"
        for name in env.action_manager.active_terms
        if not _is_constant_action(term := env.action_manager.get_term(name))
    ]
    for name, entity in env.scene.entities.items():
        writes += [
            f"actuator {type(actuator).__name__} of {name!r}"
            for actuator in entity.actuators
            if actuator.has_delay or not isinstance(actuator, _ENGINE_ACTUATORS)
        ]
    reads = [
        f"sensor {name!r}" for name, sensor in env.scene.sensors.items() if _reads_substeps(sensor)
    ]
    reads += [
        f"metric {name!r}"
        for name, cfg in (env.metrics_manager.cfg or {}).items()
        if cfg is not None and cfg.per_substep
    ]
    return SubstepPlan(write_reasons=tuple(writes), read_reasons=tuple(reads))


def _is_constant_action(term: Any) -> bool:
    declared = getattr(type(term), "constant_within_step", None)
    return bool(declared) if declared is not None else type(term) in _CONSTANT_ACTIONS


def _reads_substeps(sensor: Sensor) -> bool:
    if isinstance(sensor, ContactSensor):
        return sensor.cfg.track_air_time or sensor.cfg.history_length > 0
    return type(sensor).update is not Sensor.update
