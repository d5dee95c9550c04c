"""A gradient step whose loss is not a number, written down so that it can be repeated."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from mimiclab.errors import CheckpointError
from mimiclab.files import atomic_path, write_text
from mimiclab.learning.fastsac.actor import SacActor
from mimiclab.learning.fastsac.build import build_networks
from mimiclab.learning.fastsac.cfg import SacCfg
from mimiclab.learning.fastsac.critic import TwinCritic
from mimiclab.learning.fastsac.losses import Result, actor_loss, critic_loss
from mimiclab.learning.serialise import from_plain, to_plain

LOSSES = {"critic": critic_loss, "actor": actor_loss}


def write_dump(
    folder: Path,
    which: str,
    facts: dict[str, Any],
    actor: SacActor,
    critic: TwinCritic,
    cfg: SacCfg,
    inputs: dict[str, torch.Tensor],
) -> Path:
    """Write networks and inputs of a step (safetensors), and what they are (JSON beside it).

    Args:
        folder: where to write.
        which: the loss, a key of `LOSSES`.
        facts: more to note, for example the number of the gradient step.
        actor: as it was before the step.
        critic: likewise.
        cfg: settings.
        inputs: of the loss.

    Returns:
        Path of the safetensors file.
    """
    path = folder / f"diverged_{which}_{facts['gradient_step']:08d}.safetensors"
    tensors = {f"input.{name}": value for name, value in inputs.items()}
    tensors |= {f"actor.{name}": value for name, value in actor.state_dict().items()}
    tensors |= {f"critic.{name}": value for name, value in critic.state_dict().items()}
    tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)
    bad = sorted(name for name, value in tensors.items() if not torch.isfinite(value).all())
    note = {
        "schema": 1,
        "loss": which,
        **facts,
        "not_finite": bad,
        "sizes": {"actor": actor.obs_dim, "critic": critic.obs_dim},
        "num_actions": actor.distribution.output_dim,
        "sac": to_plain(cfg),
    }
    write_text(path.with_suffix(".json"), json.dumps(note, indent=2) + "\n")
    return path


@dataclass
class Dump:
    """A step read back."""

    note: dict[str, Any]
    actor: SacActor
    critic: TwinCritic
    inputs: dict[str, torch.Tensor]

    def repeat(self) -> Result:
        """The loss of the step and its facts, in float32."""
        return LOSSES[self.note["loss"]](self.actor, self.critic, self.inputs)


def read_dump(path: str | Path) -> Dump:
    """Networks and inputs of a step that `write_dump` wrote.

    Raises:
        CheckpointError: missing or damaged.
    """
    path = Path(path)
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        tensors = load_file(path)
        actor, critic = build_networks(
            from_plain(SacCfg, note["sac"]),
            {name: torch.zeros(1, size) for name, size in note["sizes"].items()},
            {"actor": ["actor"], "critic": ["critic"]},
            note["num_actions"],
        )
        actor.load_state_dict(_part(tensors, "actor."))
        critic.load_state_dict(_part(tensors, "critic."))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a dump of a gradient step ({error}); expected a "
            ".safetensors file beside its .json, as a training that diverged leaves them"
        ) from error
    return Dump(note, actor, critic, _part(tensors, "input."))


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
