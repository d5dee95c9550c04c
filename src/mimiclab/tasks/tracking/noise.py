"""Observation noise whose strength a curriculum can move."""

from dataclasses import dataclass

import torch
from mjlab.utils.noise import UniformNoiseCfg


@dataclass
class ScaledUniformNoiseCfg(UniformNoiseCfg):
    """Uniform noise between `scale * n_min` and `scale * n_max`, added."""

    scale: float = 1.0
    """Present strength, 0 to 1."""

    def apply(self, data: torch.Tensor) -> torch.Tensor:
        """Data of any shape with noise."""
        if self.scale == 0.0:
            return data
        return data + self.scale * (super().apply(torch.zeros_like(data)))
