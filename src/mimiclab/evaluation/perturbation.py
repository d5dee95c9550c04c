"""What a robot and its surroundings are changed by to see what a policy bears. Plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from mimiclab.errors import MimiclabError

if TYPE_CHECKING:
    from mimiclab.robots import Robot

_PUSH_SALT = 0x707573


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """One world that differs from the nominal one; the defaults change nothing.

    Forces and their duration are Holosoma's; pushes come more often, since clips are short.
    """

    push_n: float = 0.0
    """Horizontal force on the anchor body (the torso) in a random direction, N."""
    push_s: float = 0.2
    """How long each force lasts, s."""
    push_mps: float = 0.0
    """Sudden horizontal change of the root's velocity in a random direction, m/s."""
    push_every_s: tuple[float, float] = (1.0, 3.0)
    """Shortest and longest time from one push to the next, s."""
    payload_torso_kg: float = 0.0
    """Point mass at the centre of mass of the anchor body, kg; negative takes mass away."""
    payload_wrists_kg: float = 0.0
    """Point masses at the centres of mass of both hands, kg together."""
    friction: float | None = None
    """Sliding friction of the feet on the floor; None for that of the robot's model."""
    delay_s: float = 0.0
    """Time by which joint targets reach the motors late, s; whole physics steps."""
    motor_strength: float = 1.0
    """Share of the wanted torque that motors give; gains and effort limits are scaled by it."""

    def __post_init__(self) -> None:
        low, high = self.push_every_s
        for name in ("push_n", "push_mps", "delay_s", "payload_wrists_kg"):
            if getattr(self, name) < 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if self.friction is not None and not self.friction > 0:
            raise MimiclabError(f"friction is {self.friction}, expected more than 0")
        if not self.motor_strength > 0:
            raise MimiclabError(f"motor_strength is {self.motor_strength}, expected more than 0")
        if not (0 < low <= high and 0 < self.push_s <= low):
            raise MimiclabError(
                f"pushes of {self.push_s} s every {self.push_every_s} s cannot be; expected "
                "0 < duration <= shortest time <= longest time"
            )

    @property
    def pushes(self) -> bool:
        """Whether the robot is pushed at all."""
        return self.push_n > 0 or self.push_mps > 0

    def payload_kg(self, robot: "Robot") -> dict[str, float]:
        """Masses to add, kg by body.

        Raises:
            MimiclabError: see `unsupported`.
        """
        reason = unsupported(self, robot)
        if reason:
            raise MimiclabError(reason)
        found = {robot.anchor_body: self.payload_torso_kg} if self.payload_torso_kg else {}
        if self.payload_wrists_kg:
            hands = hands_of(robot)
            found |= {hand: self.payload_wrists_kg / len(hands) for hand in hands}
        return found

    def changed(self) -> tuple[str, ...]:
        """Names of the fields that are not as in the nominal world."""
        nominal = Perturbation()
        return tuple(
            f.name for f in fields(self) if getattr(self, f.name) != getattr(nominal, f.name)
        )


def hands_of(robot: "Robot") -> tuple[str, ...]:
    """End effectors that are no feet."""
    return tuple(body for body in robot.end_effectors if body not in robot.feet)


def unsupported(perturbation: Perturbation, robot: "Robot") -> str:
    """Why this robot cannot be changed so; empty if it can."""
    if perturbation.payload_wrists_kg and not hands_of(robot):
        return f"payload_wrists_kg: robot {robot.name} has no hands among its end effectors"
    mass = float(robot.model.body(robot.anchor_body).mass[0])
    if mass + perturbation.payload_torso_kg <= 0:
        return (
            f"payload_torso_kg: {perturbation.payload_torso_kg:g} kg leaves nothing of "
            f"{robot.anchor_body}, which has {mass:.3g} kg"
        )
    if perturbation.friction is not None and robot.model.npair:
        return (
            f"friction: robot {robot.name} has explicit contact pairs, whose friction is their own"
        )
    return ""


class Pushes:
    """When and where each of N robots is pushed. Directions and times follow from the job alone.

    The same job is pushed at the same times in the same directions, whatever the strength and the
    simulator.
    """

    def __init__(self, perturbation: Perturbation, num_envs: int, dt_s: float) -> None:
        """Plan for `num_envs` robots that take control steps of `dt_s` seconds."""
        self._cfg, self._dt = perturbation, dt_s
        self._rng = [np.random.default_rng(0) for _ in range(num_envs)]
        self._step, self._start, self._end = (np.zeros(num_envs, int) for _ in range(3))
        self._direction = np.zeros((num_envs, 3))

    def begin(self, env: int, key: Sequence[int]) -> None:
        """An episode begins; `key` is all that its pushes depend on."""
        self._rng[env] = np.random.default_rng([*key, _PUSH_SALT])
        self._step[env], self._start[env], self._end[env] = 0, 0, 0
        self._plan(env)

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """Forces, N, and changes of velocity, m/s, of the coming control step; both (N, 3)."""
        over = (self._step >= self._end) & (self._step > self._start)
        for env in np.flatnonzero(over):
            self._plan(int(env))
        during = (self._step >= self._start) & (self._step < self._end)
        force = np.where(during[:, None], self._cfg.push_n * self._direction, 0.0)
        begins = self._step == self._start
        kick = np.where(begins[:, None], self._cfg.push_mps * self._direction, 0.0)
        self._step += 1
        return force, kick

    def _plan(self, env: int) -> None:
        rng, cfg = self._rng[env], self._cfg
        wait, angle = rng.uniform(*cfg.push_every_s), rng.uniform(-np.pi, np.pi)
        self._start[env] += max(1, round(wait / self._dt))
        self._end[env] = self._start[env] + max(1, round(cfg.push_s / self._dt))
        self._direction[env] = np.cos(angle), np.sin(angle), 0.0
