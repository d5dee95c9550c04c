"""How a network learns from teachers, recordings and earlier runs; reading it needs no torch."""

from dataclasses import dataclass
from typing import Literal

from mimiclab.errors import MimiclabError
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

    def check(self) -> None:
        """Refuse what cannot work, when all settings are known.

        Raises:
            MimiclabError: values out of range, or a mode without teachers, or teachers without one.
        """
        for name in ("weight", "recording_weight"):
            start, low = getattr(self, name), getattr(self, f"{name}_min")
            if not 0.0 <= low <= start:
                raise MimiclabError(
                    f"imitation: {name} begins at {start} and is kept above {low}; expected "
                    f"0 <= {name}_min <= {name}"
                )
        for name in ("decay", "recording_decay"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise MimiclabError(
                    f"imitation: {name} is {getattr(self, name)}, expected more than 0, at most 1"
                )
        if self.recording_batch < 1 or self.unroll < 0:
            raise MimiclabError(
                f"imitation: recording_batch is {self.recording_batch}, expected 1 or more; "
                f"unroll is {self.unroll}, expected 0 or more"
            )
        who = [teacher.path for teacher in self.teachers]
        who += [] if self.recording is None else [self.recording]
        if self.mode == "none" and who:
            raise MimiclabError(
                f"{', '.join(who)} would teach nothing, as the imitation mode is none; choose "
                "--imitation.mode hybrid (PPO and imitation) or distil (imitation alone)"
            )
        if self.mode != "none" and not who:
            raise MimiclabError(
                f"imitation mode {self.mode} needs somebody to imitate: give --teacher PATH or "
                "--imitation.recording FILE"
            )
        if self.unroll and self.mode != "distil":
            raise MimiclabError(
                f"imitation: unroll is {self.unroll}, which only mode distil has, and the mode is "
                f"{self.mode}; leave unroll at 0"
            )


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

    def check(self, imitation: ImitationCfg) -> None:
        """Refuse what cannot work, when all settings are known.

        Raises:
            MimiclabError: changes to an actor that is not loaded, or a warm-up of nothing.
        """
        if self.path is None and (self.std is not None or self.freeze_normaliser):
            raise MimiclabError(
                "warm_start: std and freeze_normaliser change the actor of an earlier run; give "
                "its --warm-start.path, or set --ppo.init-std for a fresh one"
            )
        if self.std is not None and self.std <= 0.0:
            raise MimiclabError(f"warm_start: std is {self.std}, expected more than 0")
        if self.critic_warm_up < 0:
            raise MimiclabError(
                f"warm_start: critic_warm_up is {self.critic_warm_up}, expected 0 or more"
            )
        if self.critic_warm_up and imitation.mode == "distil" and not imitation.train_critic:
            raise MimiclabError(
                "warm_start: critic_warm_up trains the critic, but imitation.train_critic is off; "
                "leave one of the two out"
            )
