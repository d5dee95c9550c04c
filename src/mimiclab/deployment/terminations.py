"""The limits that end an episode, as the contract states them."""

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.reference import Reference
from mimiclab.deployment.simulator import RobotState
from mimiclab.maths.frames import reanchor
from mimiclab.maths.rotations import quat_rotate_inverse

_DOWN = np.array([0.0, 0.0, -1.0])


def crossed_limit(contract: PolicyContract, reference: Reference, robot: RobotState) -> str:
    """Name of the first termination limit that the robot crosses, or an empty string.

    `reference` is one frame, moved to the robot. Source of the limits: BeyondMimic, terminations.
    """
    limits = contract.terminations
    i, ends = contract.anchor_index, contract.end_effector_indices
    anchor = robot.body_pos_w[i], robot.body_quat_w[i]
    goal = reference.body_pos_w[i], reference.body_quat_w[i]
    if limits.anchor_height_m is not None and (
        abs(goal[0][2] - anchor[0][2]) > limits.anchor_height_m
    ):
        return "anchor_pos"
    if limits.anchor_tilt is not None:
        tilt = quat_rotate_inverse(goal[1], _DOWN)[2] - quat_rotate_inverse(anchor[1], _DOWN)[2]
        if abs(tilt) > limits.anchor_tilt:
            return "anchor_ori"
    if limits.end_effector_height_m is not None:
        moved, _ = reanchor(*anchor, *goal, reference.body_pos_w[ends], reference.body_quat_w[ends])
        if np.any(np.abs(moved[:, 2] - robot.body_pos_w[ends, 2]) > limits.end_effector_height_m):
            return "ee_body_pos"
    return ""
