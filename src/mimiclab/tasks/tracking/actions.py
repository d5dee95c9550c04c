"""Joint position targets: default pose, or reference joints, plus the scaled action."""

from dataclasses import dataclass

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.envs.mdp.actions.actions import BaseAction, BaseActionCfg

from mimiclab.tasks.tracking.mdp.observations import tracking


@dataclass(kw_only=True)
class TrackingActionCfg(BaseActionCfg):
    """Settings of `TrackingAction`."""

    residual: bool = False
    """Offsets are from the reference joint angles instead of from the default pose."""

    def build(self, env: ManagerBasedRlEnv) -> "TrackingAction":
        """Make the term."""
        return TrackingAction(self, env)


class TrackingAction(BaseAction):
    """`q_des = offset + scale * action`, never clipped.

    The offset is the environment's default pose, or with `residual` the reference joint angles that
    the policy saw: those of the frame that the step will be scored against, if the interface is
    perfect. The latter are shifted by the environment's joint offset: both are angles as a
    miscalibrated encoder tells them.
    """

    constant_within_step = True
    """The native engine may write targets once for all physics steps of a control step."""

    def __init__(self, cfg: TrackingActionCfg, env: ManagerBasedRlEnv) -> None:
        """Resolve joints and scales by name."""
        super().__init__(cfg=cfg, env=env)
        self._residual = cfg.residual
        self._scales = torch.as_tensor(self._scale, device=self.device)
        # Reference joint angles when the action was taken: the true ones, those that were seen.
        self._true = self._seen = torch.zeros_like(self._raw_actions)
        self._acted = torch.zeros(self.num_envs, 1, device=self.device)

    def process_actions(self, actions: torch.Tensor) -> None:
        """Compute the targets of the coming control step. Shape (N, J)."""
        self._raw_actions[:] = actions
        command = tracking(self._env)
        true, seen = command.frame.joint_pos, command.observed.joint_pos
        self._true = true.clone()
        self._seen = self._true if seen is true else seen.clone()
        self._acted.fill_(1.0)
        offset = command.default_joint_pos
        if self._residual:
            offset = seen + (offset - command.nominal_joint_pos)
        self._processed_actions = torch.addcmul(offset, self._raw_actions, self._scales)

    def apply_actions(self) -> None:
        """Hand the targets to the actuators."""
        self._entity.set_joint_position_target(self._processed_actions, joint_ids=self._target_ids)

    def reset(self, env_ids: torch.Tensor | slice | None = None) -> None:
        """Forget the last action of some environments, or of all."""
        super().reset(env_ids)
        self._acted[slice(None) if env_ids is None else env_ids] = 0.0

    def last_action_as(self, residual: bool, scale_ratio: float) -> torch.Tensor:
        """The last action in the units of a policy that sees the true reference: the same targets.

        Args:
            residual: whether that policy's actions are offsets from the reference.
            scale_ratio: its scale over that of this task.

        Returns:
            Actions (N, J); 0 where there was none since the reset.
        """
        nominal = tracking(self._env).nominal_joint_pos
        mine = self._seen if self._residual else nominal
        theirs = self._true if residual else nominal
        targets = self._raw_actions + (mine - theirs) / self._scales
        return targets * (self._acted / scale_ratio)
