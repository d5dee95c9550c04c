"""What a teleoperation interface does to the reference before a policy sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimiclab.errors import MimiclabError

if TYPE_CHECKING:
    import numpy as np


@dataclass(kw_only=True)
class InterfaceCfg:
    """Delay, lost packets, noise and bias of a streamed reference; all zero is a perfect one.

    Only what the policy observes changes. Rewards, terminations, critics and metrics keep the true
    reference, so that a policy is scored on what the operator meant. No published system simulates
    this; measured delays of MOSAIC's interfaces are 0.2 s (inertial suit) and 0.4 s (VR).
    """

    delay_s: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest delay, s; drawn for each episode, kept through it."""
    dropout: float = 0.0
    """Share of packets that are lost, 0 to 1; the last one that arrived is held."""
    dropout_s: float = 0.0
    """Mean length of an outage, s; 0 loses packets independently of each other."""
    joint_noise_rad: float = 0.0
    """Standard deviation of white noise on joint angles, rad."""
    joint_bias_rad: float = 0.0
    """Standard deviation of constant errors of joint angles, rad: one for each joint, the same in
    all episodes, as a wrong calibration or retargeting has; drawn from `seed`."""
    orientation_noise_rad: float = 0.0
    """Standard deviation of white noise on the anchor's orientation about each axis, rad."""
    position_noise_m: float = 0.0
    """Standard deviation of white noise on the anchor's position along each axis, m."""
    smoothing: float = 1.0
    """Share of the new packet in an exponential average of joint angles, 0 to 1; 1 smooths nothing,
    MOSAIC's teleoperation uses 0.3. Joint velocities then follow from the last three averages."""
    seed: int = 0
    """Which interface: seeds the constant errors."""

    def __post_init__(self) -> None:
        """Refuse what no interface can be.

        Raises:
            MimiclabError: a value out of range.
        """
        self.delay_s = tuple(self.delay_s)  # pyright: ignore[reportAttributeAccessIssue]
        low, high = self.delay_s
        if not 0.0 <= low <= high:
            raise MimiclabError(f"delay_s is {self.delay_s}, expected 0 <= shortest <= longest")
        for name in ("dropout", "smoothing"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 to 1")
        for name in (
            "dropout_s", "joint_noise_rad", "joint_bias_rad", "orientation_noise_rad",
            "position_noise_m", "seed",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise MimiclabError(f"{name} is {getattr(self, name)}, expected 0 or more")

    @property
    def is_perfect(self) -> bool:
        """Whether the reference arrives as it was sent."""
        return self == InterfaceCfg(seed=self.seed)

    def joint_bias(self, joint_names: Sequence[str]) -> "np.ndarray":
        """Constant errors of joint angles, rad, (J,).

        They depend on the seed and the set of names alone: not on the order of the joints, nor on
        what else was drawn.
        """
        import numpy as np

        errors = np.random.default_rng(self.seed).standard_normal(len(joint_names))
        by_name = dict(zip(sorted(joint_names), errors, strict=True))
        return self.joint_bias_rad * np.array([by_name[name] for name in joint_names])

    def loss_chances(self, step_s: float) -> tuple[float, float]:
        """Chance that a packet is lost after one that arrived, and that one arrives after a loss.

        Packets are `step_s` apart. Losses and arrivals then follow each other as a Markov chain of
        two states with the share `dropout` of losses and outages of `dropout_s` on average.

        Raises:
            MimiclabError: outages so short cannot lose so large a share.
        """
        if self.dropout in (0.0, 1.0) or self.dropout_s == 0:
            return self.dropout, 1.0 - self.dropout
        odds = self.dropout / (1.0 - self.dropout)
        shortest_s = step_s * max(1.0, odds)
        if self.dropout_s < shortest_s * (1 - 1e-9):
            raise MimiclabError(
                f"dropout_s is {self.dropout_s:g} s, but with packets every {step_s:g} s outages "
                f"that lose {self.dropout:.0%} of them last {shortest_s:g} s or more on average; "
                "give at least that, or 0 for packets that are lost independently"
            )
        recover = step_s / self.dropout_s
        return min(1.0, recover * odds), min(1.0, recover)
