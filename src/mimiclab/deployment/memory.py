"""What a recurrent policy remembers from step to step, for one robot or a batch."""

from collections.abc import Sequence

import numpy as np

from mimiclab.deployment.contract import RecurrentState
from mimiclab.errors import ContractError


class Memory:
    """The hidden state: zero at the start, fed to the graph and kept from its outputs.

    Without state tensors, the policy has no memory and all of this does nothing.
    """

    def __init__(self, states: Sequence[RecurrentState]) -> None:
        self.states = tuple(states)
        self._arrays: list[np.ndarray] | None = None

    @property
    def outputs(self) -> list[str]:
        """Graph outputs to keep."""
        return [state.output for state in self.states]

    def feed(self, rows: int) -> dict[str, np.ndarray]:
        """Graph inputs for a batch.

        Raises:
            ContractError: it remembers another number of robots.
        """
        if self._arrays is None:
            return self.fresh(rows)
        if self._arrays and self._arrays[0].shape[1] != rows:
            raise ContractError(
                f"the recurrent policy remembers {self._arrays[0].shape[1]} robots and was given "
                f"observations of {rows}; call reset() before another batch"
            )
        return {s.input: array for s, array in zip(self.states, self._arrays, strict=True)}

    def fresh(self, rows: int) -> dict[str, np.ndarray]:
        """Graph inputs that remember nothing."""
        return {s.input: np.zeros((s.layers, rows, s.size), np.float32) for s in self.states}

    def keep(self, arrays: Sequence[np.ndarray]) -> None:
        """Remember what the graph gave for `outputs`."""
        self._arrays = [np.asarray(array) for array in arrays]

    def reset(self, rows: np.ndarray | None = None) -> None:
        """Forget everything, or only some robots (n,) of the batch."""
        if rows is None:
            self._arrays = None
        elif self._arrays is not None:
            for number, array in enumerate(self._arrays):
                self._arrays[number] = array.copy()
                self._arrays[number][:, rows] = 0.0
