"""Begin a training with the networks of an earlier run (MOSAIC's RL-continue)."""

from typing import TYPE_CHECKING, Any

import torch

from mimiclab.errors import CheckpointError
from mimiclab.learning.algorithms.learner import Learner
from mimiclab.learning.checkpoint import layout_difference, load_checkpoint
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.run import load_run
from mimiclab.learning.serialise import to_plain

if TYPE_CHECKING:
    from mimiclab.tasks.task import Task


def warm_start(
    algorithm: Learner, cfg: TrainCfg, layout: dict[str, Any], task: "Task"
) -> list[str]:
    """Load what `cfg.warm_start` names into the networks of a new run.

    Args:
        algorithm: networks of the new run.
        cfg: settings of the new run.
        layout: what its student sees and does; see `env_state.layout_of`.
        task: its task.

    Returns:
        Sentences that say what was taken.

    Raises:
        CheckpointError: the run is missing, or its observations, actions or network differ.
    """
    start = cfg.warm_start
    told = []
    if start.path is not None:
        source = _Source(start.path)
        differences = source.actor_differences(cfg, layout, task)
        if differences:
            raise CheckpointError(
                f"a training cannot begin with the actor of {start.path}:\n  "
                + "\n  ".join(differences)
                + "\nUse the settings of that run, or begin with fresh weights"
            )
        source.load("actor", algorithm.actor)
        told.append(f"actor of {start.path} (update {source.iteration})")
    if start.std is not None:
        with torch.no_grad():
            algorithm.actor.distribution.std_param.fill_(start.std)  # type: ignore[union-attr]
        told.append(f"exploration noise {start.std:g}")
    critic = start.critic if start.critic is not None else start.path
    if critic is not None:
        source = _Source(critic)
        differences = source.critic_differences(cfg, layout)
        if not differences:
            source.load("critic", algorithm.critic)
            told.append(f"critic of {critic} (update {source.iteration})")
        elif start.critic is None:
            told.append(f"fresh critic, as that of {critic} does not fit: {differences[0]}")
        else:
            raise CheckpointError(
                f"a training cannot begin with the critic of {critic}:\n  "
                + "\n  ".join(differences)
                + "\nLeave out --warm-start.critic for a fresh one"
            )
    return told


class _Source:
    """A run to begin from."""

    def __init__(self, path: str) -> None:
        self.run = load_run(path)
        self.state = load_checkpoint(self.run.checkpoint)
        self.iteration: int = self.state["iteration"]

    def actor_differences(self, cfg: TrainCfg, layout: dict[str, Any], task: "Task") -> list[str]:
        """What keeps its actor from being ours."""
        given, ours = _actor_facts(self.run.train), _actor_facts(cfg)
        for facts, of in ((given, self.run.task), (ours, task)):
            plain = to_plain(of)
            facts |= {key: plain.get(key) for key in ("residual_action", "action_scale")}
        return layout_difference(
            _seen(self.state["layout"], "actor") | given, _seen(layout, "actor") | ours
        )

    def critic_differences(self, cfg: TrainCfg, layout: dict[str, Any]) -> list[str]:
        """What keeps its critic from being ours."""
        return layout_difference(
            _seen(self.state["layout"], "critic") | _critic_facts(self.run.train),
            _seen(layout, "critic") | _critic_facts(cfg),
        )

    def load(self, name: str, network: torch.nn.Module) -> None:
        """Put its weights and statistics into `network`."""
        try:
            network.load_state_dict(self.state[name])
        except RuntimeError as error:
            raise CheckpointError(
                f"the {name} of {self.run.checkpoint} has other weights than its config.json says: "
                f"{str(error).splitlines()[-1].strip()}"
            ) from error


def _seen(layout: dict[str, Any], group: str) -> dict[str, Any]:
    """The part of a layout that a network depends on."""
    facts = {key: layout[key] for key in ("robot", "control_hz")}
    facts["observations"] = {group: layout["observations"][group]}
    facts["history"] = {group: layout.get("history", {}).get(group, {})}
    return facts | ({"actions": layout["actions"]} if group == "actor" else {})


def _critic_facts(cfg: TrainCfg) -> dict[str, Any]:
    sac = cfg.sac
    if cfg.algorithm == "fastsac":
        support = {"atoms": sac.atoms, "value_range": sac.value_range}
        return {"algorithm": "fastsac", "hidden": sac.critic_hidden, **support}
    return _layers(cfg)


def _layers(cfg: TrainCfg) -> dict[str, Any]:
    """What the layers of an actor are, and those of PPO's critic."""
    ppo, sac = cfg.ppo, cfg.sac
    if cfg.algorithm == "fastsac":
        return {"algorithm": "fastsac", "hidden": sac.actor_hidden, "normalise": sac.normalise}
    return {
        "algorithm": "ppo",
        "hidden": ppo.hidden,
        "activation": ppo.activation,
        "normalise": ppo.normalise,
    }


def _actor_facts(cfg: TrainCfg) -> dict[str, Any]:
    residual = to_plain(cfg.residual)
    is_residual = bool(residual["base"] or residual["base_network"])
    facts = {"network": to_plain(cfg.network), "is_residual": is_residual}
    if is_residual:
        facts["residual"] = {k: residual[k] for k in ("hidden", "scale", "bound", "gate")}
    return _layers(cfg) | facts
