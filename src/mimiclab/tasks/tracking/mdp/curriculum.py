"""Difficulty that follows success: scales reset noise, pushes and observation noise."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers import CurriculumTermCfg

from mimiclab.tasks.tracking.mdp.observations import tracking
from mimiclab.tasks.tracking.noise import ScaledUniformNoiseCfg

_MEMORY_EPISODES = 64
"""Fewest episodes that the success average remembers."""


def moved_scale(
    scale: float,
    success: float,
    seconds: float,
    *,
    grow_above: float,
    shrink_below: float,
    per_second: float,
) -> float:
    """The scale after `seconds` of control time at this share of success, in [0, 1]."""
    if success > grow_above:
        scale += per_second * seconds
    elif success < shrink_below:
        scale -= per_second * seconds
    return min(1.0, max(0.0, scale))


def averaged(success: float, survived: float, episodes: int, memory: float) -> float:
    """Moving average of success after `episodes` more, of which a share `survived`."""
    keep = math.exp(-episodes / memory)
    return keep * success + (1.0 - keep) * survived


def set_difficulty(env: ManagerBasedRlEnv, difficulty: float) -> None:
    """Set the scale of reset noise, pushes and observation noise, 0 to 1."""
    tracking(env).difficulty = difficulty
    manager = env.observation_manager
    for group, names in manager.active_terms.items():
        for name in names:
            noise = manager.get_term_cfg(group, name).noise
            if isinstance(noise, ScaledUniformNoiseCfg):
                noise.scale = difficulty


class DisturbanceCurriculum:
    """Class term: moves the command's `difficulty`; its state is saved in checkpoints.

    Success is the share of recent episodes that ended by time-out or clip end. Both the memory and
    the growth are in units that do not depend on the number of environments: episodes for each
    environment, and control time.
    """

    def __init__(self, cfg: CurriculumTermCfg, env: ManagerBasedRlEnv) -> None:
        """Begin at the command's present difficulty."""
        self._env = env
        self.success = 0.0
        self._last_step = 0
        self._memory = float(max(_MEMORY_EPISODES, env.num_envs))
        set_difficulty(env, tracking(env).difficulty)

    def __call__(
        self,
        env: ManagerBasedRlEnv,
        env_ids: torch.Tensor | slice,
        grow_above: float,
        shrink_below: float,
        per_second: float,
    ) -> dict[str, float]:
        """Count the episodes that end now, then move the scale by the time since the last call."""
        term = tracking(env)
        played = term.episode_steps[env_ids] > 0
        episodes = int(played.sum())
        if episodes:
            failed = env.termination_manager.terminated[env_ids] & played
            survived = 1.0 - float(failed.sum()) / episodes
            self.success = averaged(self.success, survived, episodes, self._memory)
        seconds = (env.common_step_counter - self._last_step) * env.step_dt
        self._last_step = env.common_step_counter
        set_difficulty(
            env,
            moved_scale(
                term.difficulty,
                self.success,
                max(0.0, seconds),
                grow_above=grow_above,
                shrink_below=shrink_below,
                per_second=per_second,
            ),
        )
        return {"difficulty": term.difficulty, "success": self.success}

    def state_dict(self) -> dict[str, Any]:
        """Scale and success average."""
        return {"difficulty": tracking(self._env).difficulty, "success": self.success}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore scale and success average."""
        set_difficulty(self._env, float(state["difficulty"]))
        self.success = float(state["success"])
        self._last_step = self._env.common_step_counter
