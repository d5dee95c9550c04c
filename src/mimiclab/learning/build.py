"""From settings and an environment's layout to rsl_rl's configuration and to networks."""

from typing import Any

import torch
from rsl_rl.utils import resolve_callable
from tensordict import TensorDict

from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.mlp import NormalisedMlp


def rsl_rl_config(cfg: TrainCfg, layout: dict[str, Any]) -> dict[str, Any]:
    """A fresh configuration dictionary for rsl_rl's runner, which changes it in place.

    Args:
        cfg: settings.
        layout: observation terms and actions; see `env_state.layout_of`.
    """
    ppo = cfg.ppo
    return {
        "num_steps_per_env": ppo.steps_per_env,
        "obs_groups": {"actor": ["actor"], "critic": ["critic"]},
        "actor": _actor(cfg),
        "critic": _mlp(ppo),
        "algorithm": {
            "class_name": "mimiclab.learning.algorithms.ppo:TrackingPpo",
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


def _actor(cfg: TrainCfg) -> dict[str, Any]:
    noise = {
        "class_name": "GaussianDistribution",
        "init_std": cfg.ppo.init_std,
        "std_range": (cfg.ppo.min_std, 1e6),
    }
    return {**_mlp(cfg.ppo), "distribution_cfg": noise, "output_gain": cfg.ppo.output_gain}


def _mlp(ppo: PpoCfg) -> dict[str, Any]:
    return {
        "class_name": "mimiclab.learning.networks.mlp:NormalisedMlp",
        "hidden_dims": list(ppo.hidden),
        "activation": ppo.activation,
        "obs_normalization": ppo.normalise,
        "normalise_until": ppo.normalise_until,
    }
