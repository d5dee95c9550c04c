"""rsl_rl's PPO with statistics shared by all processes; only the seams it needs are overridden."""

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from tensordict import TensorDict

from mimiclab.errors import CheckpointError
from mimiclab.learning import distributed
from mimiclab.learning.algorithms.auxiliary import AuxiliaryLosses
from mimiclab.learning.algorithms.imitation import Imitation
from mimiclab.learning.algorithms.symmetry import Symmetry
from mimiclab.learning.finite import require_finite
from mimiclab.learning.networks.mlp import NormalisedMlp


class TrackingPpo(PPO):
    """Proximal policy optimisation, as in rsl_rl, with these differences.

    - Observation statistics are pooled over processes once a rollout (`SharedNormalisation`). The
      first rollout only measures them: a network must not learn on inputs about to be rescaled.
    - Advantages are standardised over all processes. With a process's own mean and deviation, a
      process with easy clips would pull as hard as one with difficult clips.
    - The critic may learn at a rate of its own.
    - Losses towards teachers and recordings, those of networks and the mirror loss are added to
      PPO's.
    - In the first updates the critic may learn alone: a policy that comes with an untrained critic
      would else be unlearnt.
    """

    actor: NormalisedMlp  # pyright: ignore[reportIncompatibleVariableOverride]
    critic: NormalisedMlp  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        *args: Any,
        critic_learning_rate: float | None = None,
        imitation: Imitation | None = None,
        critic_warm_up: int = 0,
        freeze_normaliser: bool = False,
        symmetry: Symmetry | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if critic_learning_rate is not None:
            self._fix_critic_rate(critic_learning_rate)
        self.router = imitation.router if imitation else None
        self.auxiliary = AuxiliaryLosses(imitation.losses if imitation else (), symmetry)
        if self.auxiliary.losses or symmetry or hasattr(self.actor, "auxiliary_loss"):
            self.symmetry = self.auxiliary  # pyright: ignore[reportAttributeAccessIssue]
        self.critic_warm_up = critic_warm_up
        self.freeze_normaliser = freeze_normaliser
        self.updates = 0
        """Updates that learnt something."""

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: VecEnv, cfg: dict, device: str) -> PPO:
        """Build as rsl_rl does, without printing the networks; see `Learner`."""
        imitation = cfg["algorithm"]["imitation"] = cfg["given"]["imitation"]
        cfg["algorithm"]["symmetry"] = Symmetry.wanted(
            cfg["given"]["mirror"],
            augment=cfg["algorithm"].pop("mirror_samples"),
            weight=cfg["algorithm"].pop("mirror_loss"),
        )
        if imitation is not None and imitation.router is not None:
            obs = imitation.router.annotate(obs.to(device))  # the storage takes its fields from it
        with contextlib.redirect_stdout(io.StringIO()):
            algorithm = PPO.construct_algorithm(obs, env, cfg, device)
        assert isinstance(algorithm, TrackingPpo)
        stored, steps = algorithm.storage.observations, algorithm.storage.num_transitions_per_env
        for name, value in algorithm.actor.noted(obs.to(device)).items():
            if name not in stored:
                stored[name] = torch.zeros(steps, *value.shape, device=device)
        return algorithm

    def act(self, obs: TensorDict) -> torch.Tensor:
        """Sample actions (N, A), and note what teachers and frozen networks would do."""
        return super().act(self._noted(obs))

    def process_env_step(
        self, obs: TensorDict, rewards: torch.Tensor, dones: torch.Tensor, extras: dict[str, Any]
    ) -> None:
        """Store the step that `act` began."""
        super().process_env_step(obs, rewards, dones, extras)
        if self.router is not None:
            self.router.reset(dones)

    def forget(self) -> None:
        """All environments were reset: recurrent networks begin anew."""
        everyone = torch.ones(self.storage.num_envs, device=self.device)
        self.actor.reset(everyone)
        self.critic.reset(everyone)
        if self.router is not None:
            self.router.reset(everyone)

    @property
    def steps_per_env(self) -> int:
        """Control steps of each environment in an iteration."""
        return self.storage.num_transitions_per_env

    @property
    def learns_between_steps(self) -> bool:
        """No: PPO learns from whole rollouts."""
        return False

    def learn_between_steps(self) -> None:
        """Nothing."""

    def end_rollout(self, obs: TensorDict) -> None:
        """Look at the rollout, and fill its returns.

        Raises:
            EngineError: NaN or infinite values in it.
        """
        seen: Any = dict(self.storage.observations.items())
        require_finite({**seen, "reward": self.storage.rewards})
        self.compute_returns(obs)

    def compute_returns(self, obs: TensorDict) -> None:
        """Fill returns and advantages (T, N, 1) of the rollout."""
        super().compute_returns(obs)
        if distributed.is_grouped() and not self.normalize_advantage_per_mini_batch:
            raw = (self.storage.returns - self.storage.values).double()
            moments = torch.stack([raw.new_tensor(raw.numel()), raw.sum(), raw.square().sum()])
            count, first, second = distributed.sum_tensor(moments)
            mean = first / count
            std = (second / count - mean.square()).clamp_min(0.0).sqrt()
            self.storage.advantages = ((raw - mean) / (std + 1e-8)).float()

    def update(self) -> dict[str, float]:
        """Improve the networks on the rollout, then fold its observations into the statistics."""
        warming_up = self.updates < self.critic_warm_up
        losses = {}
        if self.actor.has_statistics and self.critic.has_statistics:
            losses = self._learn_critic_alone() if warming_up else self._learn()
            losses |= self.auxiliary.read(self.actor)
            self.auxiliary.step()
            self.updates += 1
        self.storage.clear()
        frozen = self.freeze_normaliser or warming_up
        if not (frozen and self.actor.has_statistics):
            self.actor.fold_in(self.storage.observations)
        self.critic.fold_in(self.storage.observations)
        return losses

    def checkpoint(self) -> dict[str, Any]:
        """Everything that a resumed training must put back."""
        return {
            "learning_rate": self.learning_rate,
            "actor": dict(self.actor.state_dict()),
            "critic": dict(self.critic.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "algorithm": self.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `checkpoint` returned.

        Raises:
            CheckpointError: it is of another algorithm.
        """
        own = state.get("algorithm")
        if own is not None and "auxiliary" not in own:
            raise CheckpointError(
                "the checkpoint was not made by PPO; resume with the settings of its run"
            )
        self.actor.load_state_dict(state["actor"])
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.learning_rate = state["learning_rate"]
        if own is not None:  # runs of older versions had no more state
            self.load_state_dict(own)

    def save_beside(self, folder: Path, iteration: int) -> None:
        """Nothing: the checkpoint holds everything."""

    def restore_beside(self, folder: Path, iteration: int) -> list[str]:
        """Nothing."""
        return []

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must put back, apart from networks and optimiser."""
        return {"updates": self.updates, "auxiliary": self.auxiliary.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.updates = state["updates"]
        self.auxiliary.load_state_dict(state["auxiliary"])

    def _noted(self, obs: TensorDict) -> TensorDict:
        return self.actor.noted(obs if self.router is None else self.router.annotate(obs))

    def _learn(self) -> dict[str, float]:
        """One update; losses for the log."""
        losses = super().update()
        losses.pop("symmetry", None)  # the name of the slot; `auxiliary` reads its parts
        return losses

    def _learn_critic_alone(self) -> dict[str, float]:
        """One update in which the actor stays bit for bit."""
        learning = [p for p in self.actor.parameters() if p.requires_grad]
        schedule, self.schedule = self.schedule, "fixed"  # of an unchanged actor KL is rounding
        self.actor.requires_grad_(False).eval()
        try:
            return self._learn()
        finally:
            self.schedule = schedule
            self.actor.train()
            for parameter in learning:
                parameter.requires_grad_(True)

    def _fix_critic_rate(self, rate: float) -> None:
        """Give the critic a fixed rate; PPO itself sets one rate for all groups at each step."""
        group = self.optimizer.param_groups[0]
        rest = {key: value for key, value in group.items() if key != "params"}
        actor, critic = list(self.actor.parameters()), list(self.critic.parameters())
        self.optimizer = type(self.optimizer)(
            [{"params": actor, **rest}, {"params": critic, **rest}]
        )

        def keep_rate(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            optimizer.param_groups[1]["lr"] = rate

        self.optimizer.register_step_pre_hook(keep_rate)
