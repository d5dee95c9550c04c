"""The motion inside a released policy: read by asking its graph for every time step."""

from dataclasses import replace

import numpy as np

from mimiclab.deployment.foreign_policy import TIME_STEP, ForeignPolicy
from mimiclab.deployment.reference import Reference, clip_reference
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_conjugate, quat_multiply, quat_normalize, quat_rotate
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics
from mimiclab.robots import Robot

_LAST = 10_000_000
"""A time step that no clip reaches; graphs answer it with their last frame."""
_LONGEST = 2**20
"""Frames that a baked motion may have, nearly six hours at 50 Hz."""
_JOINTS = ("joint_pos", "joint_vel")
_ANCHOR = ("ref_pos_xyz", "ref_quat_xyzw")
_BODIES = ("body_pos_w", "body_quat_w")


def foreign_clip(policy: ForeignPolicy) -> MotionClip:
    """The baked motion at the policy's rate.

    Holosoma bakes the pose of the anchor (torso) only, BeyondMimic and mjlab those of the tracked
    bodies; the root follows from one of these and the joint angles by forward kinematics. Copies of
    the last frame at the end cannot be told from its being held, and are left out.

    Raises:
        ContractError: no motion inside, or one in a form that is not known.
    """
    joint_pos, _, body, pos, quat = _frames(policy)
    robot = policy.terms.robot
    root_pos, root_quat = root_from_body(robot, joint_pos, body, pos, quat)
    return MotionClip(
        name=policy.path.stem,
        robot=robot.name,
        fps=float(policy.layout.control_hz),
        joint_names=robot.joint_names,
        root_pos=root_pos,
        root_quat_wxyz=root_quat,
        joint_pos=joint_pos,
        source=f"baked into {policy.path.name}",
    )


def foreign_reference(policy: ForeignPolicy) -> Reference:
    """The baked motion as the policy sees it: joint speeds are those of the file.

    Raises:
        ContractError: as `foreign_clip`.
    """
    reference = clip_reference(foreign_clip(policy), policy.contract)
    return replace(reference, joint_vel=_frames(policy)[1])


def root_from_body(
    robot: Robot, joint_pos: np.ndarray, body: str, pos_w: np.ndarray, quat_w: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The root's pose when joints and the pose of one body are known.

    Args:
        robot: whose kinematics.
        joint_pos: (T, J) rad.
        body: name of the body.
        pos_w: its position, (T, 3) m.
        quat_w: its orientation wxyz, (T, 4).

    Returns:
        Position (T, 3) and orientation wxyz (T, 4) of the root.
    """
    qpos = np.zeros((len(joint_pos), robot.model.nq))
    qpos[:, 3] = 1.0
    qpos[:, [robot.model.joint(name).qposadr[0] for name in robot.joint_names]] = joint_pos
    positions, orientations = forward_kinematics(robot.model, qpos)
    index = robot.body_names.index(body)
    root_quat = quat_normalize(quat_multiply(quat_w, quat_conjugate(orientations[:, index])))
    return pos_w - quat_rotate(root_quat, positions[:, index]), root_quat


def _frames(
    policy: ForeignPolicy,
) -> tuple[np.ndarray, np.ndarray, str, np.ndarray, np.ndarray]:
    """Joint angles and speeds in our order, and a body with its positions and orientations."""
    names = _outputs(policy)
    rows = _ask_all(policy, names)
    joints = np.array(policy.terms.joints)
    joint_pos, joint_vel = (np.empty_like(rows[0]) for _ in range(2))
    joint_pos[:, joints], joint_vel[:, joints] = rows[0], rows[1]
    robot, layout = policy.terms.robot, policy.layout
    if names[2:] == _ANCHOR:
        body, pos, quat = robot.anchor_body, rows[2], rows[3][:, [3, 0, 1, 2]]
    else:
        bodies = layout.body_names or robot.tracked_bodies
        index = bodies.index(robot.root_body) if robot.root_body in bodies else 0
        body, pos, quat = bodies[index], rows[2][:, index], rows[3][:, index]
    if not all(np.isfinite(values).all() for values in (joint_pos, joint_vel, pos, quat)):
        raise ContractError(f"{policy.path}: the motion inside has numbers that are not finite")
    return joint_pos, joint_vel, body, pos, quat_normalize(quat)


def _outputs(policy: ForeignPolicy) -> tuple[str, ...]:
    outputs = policy.outputs
    for pose in (_ANCHOR, _BODIES):
        if policy.has_reference and set((*_JOINTS, *pose)) <= set(outputs):
            return (*_JOINTS, *pose)
    raise ContractError(
        f"{policy.path}: no motion that can be read is inside; it gives {', '.join(outputs)}, "
        f"expected {', '.join(_JOINTS)} with {' and '.join(_ANCHOR)} or {' and '.join(_BODIES)} "
        f"for each {TIME_STEP!r}. Give a motion instead (--motion)"
    )


def _ask_all(policy: ForeignPolicy, names: tuple[str, ...]) -> list[np.ndarray]:
    """Outputs of every time step up to the first from which all are the last, (T, ...)."""
    blind = np.zeros((1, policy.contract.observation_size), np.float32)

    def ask(step: int) -> list[np.ndarray]:
        feed = {policy.observation_input: blind, TIME_STEP: np.array([[step]], np.float32)}
        try:
            return [np.asarray(values)[0] for values in policy.session.run(list(names), feed)]
        except Exception as error:  # onnxruntime's own types are not public
            raise ContractError(
                f"{policy.path}: the graph does not answer time step {step} ({error})"
            ) from error

    last = ask(_LAST)

    def is_last(row: list[np.ndarray]) -> bool:
        pairs = zip(row, last, strict=True)
        return all(np.array_equal(values, held, equal_nan=True) for values, held in pairs)

    bound = 1
    while not (is_last(ask(bound)) and is_last(ask(bound + 1))):
        bound *= 2
        if bound > _LONGEST:
            raise ContractError(
                f"{policy.path}: what the graph gives for a time step does not settle within "
                f"{_LONGEST} steps, so it is no motion that ends"
            )
    rows = [ask(step) for step in range(bound + 1)]
    while len(rows) > 1 and is_last(rows[-2]):
        rows.pop()
    return [np.array(column, np.float64) for column in zip(*rows, strict=True)]
