"""What a velocity task is told: variants are fields, and fields combine freely.

Plain values only, so that a run can store them as JSON; nothing heavy is imported here.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from mimiclab.errors import MimiclabError
from mimiclab.tasks.velocity.ground_cfg import GroundCfg
from mimiclab.tasks.velocity.published import published

if TYPE_CHECKING:
    from mjlab.envs import ManagerBasedRlEnvCfg

    from mimiclab.motions.library import MotionLibrary

Range = tuple[float, float]


@dataclass(kw_only=True)
class CommandCfg:
    """Velocities that are asked for, in the root's frame. Source: Holosoma."""

    lin_vel_x: Range = (-1.0, 1.0)
    """Forward, m/s."""
    lin_vel_y: Range = (-1.0, 1.0)
    """To the left, m/s."""
    ang_vel_z: Range = (-1.0, 1.0)
    """Turning left, rad/s."""
    standing: float = 0.2
    """Share of commands that are 0."""
    resample_s: float = 10.0
    """Time between new commands, s; another one comes with each reset."""


@dataclass(kw_only=True)
class RandomisationCfg:
    """How environments differ, and how the robot is disturbed. Source: Holosoma.

    A range whose ends are the nominal value switches an item off.
    """

    enabled: bool = True
    """Off: all environments are alike, and nothing disturbs them."""
    push_speed: float = 1.0
    """A push replaces the root's velocity in x and y by up to this, m/s; 0 for none."""
    push_interval_s: Range = (5.0, 10.0)
    """Time between pushes, s."""
    action_delay_steps: tuple[int, int] = (0, 1)
    """Shortest and longest delay of actions, control steps; drawn at resets."""
    gains: Range = (0.9, 1.1)
    """Factor on stiffness, and another on damping, of each joint; drawn at resets."""
    link_mass: Range = (0.9, 1.2)
    """Factor on mass and inertia of root and legs."""
    torso_mass_kg: Range = (-1.0, 3.0)
    """Added to the anchor body."""
    friction: Range | None = None
    """Sliding friction of the feet; None for the robot's published range."""
    com_offset_m: float | None = None
    """Largest offset of the anchor body's mass centre along each axis, m; None as published."""
    torque_noise: float = 0.0
    """Half-width of uniform torque noise, as a share of each effort limit; 0.1 in Holosoma, where
    it is off too. Drawn at each control step."""
    joint_bias_rad: float = 0.0
    """Largest error of joint encoders, rad; 0.01 in Holosoma, where it is off too."""


@dataclass(kw_only=True)
class PenaltyCfg:
    """Penalties that grow while episodes are long and shrink while they are short.

    Source: Holosoma. The defaults are those of its PPO.
    """

    enabled: bool = True
    """Off: full penalties from the start."""
    start: float = 0.1
    """Factor on the penalties at the beginning."""
    lowest: float = 0.0
    """Smallest factor."""
    highest: float = 1.0
    """Largest factor."""
    degree: float = 2.5e-4
    """Relative change of the factor at each control step."""
    shrink_below_s: float = 3.0
    """Average episode length below which penalties shrink, s."""
    grow_above_s: float = 15.0
    """Average episode length above which penalties grow, s."""


