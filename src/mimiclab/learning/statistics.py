"""What happened in the episodes of a rollout, summed on the device and read once an iteration."""

from collections import deque
from typing import Any

import torch

from mimiclab.learning import distributed

# Prefixes of the log entries of mjlab's managers -> the section of our log line.
_SECTIONS = {
    "Episode_Reward/": "rewards",
    "Episode_Termination/": "terminations",
    "Episode_Metrics/": "metrics",
    "Metrics/": "metrics",
    "Curriculum/": "curriculum",
}
_WINDOW_EPISODES = 100


class EpisodeStatistics:
    """Sums over steps and finished episodes; `summary` turns them into means and starts again.

    Reward and length of episodes are means over the newest iterations that together hold at least
    100 finished episodes. Log entries of the environment are means over finished episodes.
    """

    def __init__(self, num_envs: int, device: str | torch.device) -> None:
        self.reward = torch.zeros(num_envs, device=device)
        self.length = torch.zeros(num_envs, device=device)
        # steps, reward, episodes, episode reward, episode length, episodes that failed
        self.sums = torch.zeros(6, dtype=torch.float64, device=device)
        self.entries: dict[str, torch.Tensor | float] = {}
        self.entry_weights: dict[str, torch.Tensor | float] = {}
        self.window: deque[tuple[float, float, float]] = deque(maxlen=1000)

    def add(self, reward: torch.Tensor, done: torch.Tensor, extras: dict[str, Any]) -> None:
        """Count one control step: `reward` (N,), `done` (N,), and the environment's extras."""
        ended = done > 0
        timed_out = extras.get("time_outs")
        failed = ended & ~timed_out.bool() if timed_out is not None else ended
        self.reward += reward
        self.length += 1.0
        weight = ended.sum()
        self.sums += torch.stack(
            [
                torch.ones_like(reward[0]) * len(reward),
                reward.sum(),
                weight,
                (self.reward * ended).sum(),
                (self.length * ended).sum(),
                failed.sum(),
            ]
        )
        self.reward.masked_fill_(ended, 0.0)
        self.length.masked_fill_(ended, 0.0)
        log = extras.get("log")
        if log:
            # Terminations are counts of the episodes ending now, all others are their means.
            for key, value in log.items():
                factor = 1.0 if key.startswith("Episode_Termination/") else weight
                self.entries[key] = self.entries.get(key, 0.0) + value * factor
                self.entry_weights[key] = self.entry_weights.get(key, 0.0) + weight

    def clear_episodes(self) -> None:
        """Forget the running episodes: the environments were just reset."""
        self.reward.zero_()
        self.length.zero_()

    @property
    def window_episodes(self) -> int:
        """Finished episodes in the remembered iterations."""
        return int(sum(count for count, _, _ in self.window))

    def summary(self) -> dict[str, Any]:
        """Means over all processes since the last call, for one log line."""
        steps, reward, ended, ended_reward, ended_length, failed = distributed.sum_tensor(
            self.sums
        ).tolist()
        self.sums.zero_()
        self.window.append((ended, ended_reward, ended_length))
        episodes = total_reward = total_length = 0.0
        for count, reward_sum, length_sum in reversed(self.window):
            episodes += count
            total_reward += reward_sum
            total_length += length_sum
            if episodes >= _WINDOW_EPISODES:
                break
        line: dict[str, Any] = {
            "mean_reward": total_reward / episodes if episodes else None,
            "mean_episode_length": total_length / episodes if episodes else None,
            "step_reward": reward / max(steps, 1.0),
            "episodes": int(ended),
            "failure_rate_per_step": failed / max(steps, 1.0),
        }
        for section in _SECTIONS.values():
            line.setdefault(section, {})
        for key, (value, weight) in self._entries_of_all().items():
            prefix = next((p for p in _SECTIONS if key.startswith(p)), None)
            if prefix is None:
                line["metrics"][key] = value / max(weight, 1.0)
            else:
                name = key.removeprefix(prefix)
                name = name.removeprefix("motion/") if prefix == "Metrics/" else name
                line[_SECTIONS[prefix]][name] = value / max(weight, 1.0)
        return line

    def _entries_of_all(self) -> dict[str, tuple[float, float]]:
        mine = {
            key: (float(value), float(self.entry_weights[key]))
            for key, value in self.entries.items()
        }
        self.entries, self.entry_weights = {}, {}
        total: dict[str, tuple[float, float]] = {}
        for entries in distributed.gather(mine):
            for key, (value, weight) in entries.items():
                before = total.get(key, (0.0, 0.0))
                total[key] = (before[0] + value, before[1] + weight)
        return total
