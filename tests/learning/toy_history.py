"""The toy problem seen as a robot sees it: a command and its own place, with frames of the past."""

from typing import Any

import torch
from tensordict import TensorDict
from toy_tracking import ToyTracking


def layout(history: int = 5) -> dict[str, Any]:
    """Term-major: all frames of the command, then all frames of the place, oldest first."""
    return {
        "robot": "point",
        "control_hz": 20.0,
        "observations": {
            "actor": {"command": 4 * history, "pos": 2 * history},
            "critic": {"pos": 2, "actor": 4},
        },
        "history": {"actor": {"command": history, "pos": history}} if history > 1 else {},
        "actions": {"velocity": 2},
    }


class HistoryTracking(ToyTracking):
    """The actor sees where the target and itself are, now and in the last steps."""

    def __init__(self, num_envs: int = 32, seed: int = 0, history: int = 5) -> None:
        self.frames = torch.zeros(num_envs, history, 6)
        super().__init__(num_envs, seed)

    def _present(self) -> torch.Tensor:
        return torch.cat([*self.target(), self.pos], -1)

    def _restart(self, ids: torch.Tensor) -> None:
        super()._restart(ids)
        self.frames = self.frames.clone()  # it may be of another mode of autograd
        self.frames[ids] = self._present()[ids, None]

    def step(
        self, actions: torch.Tensor
    ) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        self.frames = self.frames.roll(-1, dims=1)
        return super().step(actions)

    def get_observations(self) -> TensorDict:
        self.frames = torch.cat([self.frames[:, :-1], self._present()[:, None]], dim=1)
        command, place = self.frames[..., :4].flatten(1), self.frames[..., 4:].flatten(1)
        critic = super().get_observations()["critic"]
        return TensorDict(
            {"actor": torch.cat([command, place], -1), "critic": critic},
            batch_size=[self.num_envs],
        )
