"""MuJoCo Warp as mjlab runs it, with the few additions that `MimicEnv` asks of an engine."""

import torch
from mjlab.sim import Simulation


class WarpSimulation(Simulation):
    """mjlab's own simulation: CUDA graphs on a GPU, one thread on a CPU."""

    engine_name = "warp"
    stamp = 0

    def step(self, nstep: int = 1) -> None:
        """Advance all simulations by `nstep` physics steps with constant controls."""
        for _ in range(nstep):
            super().step()
        self.stamp += 1

    def forward(self) -> None:
        """Bring derived quantities up to date with `qpos` and `qvel`."""
        super().forward()
        self.stamp += 1

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        """Put simulations back to the model's reference state."""
        super().reset(env_ids)
        self.stamp += 1

    def diverged(self) -> torch.Tensor:
        """Which simulations have a NaN or infinite state. Shape `(num_envs,)`, bool."""
        qpos, qvel = self.data.qpos[:], self.data.qvel[:]
        return ~(torch.isfinite(qpos).all(dim=1) & torch.isfinite(qvel).all(dim=1))

    def require_full_refresh(self, reason: str) -> None:
        """Nothing to do: every `forward` is a full one here."""
        del reason
