"""Behaviour cloning of recorded rollouts: offline pairs of observation and action."""

from typing import Any, Literal

import torch
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict

from mimiclab.errors import RecordingError
from mimiclab.learning.algorithms.auxiliary import AuxiliaryLoss, Schedule
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.algorithms.imitation import action_loss


class RecordingLoss(AuxiliaryLoss):
    """Distance of the student's actions from recorded ones, on the recorded observations.

    Each gradient step takes the next `recording_batch` pairs of a shuffled recording; it is
    shuffled again when fewer are left. The student's normaliser is used, and not changed.
    """

    name = "bc_recording"

    def __init__(
        self,
        cfg: ImitationCfg,
        obs: torch.Tensor,
        mean: torch.Tensor,
        std: torch.Tensor | None = None,
        *,
        seed: int = 0,
    ) -> None:
        """Take recorded pairs.

        Args:
            cfg: kind of loss, batch, schedule of the weight.
            obs: observations (M, D).
            mean: mean actions (M, A), in the student's units.
            std: standard deviations (M, A); needed by loss kl.
            seed: of the shuffling.

        Raises:
            RecordingError: fewer pairs than a batch, or no standard deviations for loss kl.
        """
        if len(obs) < cfg.recording_batch:
            raise RecordingError(
                f"{cfg.recording} holds {len(obs)} steps, a batch takes {cfg.recording_batch}; "
                "record more, or set --imitation.recording-batch"
            )
        if cfg.loss == "kl" and std is None:
            raise RecordingError(
                f"loss kl compares distributions, but {cfg.recording} has no standard deviations; "
                "use loss mse"
            )
        self.kind: Literal["mse", "kl"] = cfg.loss
        self.batch = cfg.recording_batch
        self.schedule = Schedule(
            cfg.recording_weight, cfg.recording_decay, cfg.recording_weight_min
        )
        self.obs, self.mean, self.std = obs, mean, std
        self.seed, self.rounds, self.next = seed, 0, 0
        self._shuffle()

    def __call__(self, actor: Any, batch: RolloutStorage.Batch) -> torch.Tensor:
        """Loss of the next recorded pairs; the rollout's `batch` is not looked at."""
        rows = self._rows()
        obs = TensorDict({"actor": self.obs[rows]}, batch_size=[len(rows)])
        target_std = None if self.std is None else self.std[rows]
        # Noise does not depend on the observation: that of the batch holds here too.
        std = actor.output_std.flatten(0, -2)[:1]
        return action_loss(self.kind, actor(obs), std, self.mean[rows], target_std).mean()

    def state_dict(self) -> dict[str, Any]:
        """The weight, and how far the recording was read."""
        return {**super().state_dict(), "rounds": self.rounds, "next": self.next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        super().load_state_dict(state)
        self.rounds, self.next = state["rounds"], state["next"]
        self._shuffle()

    def _rows(self) -> torch.Tensor:
        if self.next + self.batch > len(self.obs):
            self.rounds, self.next = self.rounds + 1, 0
            self._shuffle()
        rows = self._order[self.next : self.next + self.batch]
        self.next += self.batch
        return rows

    def _shuffle(self) -> None:
        # A generator of its own: order depends on the round alone, whatever else is drawn.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.rounds)
        self._order = torch.randperm(len(self.obs), generator=generator).to(self.obs.device)
