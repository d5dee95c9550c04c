"""How a network learns from teachers, recordings and earlier runs; reading it needs no torch."""

from dataclasses import dataclass
from typing import Literal

from mimiclab.learning.teachers.cfg import TeacherCfg


@dataclass(kw_only=True)
class ImitationCfg:
    """Behaviour cloning beside PPO, or instead of it. Source of the defaults: MOSAIC."""

    mode: Literal["none", "hybrid", "distil"] = "none"
    """none: PPO alone. hybrid: PPO, plus losses towards teachers and recordings. distil: those
    losses alone, on states that the student reaches itself (DAgger)."""
    teachers: tuple[TeacherCfg, ...] = ()
    """Who teaches; with several, each its own motion group."""
    loss: Literal["mse", "kl"] = "mse"
    """mse: squared difference of mean actions. kl: divergence from the teacher's distribution."""
    weight: float = 1.0
    """Weight of the teachers' loss at the start."""
    decay: float = 0.995
    """Factor of that weight after each update."""
    weight_min: float = 0.1
    """The weight is kept above this."""
    recording: str | None = None
    """HDF5 file of recorded rollouts for offline behaviour cloning; none for no such loss."""
    recording_weight: float = 0.1
    """Weight of the recording's loss at the start."""
    recording_decay: float = 0.99
    """Factor of that weight after each update."""
    recording_weight_min: float = 0.1
    """The weight is kept above this."""
    recording_batch: int = 256
    """Recorded steps in each gradient step."""
    train_critic: bool = True
    """Under distil, train the critic on the student's returns too, so that RL can go on from it."""
    unroll: int = 0
    """Under distil, go through the rollout in time order and back-propagate through this many steps
    (classic student-teacher, 15 in rsl_rl); 0 draws shuffled mini-batches."""


@dataclass(kw_only=True)
class WarmStartCfg:
    """Begin with the networks of an earlier run (MOSAIC's RL-continue)."""

    path: str | None = None
    """Run or checkpoint to begin from; none begins with fresh weights."""
    critic: str | None = None
    """Run or checkpoint whose critic and critic statistics are taken; none takes those of `path`,
    if they fit."""
    std: float | None = None
    """Reset the exploration noise to this; none keeps the run's."""
    freeze_normaliser: bool = False
    """Keep the actor's observation statistics as they were."""
    critic_warm_up: int = 0
    """First updates in which only the critic learns."""
