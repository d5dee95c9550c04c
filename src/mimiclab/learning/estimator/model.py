"""Networks from a window of the reference to the velocity of its anchor."""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from mimiclab.errors import UnknownNameError
from mimiclab.learning.estimator.cfg import EstimatorCfg

_LEAST_ANGLE, _LEAST_RATE, _LEAST_TILT, _LEAST_SPEED = 0.05, 0.5, 0.05, 0.01
"""Least spreads that inputs and outputs are divided by: rad, rad/s, of a unit vector, m/s."""


@dataclass(frozen=True, kw_only=True)
class WindowLayout:
    """Whose windows they are, and where things are in one.

    A window is what an actor with a history observes: the command of all frames, oldest first, then
    the gravity of all frames.
    """

    robot: str
    """Registry name."""
    joint_names: tuple[str, ...]
    """Order of joint angles and velocities."""
    fps: float
    """Frames in a second: the control rate."""
    history: int
    """Frames in a window."""
    command_velocity: bool
    """Whether the command holds joint velocities."""

    @property
    def command_size(self) -> int:
        """Numbers of the command of one frame."""
        return len(self.joint_names) * (2 if self.command_velocity else 1)

    @property
    def frame_size(self) -> int:
        """Numbers of one frame: command and gravity."""
        return self.command_size + 3

    @property
    def input_size(self) -> int:
        """Numbers of a window; 305 for the G1 in MOSAIC's layout."""
        return self.history * self.frame_size

    def window(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (N, history, frame size) as windows (N, input size), term by term."""
        command, gravity = frames.split([self.command_size, 3], dim=-1)
        return torch.cat([command.flatten(1), gravity.flatten(1)], dim=-1)

    def frames(self, window: torch.Tensor) -> torch.Tensor:
        """The reverse of `window`."""
        sizes = [self.history * self.command_size, self.history * 3]
        command, gravity = window.split(sizes, dim=-1)
        shape = (self.history, -1)
        return torch.cat([command.unflatten(-1, shape), gravity.unflatten(-1, shape)], dim=-1)


class VelocityEstimator(nn.Module):
    """Linear velocity of the reference anchor in its own frame, m/s, from a window of it.

    Inputs are plain observations: their statistics, and those of the velocity, are inside.
    """

    input_mean: torch.Tensor
    input_std: torch.Tensor
    output_mean: torch.Tensor
    output_std: torch.Tensor

    def __init__(self, cfg: EstimatorCfg, layout: WindowLayout) -> None:
        """Fresh weights; statistics that change nothing."""
        super().__init__()
        self.cfg, self.layout = cfg, layout
        self.register_buffer("input_mean", torch.zeros(layout.frame_size))
        self.register_buffer("input_std", torch.ones(layout.frame_size))
        self.register_buffer("output_mean", torch.zeros(3))
        self.register_buffer("output_std", torch.ones(3))
        if cfg.kind not in _NETWORKS:
            raise UnknownNameError("estimator", cfg.kind, _NETWORKS)
        self.network = _NETWORKS[cfg.kind](cfg, layout)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Windows (N, input size) to velocities (N, 3)."""
        frames = (self.layout.frames(observations) - self.input_mean) / self.input_std
        return self.network(frames) * self.output_std + self.output_mean

    @torch.no_grad()
    def take_statistics(self, frames: torch.Tensor, velocity: torch.Tensor) -> None:
        """Standardise by these frames (M, frame size) and velocities (M, 3).

        Numbers that hardly change, like a joint that no clip moves, are not blown up: a little
        noise in them must stay little.
        """
        joints = len(self.layout.joint_names)
        floor = [_LEAST_ANGLE] * joints
        floor += [_LEAST_RATE] * (self.layout.command_size - joints) + [_LEAST_TILT] * 3
        self.input_mean.copy_(frames.mean(0))
        self.input_std.copy_(torch.maximum(frames.std(0), frames.new_tensor(floor)))
        self.output_mean.copy_(velocity.mean(0))
        self.output_std.copy_(velocity.std(0).clamp_min(_LEAST_SPEED))


class _Mlp(nn.Sequential):
    """Plain layers. Frames (N, history, F) to (N, 3)."""

    def __init__(self, cfg: EstimatorCfg, layout: WindowLayout) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        width = layout.input_size
        for size in cfg.hidden:
            layers += [nn.Linear(width, size), nn.ELU()]
            width = size
        super().__init__(*layers, nn.Linear(width, 3))


class _ResidualBlock(nn.Module):
    """skip(x) + dropout(elu(norm(linear(x))))."""

    def __init__(self, given: int, size: int, dropout: float) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Linear(given, size), nn.LayerNorm(size), nn.ELU(), nn.Dropout(dropout)
        )
        self.skip = nn.Identity() if given == size else nn.Linear(given, size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.skip(x) + self.layer(x)


class _ResidualMlp(nn.Sequential):
    """Layers with skips. Frames (N, history, F) to (N, 3)."""

    def __init__(self, cfg: EstimatorCfg, layout: WindowLayout) -> None:
        widths = [layout.input_size, *cfg.hidden]
        blocks = [_ResidualBlock(a, b, cfg.dropout) for a, b in pairwise(widths)]
        super().__init__(nn.Flatten(), *blocks, nn.Linear(widths[-1], 3))


class _AttentionLayer(nn.Module):
    """A transformer layer, normalised first. Written out: torch's own is traced to ONNX with the
    size of the batch inside.
    """

    def __init__(self, cfg: EstimatorCfg) -> None:
        super().__init__()
        self.heads = cfg.heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(cfg.width), nn.LayerNorm(cfg.width)
        self.queries_keys_values = nn.Linear(cfg.width, 3 * cfg.width)
        self.out = nn.Linear(cfg.width, cfg.width)
        self.forward_layers = nn.Sequential(
            nn.Linear(cfg.width, cfg.feedforward),
            nn.GELU(),
            nn.Dropout(cfg.dropout),
            nn.Linear(cfg.feedforward, cfg.width),
        )
        self.dropout = nn.Dropout(cfg.dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, W) to (N, T, W)."""
        parts = self.queries_keys_values(self.norm_attention(x)).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.out(mixed))
        return x + self.dropout(self.forward_layers(self.norm_forward(x)))


class _Transformer(nn.Module):
    """One token for each frame, oldest first; the newest answers. (N, history, F) to (N, 3)."""

    def __init__(self, cfg: EstimatorCfg, layout: WindowLayout) -> None:
        super().__init__()
        self.embed = nn.Linear(layout.frame_size, cfg.width)
        self.register_buffer("positions", _sinusoids(layout.history, cfg.width), persistent=False)
        self.layers = nn.Sequential(*(_AttentionLayer(cfg) for _ in range(cfg.layers)))
        self.head = nn.Sequential(
            nn.LayerNorm(cfg.width), nn.Linear(cfg.width, 64), nn.GELU(), nn.Linear(64, 3)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.embed(frames) + self.positions)[:, -1])


def _sinusoids(count: int, width: int) -> torch.Tensor:
    """Position code of Vaswani et al. 2017, (count, width)."""
    angle = torch.arange(count)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


_NETWORKS = {"mlp": _Mlp, "residual": _ResidualMlp, "transformer": _Transformer}
