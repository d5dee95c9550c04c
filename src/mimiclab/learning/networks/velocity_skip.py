"""An actor that is told how fast its reference moves, by a frozen estimator. Source: MOSAIC."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tensordict import TensorDict
from torch import nn

from mimiclab.errors import MimiclabError
from mimiclab.learning.estimator.files import rebuild
from mimiclab.learning.estimator.model import VelocityEstimator, WindowLayout
from mimiclab.learning.networks.frozen import freeze
from mimiclab.learning.networks.layout import TermSlot
from mimiclab.learning.networks.mlp import NormalisedMlp

COMMAND, GRAVITY = "command", "ref_projected_gravity"
"""Observation terms that a window is taken from."""
ESTIMATED_VELOCITY = "estimated_velocity"
"""Stored with each step: what the estimator answered. (N, 3)."""


class VelocitySkipActor(NormalisedMlp):
    """An MLP whose second layer sees the first one's output and the estimated velocity (3).

    The first layer sees the normalised observation; the estimator sees the observation as it is,
    for it has statistics of its own. It never learns here, and is part of `state_dict`: a
    checkpoint or an export needs no other file. The weights of the velocity begin at 0, so that
    the actor begins as the plain MLP.
    """

    def __init__(
        self,
        obs: TensorDict,
        obs_groups: dict[str, list[str]],
        obs_set: str,
        output_dim: int,
        *,
        estimator: Mapping[str, Any],
        slots: Sequence[TermSlot],
        **rest: Any,
    ) -> None:
        """Build.

        Args:
            obs: as rsl_rl's models, like all that is not named here.
            obs_groups: likewise.
            obs_set: likewise.
            output_dim: likewise.
            estimator: `NetworkCfg.estimator_network`.
            slots: where the terms of the observation are.
            rest: settings of `NormalisedMlp`.

        Raises:
            MimiclabError: the observation holds no such window.
        """
        super().__init__(obs, obs_groups, obs_set, output_dim, **rest)
        self.mlp = _SkipMlp(self.mlp)
        self.velocity = WindowVelocity(rebuild(dict(estimator)), slots)

    def get_latent(
        self, obs: TensorDict, masks: torch.Tensor | None = None, hidden_state: Any = None
    ) -> torch.Tensor:
        """Normalised observation and velocity side by side, (..., D + 3)."""
        velocity = obs.get(ESTIMATED_VELOCITY)
        if velocity is None:
            velocity = self.velocity(self.observed(obs))
        return torch.cat([super().get_latent(obs), velocity], dim=-1)

    def noted(self, obs: TensorDict) -> TensorDict:
        """`obs` and the velocities estimated there."""
        noted = obs.copy()
        noted[ESTIMATED_VELOCITY] = self.velocity(self.observed(obs))
        return noted

    def as_onnx(self, verbose: bool = False) -> nn.Module:
        """A module from raw observations (N, D) to mean actions (N, A), estimator included."""
        return _MeanAction(self)


class WindowVelocity(nn.Module):
    """The estimator on the columns of an observation that hold its window."""

    columns: torch.Tensor

    def __init__(self, estimator: VelocityEstimator, slots: Sequence[TermSlot]) -> None:
        super().__init__()
        self.register_buffer(
            "columns", torch.tensor(window_columns(estimator.layout, slots)), persistent=False
        )
        self.estimator = freeze(estimator)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Raw observations (..., D) to velocities (..., 3)."""
        with torch.no_grad():
            rows = obs.reshape(-1, obs.shape[-1])
            return self.estimator(rows[:, self.columns]).reshape(*obs.shape[:-1], 3)

    def train(self, mode: bool = True) -> "WindowVelocity":
        """Stay in evaluation mode, whatever the whole is in."""
        return super().train(False)


def window_columns(layout: WindowLayout, slots: Sequence[TermSlot]) -> list[int]:
    """Columns of an observation that make up a window, in the window's order.

    Of a longer history the newest frames are taken, of a command of several frames the present one.

    Raises:
        MimiclabError: a term is missing, too short or of another size.
    """
    found = {slot.name: slot for slot in slots}
    columns = []
    for name, size in ((COMMAND, layout.command_size), (GRAVITY, 3)):
        slot = found.get(name)
        if slot is None:
            advice = " (--reference-gravity)" if name == GRAVITY else ""
            raise MimiclabError(
                f"the velocity estimator needs the observation {name!r}{advice}; the policy "
                f"observes {', '.join(found)}"
            )
        if slot.history < layout.history or slot.size % size:
            raise MimiclabError(
                f"the velocity estimator takes {layout.history} frames of {size} numbers of "
                f"{name!r}; the policy observes {slot.history} of {slot.size}. Set --history "
                f"{layout.history}, or train an estimator for this"
            )
        first = slot.history - layout.history
        for frame in range(first, slot.history):
            begin = slot.start + frame * slot.size
            columns += range(begin, begin + size)
    return columns


class _SkipMlp(nn.Sequential):
    """The layers of an MLP, of which the second linear one takes 3 numbers more."""

    def __init__(self, mlp: nn.Sequential) -> None:
        layers = list(mlp)
        linear = {i: layer for i, layer in enumerate(layers) if isinstance(layer, nn.Linear)}
        second, plain = list(linear.items())[1]
        wide = nn.Linear(plain.in_features + 3, plain.out_features)
        with torch.no_grad():
            wide.weight.zero_()
            wide.weight[:, :-3] = plain.weight
            wide.bias.copy_(plain.bias)
        layers[second] = wide
        super().__init__(*layers)
        self._second = second

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        x, velocity = input[..., :-3], input[..., -3:]
        for i, layer in enumerate(self):
            x = layer(torch.cat([x, velocity], dim=-1) if i == self._second else x)
        return x


class _MeanAction(nn.Module):
    def __init__(self, actor: VelocitySkipActor) -> None:
        super().__init__()
        self.normaliser, self.mlp, self.velocity = (
            copy.deepcopy(part) for part in (actor.obs_normalizer, actor.mlp, actor.velocity)
        )
        self.last = (
            nn.Identity()
            if actor.distribution is None
            else actor.distribution.as_deterministic_output_module()
        )

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        latent = torch.cat([self.normaliser(obs), self.velocity(obs)], dim=-1)
        return self.last(self.mlp(latent))
