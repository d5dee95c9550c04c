"""How much of its codes a quantised policy uses, and how much quantisation takes away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from mimiclab.errors import MimiclabError
from mimiclab.learning.networks.encoded import EncodedActor
from mimiclab.learning.networks.quantised import QuantisedReference
from mimiclab.learning.networks.quantisers import perplexity

_CHUNK = 8192
_TOP = 20


@dataclass(frozen=True, kw_only=True)
class CodeUsage:
    """Codes of M observed steps, S codes each (one for fsq), latents of L numbers."""

    kind: str
    """fsq or vq."""
    total: int
    """Codes that there are."""
    codes: np.ndarray
    """Code numbers. (M, S)."""
    z_cont: np.ndarray
    """Latent before quantisation; for fsq bounded, on the scale of the quantised one. (M, L)."""
    z_q: np.ndarray
    """Latent after quantisation. (M, L)."""
    clip: np.ndarray
    """Clip of each step. (M,)."""
    clip_names: tuple[str, ...]

    @property
    def l2(self) -> np.ndarray:
        """Distance between both latents in each step. (M,)."""
        return np.linalg.norm(self.z_q - self.z_cont, axis=-1)

    @property
    def cosine(self) -> np.ndarray:
        """Cosine of the angle between both latents in each step. (M,)."""
        both = torch.from_numpy(self.z_cont), torch.from_numpy(self.z_q)
        return cosine_similarity(*both, dim=-1).numpy()

    def counts(self, clip: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the codes that were used, and how often, most used first."""
        codes = self.codes if clip is None else self.codes[self.clip == clip]
        numbers, times = np.unique(codes, return_counts=True)
        order = np.argsort(-times, kind="stable")
        return numbers[order], times[order]

    def summary(self, clip: int | None = None) -> dict[str, float]:
        """Steps, codes used, share of all codes, perplexity, mean l2 and cosine."""
        rows = slice(None) if clip is None else self.clip == clip
        times = self.counts(clip)[1]
        return {
            "steps": len(self.codes[rows]),
            "used": len(times),
            "coverage": len(times) / self.total,
            "perplexity": perplexity(torch.from_numpy(times)),
            "l2": float(self.l2[rows].mean()),
            "cosine": float(self.cosine[rows].mean()),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays of steps, for JSON."""
        numbers, times = self.counts()
        share = times / times.sum()
        return {
            "kind": self.kind,
            "total": self.total,
            "codes_per_step": self.codes.shape[1],
            **self.summary(),
            "most_used": [
                {"code": int(n), "share": float(s)}
                for n, s in zip(numbers[:_TOP], share, strict=False)
            ],
            "clips": {
                name: self.summary(number)
                for number, name in enumerate(self.clip_names)
                if (self.clip == number).any()
            },
        }


@torch.no_grad()
def code_usage(
    actor: nn.Module,
    observations: torch.Tensor,
    clip: torch.Tensor | None = None,
    clip_names: Sequence[str] = ("all",),
) -> CodeUsage:
    """Pass observations through the encoder and the quantiser of an actor.

    Args:
        actor: a trained network with a discrete bottleneck.
        observations: raw, as the policy sees them, (M, D).
        clip: number of the clip that each step follows, (M,); all the first one by default.
        clip_names: names of the clips.

    Raises:
        MimiclabError: a network without codes, or no observations.
    """
    encoder = actor.encoder if isinstance(actor, EncodedActor) else None
    if not isinstance(actor, EncodedActor) or not isinstance(encoder, QuantisedReference):
        raise MimiclabError(
            f"the policy's network, {type(encoder or actor).__name__}, has no codes; expected one "
            "trained with --network.kind fsq or vq"
        )
    if not len(observations):
        raise MimiclabError("no observations to find codes of; give at least one step")
    quantiser = encoder.quantiser
    parts = []
    for rows in observations.split(_CHUNK):
        latent = encoder.latent(actor.obs_normalizer(rows))
        quantised, codes = quantiser(latent)
        parts.append((codes, quantiser.bounded(latent), quantised))
    codes, z_cont, z_q = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
    clips = torch.zeros(len(codes), dtype=torch.long) if clip is None else clip
    return CodeUsage(
        kind=quantiser.kind,
        total=quantiser.num_codes,
        codes=codes,
        z_cont=z_cont,
        z_q=z_q,
        clip=clips.cpu().numpy(),
        clip_names=tuple(clip_names),
    )
