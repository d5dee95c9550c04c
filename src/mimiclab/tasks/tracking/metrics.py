"""Tracking errors of one control step, logged as means over episodes.

The first ten have BeyondMimic's names; body errors there are against re-anchored targets. The last
two are those of the evaluation reports.
"""

import torch

from mimiclab.maths.metrics import mpjpe_global_mm, mpjpe_root_mm
from mimiclab.tasks.tracking.state import TrackingState

METRIC_NAMES = (
    "error_anchor_pos", "error_anchor_rot", "error_anchor_lin_vel", "error_anchor_ang_vel",
    "error_body_pos", "error_body_rot", "error_body_lin_vel", "error_body_ang_vel",
    "error_joint_pos", "error_joint_vel", "mpjpe_global_mm", "mpjpe_root_mm",
)  # fmt: skip


def step_metrics(state: TrackingState) -> torch.Tensor:
    """All metrics, in the order of `METRIC_NAMES`, in m, rad and s. Shape (N, 12)."""
    ref, anchor = state.ref, state.anchor
    lin_vel, ang_vel = state.body_lin_vel_sq.sqrt(), state.body_ang_vel_sq.sqrt()
    return torch.stack(
        [
            state.anchor_pos_sq.sqrt(),
            state.anchor_angle,
            lin_vel[:, anchor],
            ang_vel[:, anchor],
            state.body_pos_sq.sqrt().mean(-1),
            state.body_angle.mean(-1),
            lin_vel.mean(-1),
            ang_vel.mean(-1),
            (ref.joint_pos - state.joint_pos).norm(dim=-1),
            (ref.joint_vel - state.joint_vel).norm(dim=-1),
            mpjpe_global_mm(ref.body_pos_w, state.body_pos_w),
            mpjpe_root_mm(ref.body_pos_w, state.body_pos_w),
        ],
        dim=-1,
    )