@dataclass(kw_only=True)
class VelocityTask:
    """Walk at a commanded velocity: Holosoma's task, whose values for PPO are the defaults."""

    kind: ClassVar[str] = "velocity"
    robot: str = "unitree_g1"
    """Registry name of the robot."""
    control_hz: int = 50
    """Policy rate, Hz; a divisor of the physics rate."""
    physics_hz: int = 200
    """Rate of physics steps, Hz."""
    episode_length_s: float = 20.0
    """Longest episode, s."""
    action_scale: float = 0.25
    """Joint offset of a unit action, rad; with `action_scale_by_effort` times effort limit over
    stiffness."""
    action_scale_by_effort: bool = False
    """Scale each joint's action by its effort limit over its stiffness."""
    history: int = 1
    """Frames of every term that policy and critic see, term by term, oldest first; 0 where the
    episode is younger."""
    noise: bool = True
    """Policy observations carry noise."""
    observation_scales: dict[str, float] = field(default_factory=dict)
    """Factors on observation terms, by name, in place of the published ones."""
    command: CommandCfg = field(default_factory=CommandCfg)
    """Velocities that are asked for."""
    gait_hz: float = 1.0
    """Steps of one foot in a second."""
    gait_hz_width: float | None = None
    """A frequency within this of `gait_hz` is drawn with each command; None as published."""
    swing_height_m: float = 0.09
    """How high a foot should swing, m."""
    feet_distance_m: float = 0.15
    """Feet closer than this sideways are punished, m."""
    alive_weight: float = 1.0
    """Reward for each second; 1 for PPO, 10 for FastSAC (Holosoma)."""
    reward_weights: dict[str, float] = field(default_factory=dict)
    """Weights of reward terms, by name, in place of the published ones."""
    penalties: PenaltyCfg = field(default_factory=PenaltyCfg)
    """Growth of the penalties."""
    randomisation: RandomisationCfg = field(default_factory=RandomisationCfg)
    """Differences and disturbances."""
    reset_noise: float = 1.0
    """Multiplies the spread of velocities and joint angles at reset."""
    self_collision: bool = False
    """Parts of the robot collide with each other."""
    ground: GroundCfg = field(default_factory=GroundCfg)
    """What the robot walks on."""

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
        for name in ("episode_length_s", "action_scale", "gait_hz"):
            if getattr(self, name) <= 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in ("reset_noise", "swing_height_m", "feet_distance_m"):
            if getattr(self, name) < 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if self.history < 1:
            raise MimiclabError(f"history is {self.history}, expected 1 or more")
        if not 0 <= self.gait_width < self.gait_hz:
            raise MimiclabError(
                f"gait_hz_width is {self.gait_width}, expected 0 or more, and less than gait_hz "
                f"{self.gait_hz}"
            )
        _check_command(self.command)
        _check_penalties(self.penalties)
        _check_randomisation(self.randomisation)

    def env_cfg(
        self,
        library: "MotionLibrary | None" = None,
        *,
        num_envs: int,
        play: bool = False,
        **more: Any,
    ) -> "ManagerBasedRlEnvCfg":
        """The environment for mjlab; see `velocity_env_cfg`.

        Raises:
            MimiclabError: motions, or observations of another task.
        """
        from mimiclab.tasks.velocity.env_cfg import velocity_env_cfg

        unfit = [name for name, value in {"motions": library, **more}.items() if value]
        if unfit:
            raise MimiclabError(
                f"a velocity task was given {', '.join(unfit)}, which only tracking tasks use; "
                "leave them out"
            )
        return velocity_env_cfg(self, num_envs=num_envs, play=play)

    def nominal(self) -> "VelocityTask":
        """The same without what makes training varied: noise, differences, disturbances, ground."""
        return replace(
            self,
            noise=False,
            randomisation=replace(self.randomisation, enabled=False),
            reset_noise=0.0,
            ground=GroundCfg(kind="plane"),
            penalties=replace(self.penalties, enabled=False),
        )

    def for_fastsac(self) -> "VelocityTask":
        """The same with Holosoma's values for FastSAC: reward for living 10, milder curriculum."""
        penalties = replace(self.penalties, start=0.5, lowest=0.5, highest=1.0, degree=1e-3)
        return replace(self, alive_weight=10.0, penalties=penalties)

    @property
    def step_s(self) -> float:
        """Control step, s."""
        return 1.0 / self.control_hz

    @property
    def decimation(self) -> int:
        """Physics steps in one control step."""
        return self.physics_hz // self.control_hz

    @property
    def gait_width(self) -> float:
        """Largest difference of the gait frequency from `gait_hz`, Hz."""
        width = self.gait_hz_width
        return published(self.robot).gait_hz_width if width is None else width

    def ppo_hints(self) -> dict[str, Any]:
        """PPO values that keep their meaning in seconds at this rate; at 50 Hz Holosoma's."""
        ratio = 50.0 / self.control_hz
        return {
            "steps_per_env": max(1, round(24 / ratio)),
            "discount": 0.99**ratio,
            "gae_lambda": 0.95**ratio,
        }


def _check_range(where: str, values: tuple, lowest: float | None = None) -> None:
    if len(values) != 2 or values[0] > values[1] or (lowest is not None and values[0] < lowest):
        least = "" if lowest is None else f", not below {lowest:g}"
        raise MimiclabError(f"{where} is {values}, expected lower and upper end{least}")


def _check_command(cfg: CommandCfg) -> None:
    for name in ("lin_vel_x", "lin_vel_y", "ang_vel_z"):
        _check_range(f"command.{name}", getattr(cfg, name))
    if not 0 <= cfg.standing <= 1:
        raise MimiclabError(f"command.standing is {cfg.standing}, expected a share from 0 to 1")
    if cfg.resample_s <= 0:
        raise MimiclabError(f"command.resample_s is {cfg.resample_s}, expected more than 0")


def _check_randomisation(cfg: RandomisationCfg) -> None:
    for name, lowest in {"push_interval_s": 0.02, "action_delay_steps": 0, "gains": 0.01}.items():
        _check_range(f"randomisation.{name}", getattr(cfg, name), lowest)
    _check_range("randomisation.link_mass", cfg.link_mass, 0.01)
    _check_range("randomisation.torso_mass_kg", cfg.torso_mass_kg)
    if cfg.friction is not None:
        _check_range("randomisation.friction", cfg.friction, 0.0)
    for name in ("push_speed", "torque_noise", "joint_bias_rad", "com_offset_m"):
        if (getattr(cfg, name) or 0.0) < 0:
            raise MimiclabError(f"randomisation.{name} is {getattr(cfg, name)}, expected 0 or more")


def _check_penalties(cfg: PenaltyCfg) -> None:
    if not 0 <= cfg.lowest <= cfg.start <= cfg.highest:
        raise MimiclabError(
            f"penalties start at {cfg.start} between {cfg.lowest} and {cfg.highest}; expected "
            "0 <= lowest <= start <= highest"
        )
    if not 0 <= cfg.degree < 1:
        raise MimiclabError(f"penalties.degree is {cfg.degree}, expected from 0 to below 1")
