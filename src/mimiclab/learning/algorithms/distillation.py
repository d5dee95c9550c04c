"""Learning from teachers alone: the student acts, the teachers say what they would have done."""

from collections.abc import Iterator
from typing import Any

import torch
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict

from mimiclab.learning.algorithms.ppo import TrackingPpo


class Distillation(TrackingPpo):
    """DAgger: supervised learning on the states that the student's mean actions lead to.

    The learning rate is constant. Mini-batches are shuffled as PPO's; with `unroll` the rollout is
    gone through in time order, and gradients reach that many steps back (classic student-teacher,
    rsl_rl's `Distillation`), which changes nothing but the order for a network without memory. The
    critic learns the returns of the mean actions, unless `train_critic` is off. In MOSAIC, whose
    option of that name computes a value loss and drops it, the critic stays as it was.
    """

    def __init__(
        self, *args: Any, train_critic: bool = True, unroll: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.train_critic = train_critic
        self.unroll = unroll
        self._first_memory: Any = None

    def act(self, obs: TensorDict) -> torch.Tensor:
        """Mean actions (N, A); notes what the teachers would do."""
        seen = self._noted(obs)
        step = self.transition
        step.hidden_states = (self.actor.get_hidden_state(), self.critic.get_hidden_state())
        if self.storage.step == 0:
            self._first_memory = _copy(step.hidden_states[0])
        self.actor(seen, stochastic_output=True)
        step.actions = self.actor.output_mean.detach()
        nothing = step.actions.new_zeros(len(step.actions), 1)
        step.values = self.critic(seen).detach() if self.train_critic else nothing
        step.actions_log_prob = nothing
        step.distribution_params = ()
        step.observations = seen
        return step.actions

    def compute_returns(self, obs: TensorDict) -> None:
        """Fill the returns (T, N, 1) that the critic learns, if it does."""
        if self.train_critic:
            super().compute_returns(obs)

    def _learn(self) -> dict[str, float]:
        self._value_losses: list[torch.Tensor] = []
        if self.unroll:
            self._learn_in_time_order()
        else:
            for batch in self._batches():
                self._step(self._loss(batch))
        if not self.train_critic:
            return {}
        return {"value": float(torch.stack(self._value_losses).mean())}

    def _batches(self) -> Iterator[RolloutStorage.Batch]:
        how = self.num_mini_batches, self.num_learning_epochs
        if self.actor.is_recurrent or self.critic.is_recurrent:
            return self.storage.recurrent_mini_batch_generator(*how)
        return self.storage.mini_batch_generator(*how)

    def _loss(self, batch: RolloutStorage.Batch) -> torch.Tensor:
        memory = batch.hidden_states
        seen = batch.observations
        self.actor(seen, masks=batch.masks, hidden_state=memory[0], stochastic_output=True)
        assert seen is not None
        loss = self.auxiliary.compute_loss(self.actor, batch, seen.batch_size[0])
        if self.train_critic:
            values = self.critic(seen, masks=batch.masks, hidden_state=memory[1])  # type: ignore[arg-type]
            value_loss = (batch.returns - values).square().mean()
            self._value_losses.append(value_loss.detach())
            loss = loss + self.value_loss_coef * value_loss
        return loss

    def _step(self, loss: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        if self.is_multi_gpu:
            self.reduce_parameters()
        torch.nn.utils.clip_grad_norm_(self.actor.parameters(), self.max_grad_norm)
        torch.nn.utils.clip_grad_norm_(self.critic.parameters(), self.max_grad_norm)
        self.optimizer.step()

    def _learn_in_time_order(self) -> None:
        storage, last = self.storage, self.storage.num_transitions_per_env - 1
        present = _copy(self.actor.get_hidden_state())
        for _ in range(self.num_learning_epochs):
            self.actor.reset(hidden_state=_copy(self._first_memory))
            losses: list[torch.Tensor] = []
            for time in range(last + 1):
                batch = RolloutStorage.Batch(
                    observations=storage.observations[time],  # type: ignore[arg-type]
                    returns=storage.returns[time],
                )
                losses.append(self._loss(batch))
                if len(losses) == self.unroll or time == last:
                    self._step(torch.stack(losses).mean())
                    losses = []
                    self.actor.detach_hidden_state()
                self.actor.reset(storage.dones[time].squeeze(-1))
        self.actor.reset(hidden_state=present)  # the next rollout goes on where this one stopped


def _copy(memory: Any) -> Any:
    """A hidden state that no rollout changes, or none."""
    if isinstance(memory, tuple):
        return tuple(part.detach().clone() for part in memory)
    return None if memory is None else memory.detach().clone()
