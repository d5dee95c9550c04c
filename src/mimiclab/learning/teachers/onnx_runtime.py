"""Policy networks run by onnxruntime on the CPU: any graph, but slower, and never on a GPU."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn


class RuntimeNetwork(nn.Module):
    """Observations (N, D) to actions (N, A), computed outside of torch."""

    def __init__(self, path: Path, *, observed: str, wanted: str, spec: Mapping[str, Any]) -> None:
        """Open a file.

        Args:
            path: the file.
            observed: name of the input of observations; other inputs are fed zeros.
            wanted: name of the output of actions.
            spec: width `observations`, and why torch does not compute it, `operators`.
        """
        super().__init__()
        self.spec = dict(spec)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._observed, self._wanted = observed, wanted
        self._inputs = {entry.name: entry for entry in self._session.get_inputs()}

    @torch.no_grad()
    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Actions of raw observations; files with a fixed batch take the rows in parts."""
        rows = obs.detach().cpu().numpy().astype(np.float32)
        batch = self._inputs[self._observed].shape[0]
        size = batch if isinstance(batch, int) else max(1, len(rows))
        missing = -len(rows) % size
        rows = np.concatenate([rows, np.zeros((missing, rows.shape[1]), np.float32)])
        parts = [self._run(rows[i : i + size]) for i in range(0, len(rows), size)]
        actions = np.concatenate(parts)[: len(rows) - missing]
        return torch.from_numpy(actions).to(obs.device)

    def _run(self, rows: np.ndarray) -> np.ndarray:
        feed = {
            name: np.zeros(
                [size if isinstance(size, int) else len(rows) for size in entry.shape],
                np.int64 if "int64" in entry.type else np.float32,
            )
            for name, entry in self._inputs.items()
        }
        return np.asarray(self._session.run([self._wanted], feed | {self._observed: rows})[0])
