"""Left-right symmetry as a learner sees it: of whole observation groups and of actions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import torch

from mimiclab.robots import get_robot
from mimiclab.tasks.symmetry import mirror_of_layout

if TYPE_CHECKING:
    from mimiclab.learning.config import TrainCfg
    from mimiclab.tasks.symmetry import TermMirror


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


def task_mirror(
    cfg: "TrainCfg", layout: Mapping[str, Any], device: str
) -> SignedPermutation | None:
    """The mirror that the settings ask for; None if they ask for none.

    Args:
        cfg: settings.
        layout: of the student; see `env_state.layout_of`.
        device: torch device of observations and actions.

    Raises:
        MimiclabError: an observation without a mirror image.
        RobotError: the robot is not symmetric.
    """
    ppo = cfg.ppo.mirror_samples or cfg.ppo.mirror_loss > 0.0
    if not (ppo if cfg.algorithm == "ppo" else cfg.sac.symmetry):
        return None
    groups, actions = mirror_of_layout(get_robot(layout["robot"]), layout)

    def signed(mirror: "TermMirror") -> Signed:
        index = torch.as_tensor(mirror.indices, device=device)
        return index, torch.as_tensor(mirror.signs, dtype=torch.float32, device=device)

    return SignedPermutation(
        {name: signed(mirror) for name, mirror in groups.items()}, signed(actions)
    )
