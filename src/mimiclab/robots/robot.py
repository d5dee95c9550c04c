"""What mimiclab knows of a robot: its model, motors, default pose, named bodies and symmetry."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from mimiclab.errors import RobotError

if TYPE_CHECKING:
    from mjlab.entity import EntityCfg

    from mimiclab.robots.mirror import MirrorMap


@dataclass(frozen=True, kw_only=True)
class Motor:
    """An actuator type; PD gains follow from its reflected inertia (BeyondMimic, section III)."""

    effort_limit: float
    """Peak torque, N m."""
    velocity_limit: float
    """No-load speed, rad/s."""
    armature: float
    """Reflected rotor inertia, kg m^2."""
    natural_frequency_hz: float = 10.0
    """Closed-loop natural frequency of the PD law, Hz."""
    damping_ratio: float = 2.0
    """Closed-loop damping ratio of the PD law."""

    @classmethod
    def with_gains(
        cls,
        stiffness: float,
        damping: float,
        *,
        effort_limit: float,
        velocity_limit: float,
        armature: float,
    ) -> "Motor":
        """A motor whose PD gains (N m/rad, N m s/rad) the maker publishes as numbers.

        They are kept as the natural frequency and damping ratio that they amount to.

        Raises:
            RobotError: a gain or the armature is not positive.
        """
        if not min(stiffness, damping, armature) > 0:
            raise RobotError(
                f"motor with stiffness {stiffness}, damping {damping} and armature {armature}; "
                "each must be > 0"
            )
        omega = np.sqrt(stiffness / armature)
        return cls(
            effort_limit=effort_limit,
            velocity_limit=velocity_limit,
            armature=armature,
            natural_frequency_hz=omega / (2.0 * np.pi),
            damping_ratio=0.5 * damping / (armature * omega),
        )

    @property
    def stiffness(self) -> float:
        """Proportional gain: armature * omega^2, N m/rad."""
        return self.armature * (2.0 * np.pi * self.natural_frequency_hz) ** 2

    @property
    def damping(self) -> float:
        """Derivative gain: 2 * zeta * armature * omega, N m s/rad."""
        omega = 2.0 * np.pi * self.natural_frequency_hz
        return 2.0 * self.damping_ratio * self.armature * omega

    @property
    def action_scale(self) -> float:
        """Joint offset of a unit action: a quarter of the effort limit over the stiffness, rad."""
        return 0.25 * self.effort_limit / self.stiffness


_NEVER = 2**62
LANDMARKS = (
    "pelvis", "chest", "neck", "head",
    "left_hip", "left_knee", "left_ankle", "left_toe",
    "right_hip", "right_knee", "right_ankle", "right_toe",
    "left_shoulder", "left_elbow", "left_wrist", "left_hand",
    "right_shoulder", "right_elbow", "right_wrist", "right_hand",
)  # fmt: skip
"""Anatomical points that people and robots share: joint centres, and `pelvis` midway between the
hips, `chest` midway between the shoulders, `toe` the ball of the foot, `hand` the knuckles."""


@dataclass(frozen=True)
class LandmarkPoint:
    """Where a landmark sits on a robot."""

    body: str
    point: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the body's frame, m."""


