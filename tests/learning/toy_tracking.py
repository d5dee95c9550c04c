"""A tracking problem without physics: a point follows a circle. It is learnt in seconds.

Used by the tests of resuming, of multi-process training and of the loop itself.
"""

import math
from typing import Any

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict

LAYOUT = {
    "robot": "point",
    "control_hz": 20.0,
    "observations": {"actor": {"error": 2, "target_vel": 2}, "critic": {"pos": 2, "actor": 4}},
    "actions": {"velocity": 2},
}


class Sampler:
    """Counts failures by the phase in which they happen, and starts more often there."""

    def __init__(self) -> None:
        self.failures = torch.ones(4)

    def sample(self, n: int) -> torch.Tensor:
        quarter = torch.multinomial(self.failures, n, replacement=True)
        return (quarter + torch.rand(n)) * (math.pi / 2)

    def metrics(self) -> dict[str, float]:
        p = self.failures / self.failures.sum()
        return {"top1_prob": float(p.max())}


class ToyTracking(VecEnv):
    """The action is a velocity (units: 1/s); far from the target the episode fails."""

    num_actions = 2
    action_bounds = torch.tensor([4.0, 5.0])
    max_episode_length = 60
    dt = 0.05

    def __init__(self, num_envs: int = 32, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.num_envs = num_envs
        self.device = "cpu"
        self.cfg = {}
        self.sampler = Sampler()
        self.episode_length_buf = torch.zeros(num_envs, dtype=torch.long)
        self.phase = torch.zeros(num_envs)
        self.pos = torch.zeros(num_envs, 2)
        self.common_step_counter = 0
        self.poison_at: int | None = None
        self.reset()

    @property
    def unwrapped(self) -> "ToyTracking":
        return self

    def target(self) -> tuple[torch.Tensor, torch.Tensor]:
        c, s = self.phase.cos(), self.phase.sin()
        return torch.stack([c, s], -1), 2.0 * torch.stack([-s, c], -1)

    def reset(self) -> tuple[TensorDict, dict]:
        self._restart(torch.arange(self.num_envs))
        return self.get_observations(), {}

    def _restart(self, ids: torch.Tensor) -> None:
        self.phase[ids] = self.sampler.sample(len(ids))
        self.pos[ids] = self.target()[0][ids] + 0.1 * torch.randn(len(ids), 2)
        self.episode_length_buf[ids] = 0

    def get_observations(self) -> TensorDict:
        where, velocity = self.target()
        actor = torch.cat([where - self.pos, velocity], -1)
        critic = torch.cat([self.pos, actor], -1)
        return TensorDict({"actor": actor, "critic": critic}, batch_size=[self.num_envs])

    def step(
        self, actions: torch.Tensor
    ) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        self.pos = self.pos + self.dt * actions
        self.phase = (self.phase + 2.0 * self.dt) % (2 * math.pi)
        self.episode_length_buf += 1
        self.common_step_counter += 1
        if self.common_step_counter == self.poison_at:
            self.pos[3] = math.nan
        error = (self.target()[0] - self.pos).norm(dim=-1)
        reward = torch.exp(-((error / 0.3) ** 2))
        failed = error > 0.7
        late = self.episode_length_buf >= self.max_episode_length
        done = failed | late
        extras: dict[str, Any] = {"time_outs": late & ~failed, "log": {}}
        ids = done.nonzero().flatten()
        if len(ids):
            extras["final_observations"] = self.get_observations()
            quarters = (self.phase[failed] / (math.pi / 2)).long().clamp(0, 3)
            self.sampler.failures.mul_(0.99).add_(torch.bincount(quarters, minlength=4) * 0.01)
            extras["log"] = {
                "Episode_Reward/follow": reward[ids].mean(),
                "Episode_Termination/far": int(failed.sum()),
                "Metrics/motion/error": error[ids].mean().item(),
            }
            self._restart(ids)
        return self.get_observations(), reward, done.long(), extras

    def state_dict(self) -> dict[str, Any]:
        return {"failures": self.sampler.failures.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sampler.failures = state["failures"].clone()


class Lines:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, line: dict[str, Any]) -> None:
        self.lines.append(line)

    def close(self) -> None: ...


def same(a: Any, b: Any) -> bool:
    """Whether nested states are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
