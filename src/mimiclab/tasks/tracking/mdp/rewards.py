"""Reward terms: shared errors of the tracking state through the formulas of `rewards`."""

from typing import TYPE_CHECKING

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import RewardTermCfg
from mjlab.sensor import ContactSensor

from mimiclab.tasks import formulas
from mimiclab.tasks.tracking import rewards
from mimiclab.tasks.tracking.bodies import HEAD_AND_HANDS, BodyPoints, lower_and_upper
from mimiclab.tasks.tracking.mdp.observations import tracking
from mimiclab.tasks.tracking.state import squared_distance

if TYPE_CHECKING:
    from mimiclab.tasks.tracking.command import TrackingCommand


def anchor_position(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Global anchor position, `std` in m."""
    return rewards.gaussian(tracking(env).state.anchor_pos_sq, std)


def anchor_orientation(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Global anchor orientation, `std` in rad."""
    return rewards.gaussian(tracking(env).state.anchor_angle.square(), std)


def body_position(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body positions against re-anchored targets, `std` in m."""
    return rewards.gaussian(tracking(env).state.body_pos_sq, std)


def body_orientation(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body orientations against re-anchored targets, `std` in rad."""
    return rewards.gaussian(tracking(env).state.body_angle.square(), std)


def body_linear_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body linear velocities in the world frame, `std` in m/s."""
    return rewards.gaussian(tracking(env).state.body_lin_vel_sq, std)


def body_angular_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body angular velocities in the world frame, `std` in rad/s."""
    return rewards.gaussian(tracking(env).state.body_ang_vel_sq, std)


def anchor_linear_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Anchor linear velocity in the world frame, `std` in m/s. MOSAIC: motion_anchor_lin_vel."""
    term = tracking(env)
    return rewards.gaussian(term.state.body_lin_vel_sq[:, term.anchor_index], std)


def world_orientation(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """Body orientations in the world, `std` in rad. MOSAIC: teleop_body_rotation_extend."""
    return rewards.gaussian(tracking(env).state.world_angle.square(), std)


def world_linear_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """`body_linear_velocity`, mean over axes too. MOSAIC: teleop_body_velocity_extend."""
    return rewards.gaussian_per_axis(tracking(env).state.body_lin_vel_sq, std)


def world_angular_velocity(env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
    """`body_angular_velocity`, mean over axes too. MOSAIC: teleop_body_ang_velocity_extend."""
    return rewards.gaussian_per_axis(tracking(env).state.body_ang_vel_sq, std)


class WorldPosition:
    """Body positions in the world: legs and trunk, plus arms, each at most 1; `std` in m.

    MOSAIC: teleop_body_position_extend, with the wrists among the arms; see
    `bodies.lower_and_upper`.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Divide the tracked bodies."""
        del cfg
        term = tracking(env)
        self._sets = [_indices(s, term) for s in lower_and_upper(term.robot, _bodies(term))]

    def __call__(self, env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
        """Between 0 and 2."""
        square = tracking(env).state.world_pos_sq
        lower, upper = (rewards.gaussian_per_axis(square[:, ids], std) for ids in self._sets)
        return lower + upper


class FeetPosition:
    """Positions of both feet in the world, `std` in m. MOSAIC: teleop_body_position_feet."""

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Find the feet."""
        del cfg
        term = tracking(env)
        self._feet = _indices([_bodies(term).index(name) for name in term.robot.feet], term)

    def __call__(self, env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
        """Between 0 and 1."""
        return rewards.gaussian_per_axis(tracking(env).state.world_pos_sq[:, self._feet], std)


class HeadAndHands:
    """Positions of the head and both hands in the world, `std` in m. MOSAIC: teleop_vr_3point.

    The points are the robot's landmarks `head`, `left_hand` and `right_hand`: on the G1 the middle
    of the head, 0.42 m above the torso link's origin, and the knuckles, 8 cm beyond the wrists. In
    MOSAIC this term is always 0, as it looks for bodies that are not tracked.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Find the three points."""
        del cfg
        term = tracking(env)
        self._points = BodyPoints(term.robot, HEAD_AND_HANDS, _bodies(term), term.device)

    def __call__(self, env: ManagerBasedRlEnv, std: float) -> torch.Tensor:
        """Between 0 and 1."""
        state = tracking(env).state
        robot = self._points(state.body_pos_w, state.body_quat_w, state.joint_pos)
        ref = state.ref
        goal = self._points(ref.body_pos_w, ref.body_quat_w, ref.joint_pos)
        return rewards.gaussian_per_axis(squared_distance(goal, robot), std)


class JointAcceleration:
    """Sum of squared joint accelerations over the last physics step, rad^2/s^4. MOSAIC: joint_acc.

    The change of velocity that really happened: MuJoCo's `qacc` leaves out its implicit damping,
    and its square is about three times as large here.
    """

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Find the motors, whose velocities are those before the last physics step."""
        del cfg
        term, model = tracking(env), env.sim.mj_model
        motor_of = {int(model.actuator_trnid[i, 0]): i for i in range(model.nu)}
        motors = [motor_of[int(i)] for i in term.entity.indexing.joint_ids]
        self._motors = torch.tensor(motors, device=term.device)
        self._gear = torch.tensor(
            model.actuator_gear[motors, 0], dtype=torch.float32, device=term.device
        )
        _ = env.sim.data.actuator_velocity  # asks the native engine to keep it

    def __call__(self, env: ManagerBasedRlEnv) -> torch.Tensor:
        """Not negative."""
        before = env.sim.data.actuator_velocity[:, self._motors] / self._gear
        change = tracking(env).state.joint_vel - before
        return rewards.sum_of_squares(change / env.physics_dt)


class JointTorque:
    """Sum of squared joint torques in the last physics step, (N m)^2. MOSAIC: joint_torque."""

    def __init__(self, cfg: RewardTermCfg, env: ManagerBasedRlEnv) -> None:
        """Ask the engine for torques."""
        del cfg
        self._joints = tracking(env).entity.indexing.joint_v_adr
        _ = env.sim.data.qfrc_actuator  # asks the native engine to keep it

    def __call__(self, env: ManagerBasedRlEnv) -> torch.Tensor:
        """Not negative."""
        return rewards.sum_of_squares(env.sim.data.qfrc_actuator[:, self._joints])


def action_rate(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Squared change of the raw action."""
    return formulas.action_rate(env.action_manager.action, env.action_manager.prev_action)


def joint_limit(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Radians outside the soft joint limits."""
    term = tracking(env)
    return rewards.limit_excess(term.state.joint_pos, *term.soft_limits)


def undesired_contacts(
    env: ManagerBasedRlEnv, threshold: float, sensor_name: str = "body_contacts"
) -> torch.Tensor:
    """Bodies other than the end effectors that touch anything with more than `threshold` N."""
    sensor: ContactSensor = env.scene[sensor_name]
    data = sensor.data
    force = data.force if data.force_history is None else data.force_history
    assert force is not None  # the sensor is configured with this field
    return formulas.contact_count(force, threshold)


def _bodies(term: "TrackingCommand") -> tuple[str, ...]:
    return tuple(term.library.body_names)


def _indices(values: list[int], term: "TrackingCommand") -> torch.Tensor:
    return torch.tensor(values, device=term.device)
