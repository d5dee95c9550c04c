"""Initial-state noise and pushes, with the ranges of BeyondMimic's training."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_from_rotvec


@dataclass(frozen=True, kw_only=True)
class StartNoise:
    """Deviation of the first state from the clip. Ranges: BeyondMimic's training resets."""

    position: np.ndarray
    """(3,) m, x and y +-0.05, z +-0.01."""
    rotation: np.ndarray
    """(4,) wxyz; roll and pitch +-0.1, yaw +-0.2 rad, applied in the world frame."""
    lin_vel: np.ndarray
    """(3,) m/s, x and y +-0.5, z +-0.2."""
    ang_vel: np.ndarray
    """(3,) rad/s, roll and pitch +-0.52, yaw +-0.78."""
    joints: np.ndarray
    """(J,) rad, +-0.1."""
    rotation_vector: np.ndarray
    """(3,) rad, of which `rotation` is made."""

    @classmethod
    def draw(cls, rng: np.random.Generator, joints: int) -> "StartNoise":
        """Uniform noise of full size."""
        rotation = rng.uniform(-1, 1, 3) * (0.1, 0.1, 0.2)
        return cls(
            position=rng.uniform(-1, 1, 3) * (0.05, 0.05, 0.01),
            rotation=quat_from_rotvec(rotation),
            rotation_vector=rotation,
            lin_vel=rng.uniform(-1, 1, 3) * (0.5, 0.5, 0.2),
            ang_vel=rng.uniform(-1, 1, 3) * (0.52, 0.52, 0.78),
            joints=rng.uniform(-0.1, 0.1, joints),
        )

    def scaled(self, factor: float) -> "StartNoise":
        """The same noise, larger or smaller."""
        return StartNoise(
            position=factor * self.position,
            rotation=quat_from_rotvec(factor * self.rotation_vector),
            rotation_vector=factor * self.rotation_vector,
            lin_vel=factor * self.lin_vel,
            ang_vel=factor * self.ang_vel,
            joints=factor * self.joints,
        )


def push_schedule(
    rng: np.random.Generator, dt: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Control step and linear and angular velocity increments of each push, for ever.

    Pushes come every 1 to 3 s, in m/s and rad/s, world frame.
    """
    step = 0
    while True:
        step += max(1, round(rng.uniform(1.0, 3.0) / dt))
        noise = StartNoise.draw(rng, 0)
        yield step, noise.lin_vel, noise.ang_vel
