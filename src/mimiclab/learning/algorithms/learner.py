"""What the training loop asks of an algorithm."""

from pathlib import Path
from typing import Any, Protocol

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict

from mimiclab.learning.networks.mlp import NormalisedMlp


class Learner(Protocol):
    """Networks and how they learn. `act` to `end_rollout` are called in inference mode.

    An iteration is `steps_per_env` times `act`, `process_env_step` and `learn_between_steps`, then
    `end_rollout` and `update`.
    """

    actor: NormalisedMlp
    critic: torch.nn.Module
    learning_rate: float
    """Of the actor, for the log."""

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: VecEnv, cfg: dict, device: str) -> "Learner":
        """Build from rsl_rl's configuration.

        Its entry `given` holds objects of the caller: `imitation`, `mirror` and `folder`, each or
        None.
        """
        ...

    @property
    def steps_per_env(self) -> int:
        """Control steps of each environment in an iteration."""
        ...

    @property
    def learns_between_steps(self) -> bool:
        """Whether `learn_between_steps` does anything now."""
        ...

    def train_mode(self) -> None:
        """Networks are about to learn."""
        ...

    def broadcast_parameters(self) -> None:
        """Give all processes the networks of the first."""
        ...

    def forget(self) -> None:
        """All environments were reset."""
        ...

    def act(self, obs: TensorDict) -> torch.Tensor:
        """Actions (N, A) to explore with."""
        ...

    def process_env_step(
        self, obs: TensorDict, rewards: torch.Tensor, dones: torch.Tensor, extras: dict[str, Any]
    ) -> None:
        """Note what came of `act`."""
        ...

    def learn_between_steps(self) -> None:
        """Learn after a control step."""
        ...

    def end_rollout(self, obs: TensorDict) -> None:
        """The iteration's control steps are done; raises EngineError for NaN in them."""
        ...

    def update(self) -> dict[str, float]:
        """Learn after the iteration's control steps; numbers for the log."""
        ...

    def checkpoint(self) -> dict[str, Any]:
        """Its entries `learning_rate`, `actor`, `critic`, `optimizer` and `algorithm`."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `checkpoint` returned; raises CheckpointError for another algorithm's."""
        ...

    def save_beside(self, folder: Path, iteration: int) -> None:
        """Write what is too large for a checkpoint into its folder. Every process calls it."""
        ...

    def restore_beside(self, folder: Path, iteration: int) -> list[str]:
        """Read that; sentences that say what is not as it was."""
        ...
