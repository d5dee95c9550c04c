"""From settings and an environment's layout to rsl_rl's configuration and to networks."""

from typing import Any

import torch
from rsl_rl.utils import resolve_callable
from tensordict import TensorDict

from mimiclab.errors import MimiclabError
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.fastsac.build import actor_config
from mimiclab.learning.networks.layout import term_slots
from mimiclab.learning.networks.mlp import NormalisedMlp


def rsl_rl_config(cfg: TrainCfg, layout: dict[str, Any]) -> dict[str, Any]:
    """A fresh configuration dictionary in rsl_rl's words; who builds from it changes it in place.

    Args:
        cfg: settings.
        layout: observation terms and actions; see `env_state.layout_of`.
    """
    if cfg.algorithm == "fastsac":
        return _fastsac(cfg)
    ppo = cfg.ppo
    return {
        "num_steps_per_env": ppo.steps_per_env,
        "obs_groups": {"actor": ["actor"], "critic": ["critic"]},
        "actor": _actor(cfg, layout),
        "critic": _mlp(ppo),
        "algorithm": {
            **_algorithm(cfg),
            "num_learning_epochs": ppo.epochs,
            "num_mini_batches": ppo.mini_batches,
            "learning_rate": ppo.learning_rate,
            "schedule": ppo.schedule,
            "desired_kl": ppo.desired_kl,
            "critic_learning_rate": ppo.critic_learning_rate,
            "clip_param": ppo.clip,
            "use_clipped_value_loss": ppo.clip_value,
            "entropy_coef": ppo.entropy,
            "value_loss_coef": ppo.value_weight,
            "gamma": ppo.discount,
            "lam": ppo.gae_lambda,
            "max_grad_norm": ppo.max_grad_norm,
            "rnd_cfg": None,
            "symmetry_cfg": None,
        },
    }


def _fastsac(cfg: TrainCfg) -> dict[str, Any]:
    return {
        "obs_groups": {"actor": ["actor"], "critic": ["critic"]},
        "actor": actor_config(cfg.sac),
        "algorithm": {
            "class_name": "mimiclab.learning.fastsac.algorithm:FastSac",
            "sac": cfg.sac,
        },
    }


def build_actor(cfg: TrainCfg, layout: dict[str, Any]) -> NormalisedMlp:
    """The actor with fresh weights, without an environment."""
    config = rsl_rl_config(cfg, layout)
    network, groups = config["actor"], config["obs_groups"]
    model = resolve_callable(network.pop("class_name"))
    obs = TensorDict(
        {
            group: torch.zeros(1, sum(layout["observations"][group].values()))
            for group in groups["actor"]
        },
        batch_size=[1],
    )
    return model(obs, groups, "actor", sum(layout["actions"].values()), **network)


def _algorithm(cfg: TrainCfg) -> dict[str, Any]:
    """Which algorithm, and what is ours in it."""
    start, imitation = cfg.warm_start, cfg.imitation
    ours = {
        "class_name": "mimiclab.learning.algorithms.ppo:TrackingPpo",
        "critic_warm_up": start.critic_warm_up,
        "freeze_normaliser": start.freeze_normaliser,
        "mirror_samples": cfg.ppo.mirror_samples,
        "mirror_loss": cfg.ppo.mirror_loss,
    }
    if imitation.mode == "distil":
        ours["class_name"] = "mimiclab.learning.algorithms.distillation:Distillation"
        ours |= {"train_critic": imitation.train_critic, "unroll": imitation.unroll}
    return ours


def _actor(cfg: TrainCfg, layout: dict[str, Any]) -> dict[str, Any]:
    noise = {
        "class_name": "GaussianDistribution",
        "init_std": cfg.ppo.init_std,
        "std_range": (cfg.ppo.min_std, 1e6),
    }
    if cfg.residual.base is not None:
        if cfg.network.kind != "mlp":
            raise MimiclabError(
                f"a residual is an MLP, and its base keeps the network that it has: --network.kind "
                f"{cfg.network.kind} would do nothing; leave it out"
            )
        return _residual(cfg) | {"distribution_cfg": noise}
    return {
        **_mlp(cfg.ppo),
        **_network(cfg, layout),
        "distribution_cfg": noise,
        "output_gain": cfg.ppo.output_gain,
    }


def _residual(cfg: TrainCfg) -> dict[str, Any]:
    if not cfg.residual.base_network:
        raise MimiclabError(
            f"the residual's base {cfg.residual.base} was not read yet; "
            "call learning.start.residual.prepare_residual before networks are built"
        )
    return {
        "class_name": "mimiclab.learning.networks.residual:ResidualActor",
        "residual": cfg.residual,
        "activation": cfg.ppo.activation,
        "normalise_until": cfg.ppo.normalise_until,
    }


def _network(cfg: TrainCfg, layout: dict[str, Any]) -> dict[str, Any]:
    """What the actor's kind of network adds to the settings of an MLP."""
    network = cfg.network
    if network.kind == "mlp":
        return {}
    if network.kind == "velocity_skip":
        if not network.estimator_network:
            raise MimiclabError(
                f"the velocity estimator {network.estimator} was not read yet; call "
                "learning.start.velocity_estimator.prepare_estimator before networks are built"
            )
        return {
            "class_name": "mimiclab.learning.networks.velocity_skip:VelocitySkipActor",
            "estimator": network.estimator_network,
            "slots": term_slots(layout, ["actor"]),
        }
    if network.kind == "recurrent":
        if not cfg.imitation.unroll:  # that goes through all environments at once
            _require_equal_batches(cfg)
        return {
            "class_name": "mimiclab.learning.networks.recurrent:RecurrentActor",
            "rnn_type": network.cell,
            "rnn_hidden_dim": network.width,
            "rnn_num_layers": network.layers or 1,
        }
    return {
        "class_name": "mimiclab.learning.networks.encoded:EncodedActor",
        "network": network,
        "slots": term_slots(layout, ["actor"]),
    }


def _require_equal_batches(cfg: TrainCfg) -> None:
    """Sequences are shared out by environments: rsl_rl would never learn from those left over."""
    envs, batches = cfg.num_envs, cfg.ppo.mini_batches
    if envs % batches or envs < 2 * batches:
        fits = max(n for n in range(1, batches + 1) if (envs % n == 0 and envs >= 2 * n) or n == 1)
        raise MimiclabError(
            f"a recurrent network learns from whole sequences, and {envs} environments cannot be "
            f"shared out equally, two or more each, to {batches} mini-batches; set "
            f"--ppo.mini-batches {fits}"
        )


def _mlp(ppo: PpoCfg) -> dict[str, Any]:
    return {
        "class_name": "mimiclab.learning.networks.mlp:NormalisedMlp",
        "hidden_dims": list(ppo.hidden),
        "activation": ppo.activation,
        "obs_normalization": ppo.normalise,
        "normalise_until": ppo.normalise_until,
    }
