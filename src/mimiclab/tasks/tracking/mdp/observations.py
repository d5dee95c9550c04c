"""Observation terms, shapes (N, size).

Those of the reference take `observed`: whether they show what a teleoperation interface delivers,
as the policy sees it, or the truth, as critics and experts do.
"""

from typing import TYPE_CHECKING

import torch
from mjlab.envs import ManagerBasedRlEnv

from mimiclab.maths.frames import bodies_in_frame
from mimiclab.maths.rotations import quat_rotate_inverse, quat_to_rot6d

if TYPE_CHECKING:
    from mimiclab.tasks.tracking.command import TrackingCommand
    from mimiclab.tasks.tracking.received import ReceivedReference
    from mimiclab.tasks.tracking.reference import ReferenceView


def tracking(env: ManagerBasedRlEnv, command_name: str = "motion") -> "TrackingCommand":
    """The tracking command term."""
    return env.command_manager.get_term(command_name)  # pyright: ignore[reportReturnType]


def reference(env: ManagerBasedRlEnv, observed: bool) -> "ReferenceView | ReceivedReference":
    """The reference as the interface delivers it (`observed`), or as it is."""
    term = tracking(env)
    return term.received if observed else term.reference


def command(
    env: ManagerBasedRlEnv, frames: int = 1, velocity: bool = True, observed: bool = False
) -> torch.Tensor:
    """Reference joint angles and velocities, now and in the steps that follow. Size 2 J frames.

    Frame by frame: angles, then velocities unless `velocity` is off (size J frames); the last frame
    of a clip is held. Source: MOSAIC, `motion_horizon` and `command_velocity`.
    """
    view = reference(env, observed)
    if frames == 1:
        return view.frame.joint_pos_vel if velocity else view.frame.joint_pos
    step_s = tracking(env).reference.step_s
    window = view.ahead(tuple(i * step_s for i in range(frames)))
    return (window.joint_pos_vel if velocity else window.joint_pos).flatten(1)


def motion_id(env: ManagerBasedRlEnv) -> torch.Tensor:
    """One-hot clip. Size C."""
    term = tracking(env)
    return term.clip_one_hot


def motion_group(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Number of the clip's motion group among the library's `group_names`. Size 1."""
    term = tracking(env)
    return term.library.clip_group[term.clip].float().unsqueeze(1)


def motion_future(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """The reference at times ahead, seen from the reference now: needs no state estimation.

    For each time, in order: joint angles (J), anchor position (3) and orientation columns (6) in
    the frame of the present reference anchor. Size H (J + 9).
    """
    term, view = tracking(env), reference(env, observed)
    future, now, anchor = view.ahead(tuple(term.cfg.horizon_s)), view.frame, term.anchor_index
    pos, ori = bodies_in_frame(
        now.body_pos_w[:, anchor],
        now.body_quat_w[:, anchor],
        future.body_pos_w[:, :, anchor],
        future.body_quat_w[:, :, anchor],
    )
    return torch.cat([future.joint_pos, pos, ori], dim=-1).flatten(1)


def reference_joint_pos(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """Reference joint angles now, rad. Size J."""
    return reference(env, observed).frame.joint_pos


def received_joint_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Reference joint angles now as the interface delivers them, rad. Size J."""
    return reference_joint_pos(env, observed=True)


def motion_anchor_pos_b(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """Reference anchor position in the robot anchor's frame, m. Size 3."""
    return tracking(env).state.anchor_error_to(reference(env, observed).frame)[0]


def motion_anchor_ori_b(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """Reference anchor orientation in the robot anchor's frame, two matrix columns. Size 6."""
    return quat_to_rot6d(tracking(env).state.anchor_error_to(reference(env, observed).frame)[1])


def ref_base_lin_vel(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """Linear velocity of the reference anchor in its own frame, m/s. Size 3. Source: MOSAIC."""
    frame, anchor = reference(env, observed).frame, tracking(env).anchor_index
    return quat_rotate_inverse(frame.body_quat_w[:, anchor], frame.body_lin_vel_w[:, anchor])


def ref_projected_gravity(env: ManagerBasedRlEnv, observed: bool = False) -> torch.Tensor:
    """Direction of gravity in the reference anchor's frame. Size 3. Source: MOSAIC."""
    quat = reference(env, observed).frame.body_quat_w[:, tracking(env).anchor_index]
    down = torch.zeros_like(quat[:, 1:])
    down[:, 2] = -1.0
    return quat_rotate_inverse(quat, down)


def body_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Tracked bodies in the anchor's frame, m. Size 3 B."""
    return tracking(env).state.bodies_b[0].flatten(1)


def body_ori(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Orientations of tracked bodies in the anchor's frame, two matrix columns. Size 6 B."""
    return tracking(env).state.bodies_b[1].flatten(1)


def base_lin_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Root linear velocity in the root frame, m/s. Size 3."""
    return tracking(env).state.base_lin_vel_b


def base_ang_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Root angular velocity in the root frame, rad/s. Size 3."""
    return tracking(env).state.base_ang_vel_b


def joint_pos(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint angles relative to the default pose of each environment, rad. Size J."""
    term = tracking(env)
    return term.state.joint_pos - term.default_joint_pos


def joint_vel(env: ManagerBasedRlEnv) -> torch.Tensor:
    """Joint velocities, rad/s. Size J."""
    return tracking(env).state.joint_vel


def actions(env: ManagerBasedRlEnv) -> torch.Tensor:
    """The previous raw action. Size J."""
    return env.action_manager.action


def actions_as(
    env: ManagerBasedRlEnv, residual: bool = False, scale_ratio: float = 1.0
) -> torch.Tensor:
    """The previous action as a policy with other units would have to give it. Size J.

    See `TrackingAction.last_action_as`.
    """
    term = env.action_manager.get_term("joint_pos")
    return term.last_action_as(residual, scale_ratio)  # pyright: ignore[reportAttributeAccessIssue]
