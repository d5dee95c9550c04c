"""A policy that no longer learns, with the conversions into and out of its own conventions."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn


class ColumnMap(nn.Module):
    """y = x[..., columns] * scale + shift: another order, another unit, another origin."""

    columns: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self,
        columns: Sequence[int],
        scale: float | Sequence[float] = 1.0,
        shift: float | Sequence[float] = 0.0,
    ) -> None:
        """Make the map.

        Args:
            columns: for each column of y the column of x.
            scale: factor of all columns of y, or of each.
            shift: added to all columns of y, or to each.
        """
        super().__init__()
        ones = torch.ones(len(columns), dtype=torch.float64)
        self.register_buffer("columns", torch.tensor(list(columns), dtype=torch.long))
        self.register_buffer("scale", (ones * torch.as_tensor(scale)).float())
        self.register_buffer("shift", (ones * torch.as_tensor(shift)).float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (..., D) to (..., len(columns))."""
        return x[..., self.columns] * self.scale + self.shift


class FrozenPolicy(nn.Module):
    """Observations (N, D) of whoever uses it to actions (N, A) in that one's units.

    All numbers are buffers: optimisers do not see them, gradients do not reach them, checkpoints
    and exports hold them.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: ColumnMap,
        outputs: ColumnMap,
        normaliser: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        """Freeze `network`.

        Args:
            network: its observations to its actions, deterministic.
            inputs: the user's observations to the network's.
            outputs: the network's actions to the user's.
            normaliser: scale and shift (D,) that the network applies to its observations first.
        """
        super().__init__()
        self.normaliser_scale: torch.Tensor
        self.normaliser_shift: torch.Tensor
        self.network = freeze(network)
        self.inputs = inputs
        self.outputs = outputs
        self.register_buffer("normaliser_scale", normaliser[0].clone())
        self.register_buffer("normaliser_shift", normaliser[1].clone())

    def train(self, mode: bool = True) -> "FrozenPolicy":
        """Stay in evaluation mode, whatever the whole is in."""
        return super().train(False)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Actions of raw observations."""
        return self.act(obs)[0]

    def act(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions, and the observations as the network sees them, normalised."""
        with torch.no_grad():
            x = self.inputs(obs)
            return self.outputs(self.network(x)), self._normalised(x)

    def features(self, obs: torch.Tensor) -> torch.Tensor:
        """The second result of `act` alone."""
        with torch.no_grad():
            return self._normalised(self.inputs(obs))

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.normaliser_scale + self.normaliser_shift


def freeze(module: nn.Module) -> nn.Module:
    """Turn every parameter of `module` into a buffer, in place; names stay."""
    for part in module.modules():
        for name, value in list(part._parameters.items()):
            if value is not None:
                del part._parameters[name]
                part.register_buffer(name, value.detach().clone())
    return module.eval()


def rebuild(spec: Mapping[str, Any]) -> FrozenPolicy:
    """A frozen policy from `ResidualCfg.base_network`, its numbers still to be loaded.

    Args:
        spec: plain values: `kind`, `train` and `layout` of a network of ours or `graph` of an ONNX
            network, and the widths `observations` and `actions` that it takes and gives.
    """
    from mimiclab.learning.teachers.onnx_mlp import OnnxNetwork

    if spec["kind"] == "graph":
        network = OnnxNetwork(spec["graph"])
    else:
        from mimiclab.learning.build import build_actor
        from mimiclab.learning.config import TrainCfg
        from mimiclab.learning.serialise import from_plain

        train = from_plain(TrainCfg, spec["train"], "residual.base_network.train")
        network = build_actor(train, spec["layout"]).as_onnx(verbose=False)
    width = spec["observations"]
    return FrozenPolicy(
        network,
        ColumnMap([0] * width),
        ColumnMap([0] * spec["actions"]),
        (torch.ones(width), torch.zeros(width)),
    )
