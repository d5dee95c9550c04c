"""FastSAC: soft actor-critic that learns from the newest steps of many environments."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict

from mimiclab.errors import CheckpointError, DivergedError, EngineError, MimiclabError
from mimiclab.learning import distributed
from mimiclab.learning.checkpoint import copy_to_cpu
from mimiclab.learning.fastsac.actor import SacActor
from mimiclab.learning.fastsac.bounds import action_bounds
from mimiclab.learning.fastsac.build import build_networks
from mimiclab.learning.fastsac.cfg import SacCfg, Switch
from mimiclab.learning.fastsac.critic import TwinCritic
from mimiclab.learning.fastsac.dump import write_dump
from mimiclab.learning.fastsac.losses import actor_loss, alpha_loss, critic_loss
from mimiclab.learning.fastsac.memory import free_bytes, require_memory
from mimiclab.learning.fastsac.mirror import with_mirror_images
from mimiclab.learning.fastsac.replay import Batch, Replay
from mimiclab.learning.fastsac.replay_files import read_replay, write_replay
from mimiclab.learning.finite import require_finite
from mimiclab.learning.mirror import Mirror


class FastSac:
    """A `Learner`: gradient steps after every control step, on samples of the replay.

    It differs from the published one (docs/fastsac.md tells why):

    - Every batch is drawn at random from all environments, and with mirrored samples holds both
      versions of each. Published: slices of environments, mirrored ones in slices of their own.
    - Actions are bounded by the scale that the environment gives each joint. Published: by one
      scale for all.
    - Observation statistics take each observation once, when it is new.
    """

    def __init__(
        self,
        actor: SacActor,
        critic: TwinCritic,
        replay: Replay,
        cfg: SacCfg,
        *,
        device: str = "cpu",
        mirror: Mirror | None = None,
        folder: Path | None = None,
    ) -> None:
        """Set up optimisers.

        Args:
            actor: on `device`, as all of these.
            critic: both critics.
            replay: empty.
            cfg: settings.
            device: torch device.
            mirror: needed if `cfg.symmetry`.
            folder: where dumps go; none writes none.
        """
        self.actor, self.critic, self.replay, self.cfg = actor, critic, replay, cfg
        self.device, self.mirror, self.folder = torch.device(device), mirror, folder
        self.learning_rate = cfg.learning_rate
        self.log_alpha = torch.tensor(math.log(cfg.alpha), device=device, requires_grad=True)
        self.target_entropy = -cfg.target_entropy_ratio * actor.distribution.output_dim
        learnt = {
            "actor": (list(actor.mlp.parameters()), cfg.learning_rate, cfg.weight_decay),
            "critic": (
                list(critic.online.parameters()),
                cfg.critic_learning_rate,
                cfg.weight_decay,
            ),
            "alpha": ([self.log_alpha], cfg.alpha_learning_rate, 0.0),
        }
        self.optimizers = {
            name: torch.optim.AdamW(what, lr, cfg.betas, weight_decay=decay, fused=True)
            for name, (what, lr, decay) in learnt.items()
        }
        self.gradient_steps = 0
        """Gradient steps of the critics."""
        place = distributed.ranks()
        self.world_size = place.world_size
        self.batch = max(1, cfg.batch // place.world_size)
        self.amp = self._is_on(cfg.amp)
        compiled = self._is_on(cfg.compile)
        self._critic_loss = torch.compile(critic_loss) if compiled else critic_loss
        self._actor_loss = torch.compile(actor_loss) if compiled else actor_loss
        self._new_steps = 0
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    @staticmethod
    def construct_algorithm(obs: TensorDict, env: VecEnv, cfg: dict, device: str) -> "FastSac":
        """Build from the configuration; see `Learner`.

        Raises:
            MimiclabError: the replay does not fit into memory, actions have no bounds, or mirrored
                samples are asked for without a mirror.
        """
        sac: SacCfg = cfg["algorithm"]["sac"]
        given, groups = cfg["given"], cfg["obs_groups"]
        if sac.symmetry and given["mirror"] is None:
            raise MimiclabError(
                "--sac.symmetry adds mirrored samples, but this task does not say what the mirror "
                "image of its observations is; leave it off"
            )
        names = dict.fromkeys([*groups["actor"], *groups["critic"]])
        sizes = {name: int(obs[name].shape[-1]) for name in names}
        place = distributed.ranks()
        on_cpu = device == "cpu"
        require_memory(
            sizes,
            env.num_actions,
            env.num_envs,
            sac.replay_steps,
            free=free_bytes(device),
            least=max(sac.learning_starts, sac.n_step, sac.steps_per_env),
            processes=place.local_world_size if on_cpu else 1,
        )
        if not on_cpu:
            torch.set_float32_matmul_precision("high")
        actor, critic = build_networks(
            sac, {name: obs[name].to(device) for name in names}, groups, env.num_actions
        )
        bounds = action_bounds(env, sac.action_bound)
        actor.distribution.bound.copy_(bounds)
        base: Any = getattr(env, "unwrapped", env)
        if hasattr(base, "keep_final_observations"):
            base.keep_final_observations = True
        return FastSac(
            actor.to(device),
            critic.to(device),
            Replay(sizes, env.num_envs, env.num_actions, sac.replay_steps, device),
            sac,
            device=device,
            mirror=given["mirror"],
            folder=given["folder"],
        )

    # Collecting

    @property
    def steps_per_env(self) -> int:
        """Control steps of each environment in an iteration."""
        return self.cfg.steps_per_env

    def train_mode(self) -> None:
        """Networks are about to learn."""
        self.actor.train()
        self.critic.train()

    def broadcast_parameters(self) -> None:
        """Give all processes the networks of the first."""
        states = distributed.from_main(copy_to_cpu([self.actor.state_dict(), self._weights()]))
        self.actor.load_state_dict(states[0])
        self._load_weights(states[1])

    def forget(self) -> None:
        """All environments were reset: what follows is no continuation."""
        self.replay.cut()

    def act(self, obs: TensorDict) -> torch.Tensor:
        """A sample of the policy, (N, A)."""
        self._obs = {name: obs[name] for name in self.replay.obs}
        self._actions = self.actor(obs, stochastic_output=True)
        return self._actions

    def process_env_step(
        self, obs: TensorDict, rewards: torch.Tensor, dones: torch.Tensor, extras: dict[str, Any]
    ) -> None:
        """Remember the step that `act` began.

        Raises:
            EngineError: NaN or infinite values, or an episode that ended by time without
                `extras["final_observations"]`.
        """
        following = {name: obs[name] for name in self.replay.obs}
        ended = dones > 0
        late = extras.get("time_outs")
        late = torch.zeros_like(ended) if late is None else late.to(self.device).bool() & ended
        if late.any():
            final = extras.get("final_observations")
            if final is None:
                raise EngineError(
                    "episodes ended by time, but the environment does not give "
                    'extras["final_observations"], from which FastSAC estimates what would have '
                    "followed; make it with mimiclab.simulation.make_env, or use PPO"
                )
            for name, fresh in following.items():
                last = final[name].to(self.device)
                following[name] = torch.where(late.unsqueeze(-1), last, fresh)
        seen = {**following, "reward": rewards}
        require_finite({name: values.unsqueeze(0) for name, values in seen.items()})
        self.replay.add(self._obs, self._actions, rewards, following, ended & ~late, ended)
        self._new_steps += 1

    def end_rollout(self, obs: TensorDict) -> None:
        """Nothing: each step was checked when it was remembered."""

    # Learning

    @property
    def learns_between_steps(self) -> bool:
        """Whether the replay holds enough, and observation statistics are there."""
        enough = self.replay.size >= self.cfg.learning_starts
        return enough and self.actor.has_statistics

    def learn_between_steps(self) -> None:
        """The gradient steps of one control step.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        for _ in range(self.cfg.updates if self.learns_between_steps else 0):
            self._gradient_step()

    def update(self) -> dict[str, float]:
        """Fold the iteration's observations into the statistics; means for the log."""
        if not self._new_steps:
            return self._read()
        new = self.replay.newest(self._new_steps)
        if self.cfg.symmetry and self.mirror is not None:
            image = self.mirror.observations(new)
            new = {name: torch.cat([values, image[name]]) for name, values in new.items()}
        self.actor.fold_in(new)  # pyright: ignore[reportArgumentType]
        self.critic.fold_in(new)
        self._new_steps = 0
        return self._read()

    def _gradient_step(self) -> None:
        x = self._inputs(self.replay.sample(self.batch, self.cfg.n_step, self.cfg.discount))
        loss, facts = self._evaluate("critic", x)
        self._descend("critic", loss)
        self._note("critic", {"critic": loss, **facts})
        if self.cfg.tune_alpha:
            loss = alpha_loss(self.log_alpha, facts["log_prob"], self.target_entropy)
            self._descend("alpha", loss)
        every, late = self.cfg.actor_every, self.gradient_steps >= self.cfg.actor_starts
        if late and self.gradient_steps % every == min(1, every - 1):
            x["log_alpha"] = self.log_alpha.detach()
            self.critic.online.requires_grad_(False)
            loss, facts = self._evaluate("actor", x)
            self._descend("actor", loss)
            self.critic.online.requires_grad_(True)
            self._note("actor", {"actor": loss, **facts})
        self.critic.follow(self.cfg.tau)
        self.gradient_steps += 1

    def _inputs(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Inputs of the losses; see there."""
        if self.cfg.symmetry and self.mirror is not None:
            batch = with_mirror_images(batch, self.mirror)
        size, device = batch.actions.shape, self.device
        networks: dict[str, Any] = {"actor": self.actor, "critic": self.critic}
        x = {}
        with torch.no_grad():
            for prefix, groups in (("", batch.obs), ("next_", batch.next_obs)):
                for name, network in networks.items():
                    x[f"{prefix}{name}_obs"] = network.obs_normalizer(network.observed(groups))
        return x | {
            "actions": batch.actions,
            "reward": batch.reward,
            "discount": batch.discount,
            "noise": torch.randn(size, device=device),
            "next_noise": torch.randn(size, device=device),
            "log_alpha": self.log_alpha.detach().clone(),
        }

    def _evaluate(
        self, which: str, x: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        function = self._critic_loss if which == "critic" else self._actor_loss
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            loss, facts = function(self.actor, self.critic, x)
        if not torch.isfinite(loss):
            self._stop(which, float(loss.detach()), x)
        return loss, facts

    def _descend(self, name: str, loss: torch.Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        parameters = optimizer.param_groups[0]["params"]
        distributed.average_gradients(parameters)
        if self.cfg.max_grad_norm > 0.0 and name != "alpha":
            torch.nn.utils.clip_grad_norm_(parameters, self.cfg.max_grad_norm)
        optimizer.step()

    def _stop(self, which: str, loss: float, x: dict[str, torch.Tensor]) -> None:
        facts = {"gradient_step": self.gradient_steps, "value": str(loss), "amp": self.amp}
        where = "no run folder was given, so no dump was written"
        if self.folder is not None:
            path = write_dump(self.folder, which, facts, self.actor, self.critic, self.cfg, x)
            where = (
                f"{path} repeats it: mimiclab.learning.fastsac.dump.read_dump(PATH).repeat(), and "
                "the JSON beside it says which numbers are not finite"
            )
        raise DivergedError(
            f"the {which} loss of gradient step {self.gradient_steps} is {loss}; training stopped "
            f"before it was applied. {where}. Resume from the last checkpoint with a lower "
            "learning rate, or look at the rewards"
        )

    # The log

    def _note(self, kind: str, facts: Mapping[str, torch.Tensor]) -> None:
        # Summed on the device and read once an iteration.
        for name, value in facts.items():
            before = self._sums.get(name)
            self._sums[name] = value.detach() if before is None else before + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def _read(self) -> dict[str, float]:
        if not self._sums:
            return {}
        means = torch.stack([self._sums[name] / self._counts[name] for name in self._sums])
        means = distributed.sum_tensor(means) / self.world_size
        found = dict(zip(self._sums, means.tolist(), strict=True))
        self._sums, self._counts = {}, {}
        return found | {"alpha": float(self.log_alpha.detach().exp())}

    # Checkpoints

    def checkpoint(self) -> dict[str, Any]:
        """Everything but the replay."""
        return {
            "learning_rate": self.learning_rate,
            "actor": dict(self.actor.state_dict()),
            "critic": dict(self.critic.state_dict()),
            "optimizer": {name: each.state_dict() for name, each in self.optimizers.items()},
            "algorithm": {
                "kind": "fastsac",
                "log_alpha": self.log_alpha.detach(),
                "gradient_steps": self.gradient_steps,
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `checkpoint` returned.

        Raises:
            CheckpointError: it is of another algorithm.
        """
        own = state.get("algorithm", {})
        if own.get("kind") != "fastsac":
            raise CheckpointError(
                "the checkpoint was not made by FastSAC; resume with the settings of its run"
            )
        self.actor.load_state_dict(state["actor"])
        self.critic.load_state_dict(state["critic"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizer"][name])
        self.learning_rate = state["learning_rate"]
        self._set_alpha(own["log_alpha"])
        self.gradient_steps = own["gradient_steps"]

    def save_beside(self, folder: Path, iteration: int) -> None:
        """Write the replay of this process, if asked for."""
        if self.cfg.save_replay:
            write_replay(self.replay, folder, iteration)

    def restore_beside(self, folder: Path, iteration: int) -> list[str]:
        """Read the replay of this process, if there is one; sentences about what is missing."""
        return read_replay(self.replay, folder, iteration)

    def _weights(self) -> dict[str, Any]:
        return {"critic": self.critic.state_dict(), "log_alpha": self.log_alpha.detach()}

    def _load_weights(self, weights: dict[str, Any]) -> None:
        self.critic.load_state_dict(weights["critic"])
        self._set_alpha(weights["log_alpha"])

    def _set_alpha(self, log_alpha: torch.Tensor) -> None:
        with torch.no_grad():
            self.log_alpha.copy_(log_alpha)

    def _is_on(self, switch: Switch) -> bool:
        return switch == "on" or (switch == "auto" and self.device.type == "cuda")
