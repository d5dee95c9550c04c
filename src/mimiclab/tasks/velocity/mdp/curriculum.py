"""Penalties that follow the length of episodes. Source: Holosoma."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import CurriculumTermCfg

from mimiclab.tasks.velocity.task import PenaltyCfg

NAME = "penalty"
"""Name of the curriculum term."""


def moved_average(average: float, mean: float, finished: int, num_envs: int) -> float:
    """Average episode length after `finished` more episodes of this mean length.

    Its memory is about a quarter of an episode for each environment.
    """
    weight = min(finished * 4096 / (1000 * num_envs), 1.0)
    return (1.0 - weight) * average + weight * mean


def moved_scale(scale: float, average_s: float, cfg: PenaltyCfg) -> float:
    """The factor on penalties after a control step at this average episode length."""
    if average_s < cfg.shrink_below_s:
        scale *= 1.0 - cfg.degree
    elif average_s > cfg.grow_above_s:
        scale *= 1.0 + cfg.degree
    return min(max(scale, cfg.lowest), cfg.highest)


class PenaltyCurriculum:
    """Class term: scales the weights of the penalties; its state is saved in checkpoints.

    `advance` is called by an event at every control step, as mjlab computes curricula at resets
    only.
    """

    def __init__(self, cfg: CurriculumTermCfg, env: ManagerBasedRlEnv) -> None:
        """Begin with the configured factor."""
        self._env = env
        self._cfg: PenaltyCfg = cfg.params["penalties"]
        manager = env.reward_manager
        self._weights = {name: manager.get_term_cfg(name).weight for name in cfg.params["terms"]}
        self.average_s = 0.0
        """Average length of finished episodes, s."""
        self.scale = self._cfg.start
        """Present factor on the penalties."""
        self._apply()

    def __call__(
        self,
        env: ManagerBasedRlEnv,
        env_ids: torch.Tensor | slice,
        penalties: PenaltyCfg,
        terms: tuple[str, ...],
    ) -> dict[str, float]:
        """What the log shows."""
        del env, env_ids, penalties, terms
        return {"scale": self.scale, "episode_length_s": self.average_s}

    def advance(self) -> None:
        """Count the episodes that end in this step, then move the factor."""
        env = self._env
        finished = env.reset_buf
        count = int(finished.sum())
        if count:
            mean_s = float(env.episode_length_buf[finished].float().mean()) * env.step_dt
            self.average_s = moved_average(self.average_s, mean_s, count, env.num_envs)
        scale = moved_scale(self.scale, self.average_s, self._cfg)
        if scale != self.scale:
            self.scale = scale
            self._apply()

    def state_dict(self) -> dict[str, Any]:
        """Factor and average episode length."""
        return {"scale": self.scale, "average_s": self.average_s}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore factor and average episode length."""
        self.scale = float(state["scale"])
        self.average_s = float(state["average_s"])
        self._apply()

    def _apply(self) -> None:
        for name, weight in self._weights.items():
            self._env.reward_manager.get_term_cfg(name).weight = weight * self.scale


def advance_penalties(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None) -> None:
    """Event of every control step: move the penalties."""
    del env_ids
    manager = cast(Any, env.curriculum_manager)
    manager.get_term_cfg(NAME).func.advance()
