"""A reference-velocity estimator as an ONNX file: `observations` to `velocity`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimiclab.deployment.session import open_session
from mimiclab.errors import ContractError
from mimiclab.files import atomic_path

if TYPE_CHECKING:
    from mimiclab.learning.estimator.model import VelocityEstimator

METADATA_KEY = "mimiclab_estimator"
"""ONNX metadata key: robot, joint order, rate and layout of the windows as JSON."""
PARITY = 1e-4
"""Largest allowed difference between torch and onnxruntime, m/s, relative above 1 m/s."""


class OnnxEstimator:
    """An estimator file, run by onnxruntime: no torch is needed.

    Raises:
        ContractError: missing, damaged, or another kind of file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._session = open_session(self.path, "estimator")
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ContractError(
                f"{self.path}: not a velocity estimator: its metadata lacks {METADATA_KEY!r}; make "
                "one with `mimiclab train estimator`"
            )
        self.layout: dict[str, Any] = json.loads(metadata[METADATA_KEY])
        """robot, joint_names, fps, history, command_velocity."""

    def velocity(
        self, observations: np.ndarray, *, robot: str | None = None, fps: float | None = None
    ) -> np.ndarray:
        """Velocities (N, 3), m/s, of windows (N, D); see `learning.estimator.model.WindowLayout`.

        Args:
            observations: the command of all frames, oldest first, then their gravity.
            robot: whose windows they are, to be compared.
            fps: their rate, Hz, to be compared.

        Raises:
            ContractError: of another robot, rate or width.
        """
        for name, given in (("robot", robot), ("fps", fps)):
            if given is not None and given != self.layout[name]:
                raise ContractError(
                    f"{self.path.name}: the estimator is for {name} {self.layout[name]}, not for "
                    f"{given}; train one for that with `mimiclab train estimator`"
                )
        width = self._session.get_inputs()[0].shape[1]
        batch = np.asarray(observations, np.float32)
        if batch.ndim != 2 or batch.shape[1] != width:
            raise ContractError(
                f"{self.path.name}: windows have shape {batch.shape}, expected (N, {width})"
            )
        return np.asarray(self._session.run(["velocity"], {"observations": batch})[0])


def export_estimator(model: "VelocityEstimator", path: str | Path) -> Path:
    """Write an estimator as ONNX, whole or not at all, and prove it equal.

    Raises:
        ContractError: onnxruntime gives other velocities.
        OutputError: the file cannot be written.
    """
    import copy

    import torch

    from mimiclab.deployment.graph import write_graph

    model = copy.deepcopy(model).to("cpu").eval()
    layout = model.layout
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn(64, layout.input_size, generator=generator)
    probe *= torch.logspace(-2, 1, 64)[:, None]
    path = Path(path)
    with atomic_path(path) as temporary:
        metadata = {METADATA_KEY: json.dumps(asdict(layout))}
        write_graph(model, {"observations": probe[:2]}, ["velocity"], temporary, metadata)
        with torch.inference_mode():
            expected = model(probe).numpy()
        given = OnnxEstimator(temporary).velocity(probe.numpy())
        worst = float(np.max(np.abs(given - expected) / np.maximum(1.0, np.abs(expected))))
        if not worst <= PARITY:
            raise ContractError(
                f"{path.name}: onnxruntime and torch differ by {worst:.2e}, allowed is "
                f"{PARITY:.0e}; nothing was written"
            )
    return path
