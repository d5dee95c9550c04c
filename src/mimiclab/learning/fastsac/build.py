"""The networks of FastSAC from settings and sizes."""

from typing import Any

import torch
from tensordict import TensorDict

from mimiclab.learning.fastsac.actor import SacActor
from mimiclab.learning.fastsac.cfg import SacCfg
from mimiclab.learning.fastsac.critic import TwinCritic


def actor_config(cfg: SacCfg) -> dict[str, Any]:
    """The actor's part of the configuration that `learning.build` makes."""
    return {
        "class_name": "mimiclab.learning.fastsac.actor:SacActor",
        "hidden_dims": tuple(cfg.actor_hidden),
        "log_std_range": tuple(cfg.log_std_range),
        "obs_normalization": cfg.normalise,
        "normalise_until": cfg.normalise_until,
    }


def build_networks(
    cfg: SacCfg, obs: dict[str, torch.Tensor], groups: dict[str, list[str]], num_actions: int
) -> tuple[SacActor, TwinCritic]:
    """Fresh networks for examples (B, D) of observation groups.

    Args:
        cfg: settings.
        obs: examples of the groups.
        groups: which of them `actor` and `critic` see.
        num_actions: actions A.
    """
    options = actor_config(cfg)
    del options["class_name"]
    rows = len(next(iter(obs.values())))
    examples: Any = TensorDict(dict(obs), batch_size=[rows])
    actor = SacActor(examples, groups, "actor", num_actions, **options)
    critic = TwinCritic(
        {name: values.shape[-1] for name, values in obs.items()},
        groups["critic"],
        num_actions,
        hidden=tuple(cfg.critic_hidden),
        atoms=cfg.atoms,
        value_range=cfg.value_range,
        normalise=cfg.normalise,
        normalise_until=cfg.normalise_until,
    )
    return actor, critic
