"""Left-right symmetry, as a learner sees it: given by the caller, who knows the robot."""

from collections.abc import Mapping
from typing import Protocol

import torch

from mimiclab.learning.fastsac.replay import Batch


class Mirror(Protocol):
    """The mirror image of what a policy sees and does."""

    def observations(self, obs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Mirrored observation groups, (..., D) each."""
        ...

    def actions(self, actions: torch.Tensor) -> torch.Tensor:
        """Mirrored actions (..., A)."""
        ...


Signed = tuple[torch.Tensor, torch.Tensor]
"""Which number comes to each place (D,) and the sign that it gets there (D,)."""


class SignedPermutation:
    """A mirror that swaps numbers and changes signs."""

    def __init__(self, groups: Mapping[str, Signed], actions: Signed) -> None:
        """Take index and sign of every number of each observation group and of the actions.

        Raises:
            ValueError: mirroring twice would not give back what was there.
        """
        self._groups = dict(groups)
        self._actions = actions
        for name, (index, sign) in {**self._groups, "actions": actions}.items():
            places = torch.arange(len(index), device=index.device)
            if not (torch.equal(index[index], places) and bool((sign * sign[index] == 1).all())):
                raise ValueError(f"mirroring {name!r} twice does not give back what was there")

    def observations(self, obs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Mirrored observation groups, (..., D) each; groups without a mirror are an error."""
        return {name: _apply(values, self._groups[name]) for name, values in obs.items()}

    def actions(self, actions: torch.Tensor) -> torch.Tensor:
        """Mirrored actions (..., A)."""
        return _apply(actions, self._actions)


def _apply(values: torch.Tensor, how: Signed) -> torch.Tensor:
    index, sign = (part.to(values.device) for part in how)
    return values[..., index] * sign


def with_mirror_images(batch: Batch, mirror: Mirror) -> Batch:
    """A batch of twice the size: every sample and its mirror image, which earns the same."""

    def both(obs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        image = mirror.observations(obs)
        return {name: torch.cat([values, image[name]]) for name, values in obs.items()}

    return Batch(
        obs=both(batch.obs),
        actions=torch.cat([batch.actions, mirror.actions(batch.actions)]),
        reward=batch.reward.repeat(2),
        discount=batch.discount.repeat(2),
        next_obs=both(batch.next_obs),
    )
