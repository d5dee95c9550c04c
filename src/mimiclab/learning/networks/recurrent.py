"""An actor that remembers: LSTM or GRU before the MLP."""

from typing import Any

import torch
from rsl_rl.models import RNNModel
from rsl_rl.modules import HiddenState
from tensordict import TensorDict

from mimiclab.errors import MimiclabError
from mimiclab.learning.networks.mlp import NormalisedMlp


class RecurrentActor(NormalisedMlp, RNNModel):
    """rsl_rl's recurrent model with `SharedNormalisation`.

    Each row of a batch has its own hidden state, kept from call to call: rows are environments.
    """

    def forward(
        self,
        obs: TensorDict,
        masks: torch.Tensor | None = None,
        hidden_state: HiddenState = None,
        stochastic_output: bool = False,
    ) -> torch.Tensor:
        """Actions (N, A) of the next step, or of padded sequences (T, N, ...) with `masks`.

        Raises:
            MimiclabError: another number of rows than the state remembers.
        """
        state = _parts(self.rnn.hidden_state)
        rows = obs[self.obs_groups[0]].shape[0]
        if masks is None and state and state[0].shape[1] != rows:
            raise MimiclabError(
                f"the recurrent policy remembers {state[0].shape[1]} environments and was given "
                f"observations of {rows}; call reset() before another batch"
            )
        return super().forward(obs, masks, hidden_state, stochastic_output)

    def reset(self, dones: torch.Tensor | None = None, hidden_state: HiddenState = None) -> None:
        """Forget rows where `dones` (N,) is not 0; without it, all, or go back to a state."""
        if dones is None or self.rnn.hidden_state is None:
            super().reset(None, hidden_state)
            return
        # Not in place: the state may have been made in inference mode.
        keep = ~dones.bool()[:, None]
        kept = [torch.where(keep, part, 0.0) for part in _parts(self.rnn.hidden_state)]
        self.rnn.hidden_state = kept[0] if len(kept) == 1 else tuple(kept)


def _parts(state: Any) -> tuple[torch.Tensor, ...]:
    """Tensors (layers, N, width) of a state: none, one (GRU) or two (LSTM)."""
    if state is None:
        return ()
    return (state,) if isinstance(state, torch.Tensor) else tuple(state)
