"""The trained policy for evaluation, play and export: observations in, mean actions out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict

from mimiclab.errors import CheckpointError
from mimiclab.learning import checkpoint as ckpt
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.run import Run, find_checkpoint


class Policy(torch.nn.Module):
    """The actor with its observation statistics; deterministic."""

    def __init__(self, actor: NormalisedMlp, layout: dict[str, Any], iteration: int) -> None:
        super().__init__()
        self.actor = actor
        self.layout = layout
        """Robot, rate, observation terms and actions; see `env_state.layout_of`."""
        self.iteration = iteration
        """Updates after which the weights were saved; 0 is untrained."""

    @torch.no_grad()
    def forward(self, obs: Mapping[str, torch.Tensor] | TensorDict | torch.Tensor) -> torch.Tensor:
        """Mean actions (N, A) from observation groups (N, D), or from the actor's group alone."""
        groups = {"actor": obs} if isinstance(obs, torch.Tensor) else obs
        return self.actor(groups)  # type: ignore[arg-type]

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        """Begin new episodes: a recurrent policy forgets everything, or some environments (n,)."""
        state = self.actor.get_hidden_state()
        if env_ids is None or state is None:
            self.actor.reset()
            return
        first = state if isinstance(state, torch.Tensor) else state[0]
        done = torch.zeros(first.shape[1], device=first.device)
        done[env_ids.to(first.device)] = 1.0
        self.actor.reset(done)


def load_policy(
    run: Run, checkpoint: str | int | Path | None = None, device: str = "cpu"
) -> Policy:
    """The policy of a checkpoint: "last", "best", an iteration or a path; by default the run's.

    Raises:
        CheckpointError: no such checkpoint, damaged, or weights of another network.
    """
    path = run.checkpoint if checkpoint is None else find_checkpoint(run.folder, checkpoint)
    state = ckpt.load_checkpoint(path)
    actor = build_actor(run.train, state["layout"])
    try:
        actor.load_state_dict(state["actor"])
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} holds weights of another network than config.json of the run describes: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return Policy(actor.to(device).eval(), state["layout"], state["iteration"])


def untrained_policy(cfg: TrainCfg, layout: dict[str, Any], seed: int = 0) -> Policy:
    """A policy with fresh weights, the baseline of an evaluation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = build_actor(cfg, layout)
    return Policy(actor.eval(), layout, 0)
