"""Left-right symmetry in PPO: mirrored samples, and a loss on what is not answered mirrored.

Source: Mittal et al., Symmetry considerations for learning task symmetric robot policies (2024).
"""

from typing import Any

import torch
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict

from mimiclab.errors import MimiclabError
from mimiclab.learning.mirror import Mirror


class Symmetry:
    """Uses a mirror in each gradient step."""

    def __init__(self, mirror: Mirror, *, augment: bool, weight: float) -> None:
        """Take a mirror and what to use it for.

        Args:
            mirror: of observation groups and actions.
            augment: learn from the mirror image of every sample too.
            weight: of the mirror loss.
        """
        self.mirror = mirror
        self.augment = augment
        self.weight = weight

    @classmethod
    def wanted(cls, mirror: Mirror | None, *, augment: bool, weight: float) -> "Symmetry | None":
        """The use that is asked for; None if there is none.

        Raises:
            MimiclabError: symmetry is asked for, and the task has none.
        """
        if not (augment or weight):
            return None
        if mirror is None:
            raise MimiclabError(
                "--ppo.mirror-samples and --ppo.mirror-loss need the mirror image of what the "
                "policy sees, and this task does not say what that is; leave them out"
            )
        return cls(mirror, augment=augment, weight=weight)

    def augment_batch(self, batch: RolloutStorage.Batch) -> None:
        """Append the mirror images of a batch to it, in place.

        Log-probabilities, values, advantages and returns of an image are taken to be those of its
        sample: the policy that sampled it is nearly symmetric.
        """
        if not self.augment:
            return
        assert batch.actions is not None
        batch.observations = self._with_images(batch.observations)
        batch.actions = torch.cat([batch.actions, self.mirror.actions(batch.actions)])
        for name in ("old_actions_log_prob", "values", "advantages", "returns"):
            column = getattr(batch, name)
            setattr(batch, name, torch.cat([column, column]))

    def loss(self, actor: Any, batch: RolloutStorage.Batch, size: int) -> torch.Tensor:
        """Mean square of mean(mirror(o)) - mirror(mean(o)), a scalar, unweighted.

        Args:
            actor: its `output_mean` is that of `batch`.
            batch: after `augment_batch`.
            size: of the batch before.
        """
        mean = actor.output_mean
        if self.augment:
            ours, images = mean[:size], mean[size:]
        else:
            ours, images = mean, actor(self._images(batch.observations))
        return torch.nn.functional.mse_loss(images, self.mirror.actions(ours.detach()))

    def _images(self, obs: Any) -> TensorDict:
        return TensorDict(self.mirror.observations(dict(obs.items())), batch_size=obs.batch_size)

    def _with_images(self, obs: Any) -> TensorDict:
        both: Any = torch.cat([obs, self._images(obs)])
        return both
