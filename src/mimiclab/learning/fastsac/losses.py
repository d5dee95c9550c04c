"""The two losses of FastSAC as functions of networks and numbers, nothing else.

Their inputs are one dict of tensors, so that a gradient step can be written down and repeated:
`actor_obs`, `critic_obs`, `next_actor_obs`, `next_critic_obs` (normalised, (B, D)), `actions`
(B, A), `reward` (B,), `discount` (B,), `noise` and `next_noise` (standard normal, (B, A)) and
`log_alpha` ().
"""

from collections.abc import Mapping

import torch

from mimiclab.learning.fastsac.actor import SacActor
from mimiclab.learning.fastsac.categorical import project
from mimiclab.learning.fastsac.critic import TwinCritic

Inputs = Mapping[str, torch.Tensor]
Result = tuple[torch.Tensor, dict[str, torch.Tensor]]


def critic_loss(actor: SacActor, critic: TwinCritic, x: Inputs) -> Result:
    """Cross entropy from each target's moved distribution to its network's, summed over both.

    Each network learns from its own target: no minimum, no mean of the two.

    Returns:
        The loss, and means over the batch: `log_prob` of the next actions, `value` (and its
        `value_min`, `value_max`) of the targets.
    """
    with torch.no_grad():
        actions, log_prob = actor.draw(x["next_actor_obs"], x["next_noise"])
        logits = critic.target(torch.cat([x["next_critic_obs"], actions], dim=-1))
        entropy_reward = -x["discount"] * x["log_alpha"].exp() * log_prob
        wanted = project(
            logits.softmax(-1), x["reward"] + entropy_reward, x["discount"], critic.support
        )
        value = critic.values(wanted)
    logits = critic.online(torch.cat([x["critic_obs"], x["actions"]], dim=-1))
    loss = -(wanted * logits.log_softmax(-1)).sum(-1).mean(-1).sum()
    facts = {
        "log_prob": log_prob.mean(),
        "value": value.mean(),
        "value_min": value.min(),
        "value_max": value.max(),
    }
    return loss, facts


def actor_loss(actor: SacActor, critic: TwinCritic, x: Inputs) -> Result:
    """Mean of alpha log pi - Q, with Q the mean of both networks' expected returns.

    Returns:
        The loss, and the mean `entropy` of the actions.
    """
    actions, log_prob = actor.draw(x["actor_obs"], x["noise"])
    logits = critic.online(torch.cat([x["critic_obs"], actions], dim=-1))
    value = critic.values(logits.softmax(-1)).mean(0)
    loss = (x["log_alpha"].exp() * log_prob - value).mean()
    return loss, {"entropy": -log_prob.detach().mean()}


def alpha_loss(
    log_alpha: torch.Tensor, log_prob: torch.Tensor, target_entropy: float
) -> torch.Tensor:
    """-alpha (log pi + target): the temperature rises while the entropy is below its target."""
    return -log_alpha.exp() * (log_prob.detach() + target_entropy)
