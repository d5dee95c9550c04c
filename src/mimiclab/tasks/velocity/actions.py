"""Joint position targets: default pose plus the scaled action, late by some control steps."""

from dataclasses import dataclass

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.envs.mdp.actions.actions import BaseAction, BaseActionCfg

ACTION_LIMIT = 100.0
"""Actions are clipped to this in size. Source: Holosoma."""


@dataclass(kw_only=True)
class VelocityActionCfg(BaseActionCfg):
    """Settings of `VelocityAction`."""

    delay_steps: tuple[int, int] = (0, 0)
    """Shortest and longest delay, control steps; drawn at resets."""
    torque_noise: float = 0.0
    """Half-width of uniform torque noise as a share of each effort limit."""
    stiffness: tuple[float, ...] = ()
    """Of the joints, N m/rad; for torque noise."""
    effort_limit: tuple[float, ...] = ()
    """Of the joints, N m; for torque noise."""

    def build(self, env: ManagerBasedRlEnv) -> "VelocityAction":
        """Make the term."""
        return VelocityAction(self, env)


class VelocityAction(BaseAction):
    """`q_des = default + scale * action`, where the action may be of an earlier control step.

    Before the first action an environment holds its default pose. Torque noise moves the target by
    what gives that torque, before the effort limit; it is constant during a control step.
    """

    constant_within_step = True
    """The native engine may write targets once for all physics steps of a control step."""

    def __init__(self, cfg: VelocityActionCfg, env: ManagerBasedRlEnv) -> None:
        """Resolve joints and scales by name."""
        super().__init__(cfg=cfg, env=env)
        self._range = cfg.delay_steps
        self._is_noisy = cfg.torque_noise > 0
        self._offset = self._entity.data.default_joint_pos[:, self._target_ids].clone()
        shape = (self._range[1] + 1, self.num_envs, self.action_dim)
        self._queue = torch.zeros(shape, device=self.device)
        self._lags = torch.zeros(self.num_envs, dtype=torch.long, device=self.device)
        self._rows = torch.arange(self.num_envs, device=self.device)
        self._previous = torch.zeros_like(self._raw_actions)
        noise = torch.tensor([*cfg.effort_limit], device=self.device) * cfg.torque_noise
        self._noise = noise / torch.tensor([*cfg.stiffness], device=self.device)

    @property
    def previous(self) -> torch.Tensor:
        """The action before `raw_action`, 0 at the first one. Shape (N, J)."""
        return self._previous

    @property
    def targets(self) -> torch.Tensor:
        """Joint angles that the actuators are sent to, rad. Shape (N, J)."""
        return self._processed_actions

    @property
    def lags(self) -> torch.Tensor:
        """Delay of each environment, control steps. Shape (N,)."""
        return self._lags

    def process_actions(self, actions: torch.Tensor) -> None:
        """Compute the targets of the coming control step. Shape (N, J)."""
        self._previous.copy_(self._raw_actions)
        torch.clamp(actions, -ACTION_LIMIT, ACTION_LIMIT, out=self._raw_actions)
        late = self._raw_actions
        if self._range[1]:
            self._queue = self._queue.roll(1, dims=0)
            self._queue[0] = self._raw_actions
            late = self._queue[self._lags, self._rows]
        self._processed_actions = self._offset + late * self._scale
        if self._is_noisy:
            unit = 2.0 * torch.rand_like(late) - 1.0
            self._processed_actions += unit * self._noise

    def apply_actions(self) -> None:
        """Hand the targets to the actuators, as encoders with their errors count them."""
        target = self._processed_actions - self._entity.data.encoder_bias[:, self._target_ids]
        self._entity.set_joint_position_target(target, joint_ids=self._target_ids)

    def reset(self, env_ids: torch.Tensor | slice | None = None) -> None:
        """Forget the actions of some environments, or of all, and draw their delays."""
        ids = slice(None) if env_ids is None else env_ids
        super().reset(ids)
        self._previous[ids] = 0.0
        self._queue[:, ids] = 0.0
        low, high = self._range
        self._lags[ids] = torch.randint_like(self._lags[ids], low, high + 1)
