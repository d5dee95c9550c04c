"""The reference through a discrete bottleneck, beside the robot's own state."""

from collections.abc import Sequence

import torch
from rsl_rl.modules import MLP

from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Encoder, all_columns
from mimiclab.learning.networks.layout import TermSlot, split_reference
from mimiclab.learning.networks.quantisers import ScalarQuantiser, VectorQuantiser


class QuantisedReference(Encoder):
    """Reference -> MLP -> quantiser; features are the quantised latent and the robot's terms."""

    def __init__(self, slots: Sequence[TermSlot], cfg: NetworkCfg, activation: str) -> None:
        """Build for an observation of the terms `slots`.

        Raises:
            MimiclabError: no reference or no robot terms.
        """
        super().__init__()
        reference, own = split_reference(slots, cfg.kind)
        self.reference, self.own = all_columns(reference), all_columns(own)
        self.quantiser: ScalarQuantiser | VectorQuantiser
        if cfg.kind == "fsq":
            self.quantiser = ScalarQuantiser(cfg.levels)
        else:
            self.quantiser = VectorQuantiser(
                cfg.codes,
                cfg.code_size,
                cfg.code_slots,
                commitment=cfg.commitment,
                weight=cfg.code_loss,
            )
        size, latent = len(self.reference.index), self.quantiser.latent_size
        self.encode = MLP(size, latent, cfg.encoder, activation)
        self.output_size = latent + len(self.own.index)

    def latent(self, x: torch.Tensor) -> torch.Tensor:
        """The latent (..., L) before quantisation of normalised observations (..., D)."""
        return self.encode(self.reference(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of normalised observations (..., D)."""
        return torch.cat([self.quantiser(self.latent(x))[0], self.own(x)], dim=-1)

    def auxiliary_loss(self) -> torch.Tensor | None:
        """Vector quantisation's loss; none for finite scalars."""
        q = self.quantiser
        return q.auxiliary_loss() if isinstance(q, VectorQuantiser) else None

    def auxiliary_metrics(self) -> dict[str, float]:
        """Use of the codebook, for vector quantisation."""
        q = self.quantiser
        return q.auxiliary_metrics() if isinstance(q, VectorQuantiser) else {}

    @torch.no_grad()
    def settle(self, x: torch.Tensor) -> None:
        """Let the codebook find its data."""
        if isinstance(self.quantiser, VectorQuantiser):
            self.quantiser.settle(self.latent(x))
