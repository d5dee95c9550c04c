"""What a tracking task is told: variants are fields, and fields combine freely.

Plain values only, so that a run can store them as JSON; nothing heavy is imported here.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mimiclab.errors import MimiclabError, MotionError
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.motions.library import MotionLibrary

PHYSICS_HZ = 200
"""Usual rate of physics steps, Hz."""


_CHOICES = {
    "clip_end": ("terminate", "wrap"),
    "reward": ("beyondmimic", "mosaic"),
    "ground": ("plane", "rough"),
}


@dataclass(kw_only=True)
class CurriculumCfg:
    """Disturbances that grow while the policy succeeds and shrink while it fails.

    They are reset noise, pushes and observation noise.
    """

    enabled: bool = False
    """Off: full disturbances from the start, as BeyondMimic."""
    start: float = 0.0
    """Scale of the disturbances at the beginning, 0 to 1."""
    grow_above: float = 0.7
    """Recent share of episodes without failure above which the scale grows."""
    shrink_below: float = 0.4
    """Recent share below which it shrinks."""
    per_second: float = 0.02
    """Change of the scale for each second of control time (not of wall clock)."""


@dataclass(kw_only=True)
class TrackingTask:
    """Follow reference motions: BeyondMimic's task, whose values are the defaults."""

    kind: ClassVar[str] = "tracking"
    robot: str = "unitree_g1"
    """Registry name of the robot."""
    state_estimation: bool = True
    """Whether the policy sees its anchor's position error and base linear velocity. Without them
    global position drifts; recommended for getting up from the ground."""
    control_hz: int = 50
    """Policy rate, Hz; a divisor of the physics rate. Clips are resampled to it."""
    physics_hz: int = PHYSICS_HZ
    """Rate of physics steps, Hz; MOSAIC uses 500 for H1_2 and Adam, which costs time in
    proportion."""
    residual_action: bool = False
    """Actions are offsets from the reference joint angles instead of from the default pose."""
    action_scale: float = 1.0
    """Multiplies the robot's action scale (a quarter of effort limit over stiffness)."""
    horizon_s: tuple[float, ...] = ()
    """Times ahead at which the policy also sees the reference, s; empty for the present alone."""
    history: int = 1
    """Frames of every term that the policy sees, term by term, oldest first; 5 in MOSAIC. After a
    reset all of them are the first one."""
    privileged: bool = False
    """The policy sees body poses and true velocities instead of what sensors give, without noise
    and with the true reference: an expert to learn from (MOSAIC)."""
    command_frames: int = 1
    """Consecutive reference frames in the command, from the present on; the last one is held."""
    command_velocity: bool = True
    """The command holds joint velocities beside joint angles."""
    reference_velocity: bool = False
    """The critic, and a privileged policy, see the reference anchor's linear velocity (MOSAIC)."""
    reference_gravity: bool = False
    """The policy sees gravity in the reference anchor's frame, which a velocity estimator needs."""
    interface: InterfaceCfg = field(default_factory=InterfaceCfg)
    """What a teleoperation interface does to the reference that the policy sees."""
    interface_groups: tuple[str, ...] = ()
    """Motion groups that come through the interface; empty for all clips."""
    motion_id: bool = False
    """Add a one-hot vector of the clip to the observations, right after the command."""
    clip_end: Literal["terminate", "wrap"] = "terminate"
    """At the end of a clip: end the episode as a time-out, or teleport to a new start inside it
    (BeyondMimic)."""
    reward: Literal["beyondmimic", "mosaic"] = "beyondmimic"
    """Reward terms: BeyondMimic's, which score bodies relative to the robot's heading and place, or
    MOSAIC's, which also score them in the world."""
    ground: Literal["plane", "rough"] = "plane"
    """Flat, or tiles of which half are uneven by 1 to 3 cm (MOSAIC); see `ground`."""
    actuator_delay_s: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest delay of joint targets, s, in whole physics steps; drawn at resets."""
    friction: tuple[float, float] = (0.3, 1.2)
    """Range of the feet's sliding friction under `randomisation`; MOSAIC goes to 1.6."""
    stale_targets: bool = False
    """Rewards use targets re-anchored at the end of the previous step, as BeyondMimic does, instead
    of at the state that they score."""
    contact_history: bool = False
    """Undesired contacts count over the last 3 physics steps, as BeyondMimic does; costs speed, as
    sensors are then read at every physics step."""
    episode_length_s: float = 10.0
    """Longest episode, s."""
    sampler: SamplerCfg = field(default_factory=SamplerCfg)
    """Where episodes start."""
    randomisation: bool = True
    """Friction, torso mass centre and joint offsets differ between environments."""
    noise: bool = True
    """Policy observations carry noise."""
    pushes: bool = True
    """The robot is pushed every 1 to 3 s."""
    push_scale: float = 1.0
    """Multiplies the strength of pushes."""
    reset_noise: float = 1.0
    """Multiplies the noise of the state at reset."""
    curriculum: CurriculumCfg = field(default_factory=CurriculumCfg)
    """Growth of reset noise and pushes with success."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: a value out of range.
        """
        if self.control_hz < 1 or self.physics_hz % self.control_hz:
            raise MimiclabError(
                f"control_hz is {self.control_hz}, expected a divisor of the physics rate "
                f"{self.physics_hz}, for example 25, 40, 50 or 100"
            )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise MimiclabError(
                    f"{name} is {getattr(self, name)!r}, expected {' or '.join(map(repr, choices))}"
                )
        if any(offset <= 0 for offset in self.horizon_s):
            raise MimiclabError(
                f"horizon_s is {tuple(self.horizon_s)}; every time ahead must be positive"
            )
        for name in ("action_scale", "episode_length_s"):
            if getattr(self, name) <= 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in ("push_scale", "reset_noise"):
            if getattr(self, name) < 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("history", "command_frames"):
            if getattr(self, name) < 1:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("horizon_s", "interface_groups", "actuator_delay_s", "friction"):
            setattr(self, name, tuple(getattr(self, name)))
        low, high = self.friction
        if not 0 < low <= high:
            raise MimiclabError(f"friction is {self.friction}, expected 0 < lowest <= highest")
        low, high = self.actuator_delay_s
        steps = [delay * self.physics_hz for delay in self.actuator_delay_s]
        if not 0 <= low <= high or any(abs(step - round(step)) > 1e-6 for step in steps):
            raise MimiclabError(
                f"actuator_delay_s is {self.actuator_delay_s}, expected 0 <= shortest <= longest, "
                f"whole physics steps of {1 / self.physics_hz:g} s"
            )

    def env_cfg(self, library: "MotionLibrary | None", **how: Any) -> "ManagerBasedRlEnvCfg":
        """The environment for mjlab; see `tracking_env_cfg`.

        Raises:
            MotionError: no motions.
        """
        from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg

        if library is None:
            raise MotionError("a tracking task was given no motions; give a motion library")
        return tracking_env_cfg(self, library, **how)

    def nominal(self) -> "TrackingTask":
        """The same without what makes training varied: disturbances, rough ground, late motors.

        Starts are uniform: the clips of all motion groups that the sampler asks for need not be at
        hand.
        """
        return replace(
            self,
            noise=False,
            pushes=False,
            randomisation=False,
            ground="plane",
            actuator_delay_s=(0.0, 0.0),
            sampler=SamplerCfg(kind="uniform"),
            curriculum=CurriculumCfg(),
        )

    @property
    def step_s(self) -> float:
        """Control step, s."""
        return 1.0 / self.control_hz

    @property
    def decimation(self) -> int:
        """Physics steps in one control step."""
        return self.physics_hz // self.control_hz

    @property
    def actuator_delay_steps(self) -> tuple[int, int]:
        """Shortest and longest delay of joint targets, physics steps."""
        low, high = (round(delay * self.physics_hz) for delay in self.actuator_delay_s)
        return low, high

    @property
    def action_rate_weight(self) -> float:
        """Weight of the action-rate penalty: -0.1 at 50 Hz, -0.05 at 25 Hz (BeyondMimic)."""
        return -0.1 * self.control_hz / 50.0

    def ppo_hints(self) -> dict[str, Any]:
        """PPO values that keep their meaning in seconds at this rate.

        At 50 Hz 24 steps, discount 0.99, lambda 0.95; at 25 Hz 12, 0.9801, 0.9025.
        """
        ratio = 50.0 / self.control_hz
        return {
            "steps_per_env": max(1, round(24 / ratio)),
            "discount": 0.99**ratio,
            "gae_lambda": 0.95**ratio,
        }
