"""rsl_rl's PPO with statistics shared by all processes; only the seams it needs are overridden."""

import contextlib
import io
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from tensordict import TensorDict

from mimiclab.learning import distributed
from mimiclab.learning.networks.mlp import NormalisedMlp


class TrackingPpo(PPO):
    """Proximal policy optimisation, as in rsl_rl, with three differences.

    - Observation statistics are pooled over processes once a rollout (`SharedNormalisation`). The
      first rollout only measures them: a network must not learn on inputs about to be rescaled.
    - Advantages are standardised over all processes. With a process's own mean and deviation, a
      process with easy clips would pull as hard as one with difficult clips.
    - The critic may learn at a rate of its own.
    """

    actor: NormalisedMlp  # pyright: ignore[reportIncompatibleVariableOverride]
    critic: NormalisedMlp  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, *args: Any, critic_learning_rate: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if critic_learning_rate is not None:
            self._fix_critic_rate(critic_learning_rate)

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: VecEnv, cfg: dict, device: str) -> PPO:
        """Build as rsl_rl does, without printing the networks."""
        with contextlib.redirect_stdout(io.StringIO()):
            return PPO.construct_algorithm(obs, env, cfg, device)

    def compute_returns(self, obs: TensorDict) -> None:
        """Fill returns and advantages (T, N, 1) of the rollout."""
        super().compute_returns(obs)
        if distributed.is_grouped() and not self.normalize_advantage_per_mini_batch:
            raw = (self.storage.returns - self.storage.values).double()
            moments = torch.stack([raw.new_tensor(raw.numel()), raw.sum(), raw.square().sum()])
            count, first, second = distributed.sum_tensor(moments)
            mean = first / count
            std = (second / count - mean.square()).clamp_min(0.0).sqrt()
            self.storage.advantages = ((raw - mean) / (std + 1e-8)).float()

    def update(self) -> dict[str, float]:
        """Improve the networks on the rollout, then fold its observations into the statistics."""
        if self.actor.has_statistics and self.critic.has_statistics:
            losses = super().update()
        else:
            self.storage.clear()
            losses = {}
        self.actor.fold_in(self.storage.observations)
        self.critic.fold_in(self.storage.observations)
        return losses

    def _fix_critic_rate(self, rate: float) -> None:
        """Give the critic a fixed rate; PPO itself sets one rate for all groups at each step."""
        group = self.optimizer.param_groups[0]
        rest = {key: value for key, value in group.items() if key != "params"}
        actor, critic = list(self.actor.parameters()), list(self.critic.parameters())
        self.optimizer = type(self.optimizer)(
            [{"params": actor, **rest}, {"params": critic, **rest}]
        )

        def keep_rate(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            optimizer.param_groups[1]["lr"] = rate

        self.optimizer.register_step_pre_hook(keep_rate)
