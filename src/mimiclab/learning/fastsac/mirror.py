"""Batches that hold the mirror image of every sample."""

import torch

from mimiclab.learning.fastsac.replay import Batch
from mimiclab.learning.mirror import Mirror


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
