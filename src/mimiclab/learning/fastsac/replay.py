"""What the environments did last, in a ring on the learner's device."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Batch:
    """Samples of the replay; `discount` holds how much of the future counts."""

    obs: dict[str, torch.Tensor]
    """Observation groups, (B, D) each."""
    actions: torch.Tensor
    """(B, A)."""
    reward: torch.Tensor
    """Discounted sum over the steps taken together, (B,)."""
    discount: torch.Tensor
    """Factor of what follows `next_obs`: 0 after a failure, (B,)."""
    next_obs: dict[str, torch.Tensor]
    """Observation groups after those steps, (B, D) each."""


class Replay:
    """The newest `steps` control steps of N environments.

    Slot t holds what all environments did in one control step, with the observation after it: of
    an episode that ended by time the last of that episode, not the first of the next one. A sum of
    n rewards stops where an episode ends, where the environments were reset and at the newest
    step, so it never crosses the seam of the ring.
    """

    def __init__(
        self, sizes: Mapping[str, int], num_envs: int, num_actions: int, steps: int, device: str
    ) -> None:
        """Reserve memory; see `memory.replay_bytes`.

        Args:
            sizes: numbers in each observation group.
            num_envs: environments N.
            num_actions: actions A.
            steps: control steps that are remembered.
            device: where they are.
        """

        def room(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.zeros(steps, num_envs, *shape, dtype=dtype, device=device)

        self.num_envs, self.steps = num_envs, steps
        self.obs = {name: room(size) for name, size in sizes.items()}
        self.next_obs = {name: room(size) for name, size in sizes.items()}
        self.actions = room(num_actions)
        self.reward = room()
        self.failed = room(dtype=torch.bool)
        self.ended = room(dtype=torch.bool)
        self.head = 0
        """Slot that is written next."""
        self.size = 0
        """Slots that are filled."""

    def add(
        self,
        obs: Mapping[str, torch.Tensor],
        actions: torch.Tensor,
        reward: torch.Tensor,
        next_obs: Mapping[str, torch.Tensor],
        failed: torch.Tensor,
        ended: torch.Tensor,
    ) -> None:
        """Remember one control step of all environments, over the oldest if the ring is full.

        Args:
            obs: groups before the step, (N, D).
            actions: (N, A).
            reward: (N,).
            next_obs: groups after it, in the same episode, (N, D).
            failed: whether nothing follows, (N,).
            ended: whether the episode ends here, for whatever reason, (N,).
        """
        slot = self.head
        for name, ring in self.obs.items():
            ring[slot] = obs[name]
            self.next_obs[name][slot] = next_obs[name]
        self.actions[slot], self.reward[slot] = actions, reward
        self.failed[slot], self.ended[slot] = failed, ended
        self.head = (slot + 1) % self.steps
        self.size = min(self.size + 1, self.steps)

    def cut(self) -> None:
        """All environments were reset: no sum of rewards goes beyond the newest step."""
        if self.size:
            self.ended[self.head - 1] = True

    def sample(self, count: int, n_step: int, discount: float) -> Batch:
        """Draw steps with replacement, all with equal probability.

        Args:
            count: samples B.
            n_step: rewards to sum.
            discount: factor for one control step.
        """
        device = self.reward.device
        age = torch.randint(self.size, (count,), device=device)
        env = torch.randint(self.num_envs, (count,), device=device)
        return self.at(age, env, n_step, discount)

    def at(self, age: torch.Tensor, env: torch.Tensor, n_step: int, discount: float) -> Batch:
        """The steps of `age` (B,), 0 being the newest, in the environments `env` (B,)."""
        first = (self.head - 1 - age) % self.steps
        flat = first * self.num_envs + env
        reward = _take(self.reward, flat).clone()
        factor = torch.full_like(reward, discount)
        last = flat
        going = ~_take(self.ended, flat)
        for step in range(1, n_step):
            going = going & (age >= step)
            here = torch.where(going, (first + step) % self.steps * self.num_envs + env, last)
            reward += torch.where(going, factor * _take(self.reward, here), 0.0)
            factor = torch.where(going, factor * discount, factor)
            going = going & ~_take(self.ended, here)
            last = here
        return Batch(
            obs={name: _take(ring, flat) for name, ring in self.obs.items()},
            actions=_take(self.actions, flat),
            reward=reward,
            discount=torch.where(_take(self.failed, last), 0.0, factor),
            next_obs={name: _take(ring, last) for name, ring in self.next_obs.items()},
        )

    def newest(self, steps: int) -> dict[str, torch.Tensor]:
        """Observation groups of the newest steps, (steps, N, D) each."""
        slots = (self.head - 1 - torch.arange(min(steps, self.size))) % self.steps
        slots = slots.to(self.reward.device)
        return {name: ring[slots] for name, ring in self.obs.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything, in place."""
        return {name: getattr(self, name) for name in _PARTS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is of another size.
        """
        if state["actions"].shape != self.actions.shape:
            raise ValueError(
                f"a replay of shape {tuple(state['actions'].shape)} (steps, environments, "
                f"actions), expected {tuple(self.actions.shape)}"
            )
        self.head, self.size = state["head"], state["size"]
        for name in ("actions", "reward", "failed", "ended"):
            getattr(self, name).copy_(state[name])
        for name in self.obs:
            self.obs[name].copy_(state["obs"][name])
            self.next_obs[name].copy_(state["next_obs"][name])


_PARTS = ("obs", "next_obs", "actions", "reward", "failed", "ended", "head", "size")


def _take(ring: torch.Tensor, flat: torch.Tensor) -> torch.Tensor:
    return ring.flatten(0, 1).index_select(0, flat)
