"""Settings of FastSAC; reading them needs no torch.

Defaults are those published with Holosoma for locomotion; see also `tracking_sac` and `cpu_sac`.
Source: "Learning sim-to-real humanoid locomotion in 15 minutes" (arXiv 2512.01996).
"""

from dataclasses import dataclass, replace
from typing import Literal

from mimiclab.errors import MimiclabError

Switch = Literal["auto", "on", "off"]


@dataclass(kw_only=True)
class SacCfg:
    """Soft actor-critic with distributional critics and large batches."""

    actor_hidden: tuple[int, ...] = (512, 256, 128)
    """Widths of the actor's hidden layers, each with layer norm and SiLU."""
    critic_hidden: tuple[int, ...] = (768, 384, 192)
    """Widths of the hidden layers of each of the two critics."""
    atoms: int = 101
    """Values of the support of the critics' return distributions. Tracking: 501."""
    value_range: tuple[float, float] = (-20.0, 20.0)
    """Smallest and largest return of the support."""
    discount: float = 0.97
    """Discount factor for one control step. Tracking: 0.99."""
    n_step: int = 1
    """Rewards summed before the critic is asked; fewer where an episode ends."""
    tau: float = 0.125
    """Share of the critics that flows into their targets after each gradient step. Tracking:
    0.05."""
    batch: int = 8192
    """Samples of a gradient step, over all processes and before mirroring."""
    updates: int = 8
    """Gradient steps after each control step. Tracking: 4."""
    actor_every: int = 4
    """The actor learns in one of so many gradient steps. Tracking: 2."""
    actor_starts: int = 0
    """Gradient steps in which the critics learn alone: following critics that know nothing, an
    actor first unlearns a good start, as that of residual actions is."""
    learning_rate: float = 3e-4
    """Learning rate of the actor."""
    critic_learning_rate: float = 3e-4
    """Learning rate of the critics."""
    alpha_learning_rate: float = 3e-4
    """Learning rate of the temperature's logarithm."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Moment decays of AdamW."""
    weight_decay: float = 0.001
    """Weight decay of AdamW for actor and critics; the temperature has none."""
    max_grad_norm: float = 0.0
    """Gradients of actor and critics are scaled down to this norm; 0 leaves them."""
    alpha: float = 0.001
    """Temperature at the start: the reward of one nat of entropy."""
    tune_alpha: bool = True
    """Learn the temperature that holds the target entropy."""
    target_entropy_ratio: float = 0.0
    """The target entropy is minus this for each action, nats, in units of the action: 0 stands for
    a standard deviation of 0.24 of each action, 0.5 (tracking) for 0.15."""
    log_std_range: tuple[float, float] = (-5.0, 0.0)
    """Logarithm of the standard deviation before tanh; training starts in its middle."""
    action_bound: float | None = None
    """Largest action, in units of the action; none is what reaches the joint's farther limit. The
    smaller of both holds."""
    replay_steps: int = 1024
    """Control steps of each environment that are remembered."""
    learning_starts: int = 10
    """Control steps in the replay before learning begins, after the first log line or later."""
    steps_per_env: int = 24
    """Control steps of each environment in one log line ("iteration")."""
    normalise: bool = True
    """Standardise observations by their running mean and standard deviation."""
    normalise_until: int = 100_000_000
    """Samples after which the running statistics are frozen."""
    symmetry: bool = False
    """Add the mirror image of every sample to each batch. Locomotion: on."""
    amp: Switch = "auto"
    """Networks in bfloat16; auto is on for CUDA devices alone."""
    compile: Switch = "auto"
    """Compile the losses with torch.compile; auto is on for CUDA devices alone."""
    save_replay: bool = False
    """Write the replay beside the checkpoints, so that a resumed run goes on exactly."""

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: as said.
        """
        for name in ("actor_hidden", "critic_hidden"):
            widths = getattr(self, name)
            if not widths or min(widths) < 1:
                raise MimiclabError(f"{_option(name)} is {widths}, expected at least one width")
        for name, low in _LEAST.items():
            if getattr(self, name) < low:
                raise MimiclabError(
                    f"{_option(name)} is {getattr(self, name)}, expected {low} or more"
                )
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise MimiclabError(f"{_option(name)} is {value}, expected more than 0")
        for name in ("discount", "tau"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise MimiclabError(
                    f"{_option(name)} is {getattr(self, name)}, expected more than 0, at most 1"
                )
        for name in ("value_range", "log_std_range"):
            low, high = getattr(self, name)
            if not low < high:
                raise MimiclabError(
                    f"{_option(name)} is {low} {high}, expected the smaller number first"
                )
        if self.replay_steps < max(self.n_step, self.learning_starts):
            raise MimiclabError(
                f"--sac.replay-steps is {self.replay_steps}, but learning starts after "
                f"{self.learning_starts} steps and sums {self.n_step}; remember at least as many"
            )
        if self.replay_steps < self.steps_per_env:
            raise MimiclabError(
                f"--sac.replay-steps is {self.replay_steps}, fewer than the {self.steps_per_env} "
                "control steps of a log line, whose statistics are taken from the replay"
            )


_LEAST = {
    "atoms": 2, "n_step": 1, "batch": 1, "updates": 1, "actor_every": 1, "actor_starts": 0,
    "replay_steps": 2, "learning_starts": 1, "steps_per_env": 1, "max_grad_norm": 0.0,
    "weight_decay": 0.0,
}  # fmt: skip
_POSITIVE = (
    "learning_rate", "critic_learning_rate", "alpha_learning_rate", "alpha", "action_bound",
)  # fmt: skip


def _option(name: str) -> str:
    return f"--sac.{name.replace('_', '-')}"


def locomotion_sac() -> SacCfg:
    """Holosoma's settings for walking on command, with mirrored samples."""
    return SacCfg(symmetry=True)


def tracking_sac() -> SacCfg:
    """Holosoma's settings for whole-body tracking."""
    return SacCfg(
        discount=0.99, tau=0.05, updates=4, actor_every=2, atoms=501, target_entropy_ratio=0.5
    )


def cpu_sac() -> SacCfg:
    """Settings for a few cores: small networks, and few gradient steps on few samples.

    docs/fastsac.md tells how they were chosen.
    """
    return SacCfg(
        actor_hidden=(256, 128, 64),
        critic_hidden=(256, 128, 64),
        n_step=3,
        tau=0.05,
        batch=512,
        updates=2,
        actor_every=2,
        actor_starts=500,
        learning_rate=1e-3,
        critic_learning_rate=1e-3,
        alpha_learning_rate=1e-3,
    )


def cpu_tracking_sac() -> SacCfg:
    """The same for tracking with actions around the reference: small ones, and small returns."""
    return replace(cpu_sac(), action_bound=2.0, target_entropy_ratio=0.5, value_range=(-10.0, 10.0))
