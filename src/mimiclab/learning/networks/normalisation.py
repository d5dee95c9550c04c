"""Observation statistics that all processes of a training share."""

import torch
from rsl_rl.modules import EmpiricalNormalization

from mimiclab.learning import distributed


class SharedNormalisation(EmpiricalNormalization):
    """Running mean and variance over the samples of all processes.

    The buffers are those of rsl_rl, so that weights load both ways. rsl_rl folds in each process's
    own samples at each step; here a whole rollout of all processes is folded in at once, between
    two updates. So the processes stay equal, and the statistics do not move between the moment
    an action is drawn and the moment its probability is computed again.
    """

    _mean: torch.Tensor
    _var: torch.Tensor
    _std: torch.Tensor
    count: torch.Tensor

    @torch.no_grad()
    def fold_in(self, samples: torch.Tensor) -> None:
        """Add `samples` (N, D) of this process, and those of all others, to the statistics.

        Every process must call this at the same time. Chan's update of pooled moments, in float64.
        """
        if self.until is not None and int(self.count) >= self.until:
            return
        x = samples.to(torch.float64)
        mine = torch.cat([x.new_tensor([float(len(x))]), x.sum(0), x.square().sum(0)])
        total, first, second = distributed.sum_tensor(mine).split([1, x.shape[1], x.shape[1]])
        mean_new = first / total
        var_new = (second / total - mean_new.square()).clamp_min(0.0)
        share = total / (total + self.count)
        mean, var = self._mean.double(), self._var.double()
        delta = mean_new - mean
        self._var.copy_(var + share * (var_new - var + delta.square() * (1.0 - share)))
        self._mean.copy_(mean + share * delta)
        self._std.copy_(self._var.sqrt())
        self.count += int(total)

    def affine(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and shift (D,), on the CPU, of what this does to observations."""
        scale = 1.0 / (self._std + self.eps).flatten().cpu()
        return scale, -self._mean.flatten().cpu() * scale