@dataclass(frozen=True, kw_only=True)
class Robot:
    """A humanoid with a floating root and one motor for each joint. Joint order is the model's."""

    name: str
    """Registry name, for example `unitree_g1`."""
    spec_fn: Callable[[], mujoco.MjSpec]
    """Makes the bare model: root free joint, no floor, no actuators."""
    motors: dict[str, Motor]
    """Joint-name regular expression to motor; each joint matches exactly one."""
    default_joint_pos: dict[str, float]
    """Joint-name regular expression to angle in rad; joints that match none rest at 0."""
    default_root_height: float
    """Height of the root in the default pose on flat ground, m."""
    root_body: str
    anchor_body: str
    """Body whose heading and position re-anchor the reference (BeyondMimic: the torso)."""
    tracked_bodies: tuple[str, ...]
    """Bodies scored by rewards and metrics; the root comes first."""
    end_effectors: tuple[str, ...]
    """Bodies whose height error ends an episode; the only ones free to touch things."""
    feet: tuple[str, str]
    """Left and right foot bodies."""
    foot_geoms: str
    """Regular expression of the collision geoms under the feet."""
    landmarks: dict[str, LandmarkPoint] = field(default_factory=dict)
    """Names of `LANDMARKS` to points on the robot, for retargeting; a robot may lack some."""
    mirror_swap: tuple[tuple[str, str], ...] = (("left_", "right_"),)
    """Leading or trailing parts of names exchanged by reflection in the sagittal plane."""
    mirror_tolerance_m: float = 2e-3
    """How far bodies may be from their mirror images: models are rounded, robots are assembled."""
    spawn_height: float | None = None
    """Height of the root where a walking episode begins with varied joint angles, m; None for 4 cm
    above `default_root_height`."""
    fall_bodies: tuple[str, ...] = ()
    """Regular expressions of the bodies that touch the ground only in a fall; empty for root and
    anchor."""
    varied_masses: tuple[str, ...] = ()
    """Regular expressions of the bodies whose masses differ between copies of the robot; empty for
    the root and the legs."""
    collisions_fn: Callable[[], tuple] = field(default=tuple)
    """Makes mjlab `CollisionCfg`s; called only when a simulation is built, as it imports mjlab."""
    soft_limit_factor: float = 0.9
    """Share of each joint's range, about its middle, outside of which rewards punish."""
    urls: tuple[str, ...] = ()
    """Where the numbers come from."""

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The bare compiled model: kinematics, masses, limits. Treat it as read-only."""
        return self.spec_fn().compile()

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        """Actuated joints in model order (all but the free root joint)."""
        m = self.model
        return tuple(
            m.joint(i).name for i in range(m.njnt) if m.jnt_type[i] != mujoco.mjtJoint.mjJNT_FREE
        )

    @cached_property
    def body_names(self) -> tuple[str, ...]:
        """Bodies in model order, the world left out; the root is first."""
        return tuple(self.model.body(i).name for i in range(1, self.model.nbody))

    @property
    def num_joints(self) -> int:
        """Number of actuated joints."""
        return len(self.joint_names)

    @cached_property
    def joint_motors(self) -> tuple[Motor, ...]:
        """The motor of each joint, in joint order."""
        found = []
        for joint in self.joint_names:
            matches = [m for pattern, m in self.motors.items() if re.fullmatch(pattern, joint)]
            if len(matches) != 1:
                raise RobotError(
                    f"robot {self.name}: joint {joint!r} matches {len(matches)} motor patterns, "
                    "expected exactly one; correct `motors`"
                )
            found.append(matches[0])
        return tuple(found)

    @cached_property
    def stiffness(self) -> np.ndarray:
        """PD stiffness for each joint, N m/rad. Shape (J,)."""
        return np.array([m.stiffness for m in self.joint_motors])

    @cached_property
    def damping(self) -> np.ndarray:
        """PD damping for each joint, N m s/rad. Shape (J,)."""
        return np.array([m.damping for m in self.joint_motors])

    @cached_property
    def effort_limit(self) -> np.ndarray:
        """Torque limit for each joint, N m. Shape (J,)."""
        return np.array([m.effort_limit for m in self.joint_motors])

    @cached_property
    def velocity_limit(self) -> np.ndarray:
        """Speed limit for each joint, rad/s. Shape (J,)."""
        return np.array([m.velocity_limit for m in self.joint_motors])

    @cached_property
    def armature(self) -> np.ndarray:
        """Reflected inertia for each joint, kg m^2. Shape (J,)."""
        return np.array([m.armature for m in self.joint_motors])

    @cached_property
    def action_scale(self) -> np.ndarray:
        """Joint offset of a unit action, rad. Shape (J,)."""
        return np.array([m.action_scale for m in self.joint_motors])

    @cached_property
    def default_pose(self) -> np.ndarray:
        """Default joint angles in joint order, rad. Shape (J,)."""
        pose = np.zeros(self.num_joints)
        for i, joint in enumerate(self.joint_names):
            for pattern, angle in self.default_joint_pos.items():
                if re.fullmatch(pattern, joint):
                    pose[i] = angle
        return pose

    @cached_property
    def joint_limits(self) -> np.ndarray:
        """Lower and upper joint limits, rad. Shape (J, 2); unlimited joints get +-inf."""
        m = self.model
        ids = [m.joint(name).id for name in self.joint_names]
        limited = m.jnt_limited[ids].astype(bool)[:, None]
        return np.where(limited, m.jnt_range[ids], [-np.inf, np.inf])

    @cached_property
    def model_hash(self) -> str:
        """SHA-256 of the model's kinematics, masses and joint limits; visuals do not count."""
        m = self.model
        digest = hashlib.sha256("|".join((*self.joint_names, *self.body_names)).encode())
        for array in (
            m.body_parentid, m.body_pos, m.body_quat, m.body_mass, m.body_inertia, m.body_ipos,
            m.body_iquat, m.jnt_axis, m.jnt_pos, m.jnt_range,
        ):  # fmt: skip
            digest.update(np.round(np.asarray(array, np.float64), 9).tobytes())
        return digest.hexdigest()

    @cached_property
    def mirror(self) -> "MirrorMap":
        """Left-right symmetry of joints and bodies, derived from names and joint axes.

        Raises:
            RobotError: the robot is not symmetric.
        """
        from mimiclab.robots.mirror import derive_mirror

        return derive_mirror(self)

    def mirrored_name(self, name: str) -> str:
        """Name of the joint or body on the other side; a central one is its own mirror image."""
        return mirrored_name(name, self.mirror_swap)

    def entity_cfg(self, delay_steps: tuple[int, int] = (0, 0)) -> "EntityCfg":
        """A fresh mjlab entity: this model with position actuators, default pose and collisions.

        Args:
            delay_steps: shortest and longest delay of targets in physics steps; one is drawn for
                all joints of an environment when it is reset.
        """
        from mjlab.actuator import BuiltinPositionActuatorCfg
        from mjlab.entity import EntityArticulationInfoCfg, EntityCfg

        actuators = tuple(
            BuiltinPositionActuatorCfg(
                target_names_expr=(pattern,),
                stiffness=motor.stiffness,
                damping=motor.damping,
                effort_limit=motor.effort_limit,
                armature=motor.armature,
                delay_min_lag=delay_steps[0],
                delay_max_lag=delay_steps[1],
                # Lags are drawn at the first step after a reset, and then not before this many.
                delay_update_period=_NEVER if delay_steps[1] else 0,
                delay_per_env_phase=False,
            )
            for pattern, motor in self.motors.items()
        )
        return EntityCfg(
            spec_fn=self.spec_fn,
            init_state=EntityCfg.InitialStateCfg(
                pos=(0.0, 0.0, self.default_root_height),
                joint_pos=dict(self.default_joint_pos) or {".*": 0.0},
                joint_vel={".*": 0.0},
            ),
            collisions=self.collisions_fn(),
            articulation=EntityArticulationInfoCfg(
                actuators=actuators, soft_joint_pos_limit_factor=self.soft_limit_factor
            ),
        )


def mirrored_name(name: str, swap: tuple[tuple[str, str], ...]) -> str:
    """`name` with its leading, else its trailing, part exchanged by the first pair that fits."""
    for pair in swap:
        for old, new in (pair, pair[::-1]):
            if name.startswith(old):
                return new + name.removeprefix(old)
            if name.endswith(old):
                return name.removesuffix(old) + new
    return name
