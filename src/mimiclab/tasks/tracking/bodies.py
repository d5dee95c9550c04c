"""Parts of a robot by their role: lower and upper tracked bodies, and points on head and hands."""

from collections.abc import Sequence

import mujoco
import torch

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_from_rotvec, quat_rotate
from mimiclab.robots import Robot

HEAD_AND_HANDS = ("head", "left_hand", "right_hand")
"""Landmarks that a VR headset and its controllers give."""


def lower_and_upper(robot: Robot, body_names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Indices of the bodies of legs and trunk, and of all others: arms, hands and head.

    Lower are the root, the anchor, the feet and what carries them. On the G1 this gives MOSAIC's
    sets of 8 and 4, and puts the wrists, which are in neither there, into the upper one: hands are
    what teleoperation is for.

    Raises:
        RobotError: no body is above the anchor.
    """
    lower = {
        name for end in (robot.anchor_body, *robot.feet) for name in _carriers(robot.model, end)
    }
    sets = (
        [i for i, name in enumerate(body_names) if name in lower],
        [i for i, name in enumerate(body_names) if name not in lower],
    )
    if not all(sets):
        raise RobotError(
            f"robot {robot.name}: the tracked bodies {', '.join(body_names)} are all legs and "
            "trunk; the reward 'mosaic' also needs arms, so track some of their bodies"
        )
    return sets


class BodyPoints:
    """Where landmarks are, given poses of tracked bodies and joint angles.

    A landmark on a body that is not tracked (the head of a robot with a neck) is computed from its
    nearest tracked carrier and the joints between the two.
    """

    def __init__(
        self,
        robot: Robot,
        landmarks: Sequence[str],
        body_names: Sequence[str],
        device: torch.device | str = "cpu",
    ) -> None:
        """Look the landmarks up.

        Args:
            robot: the robot.
            landmarks: K names of `Robot.landmarks`.
            body_names: tracked bodies, in the order of their poses.
            device: of the poses.

        Raises:
            RobotError: the robot lacks a landmark, or a landmark has no tracked carrier.
        """
        missing = [name for name in landmarks if name not in robot.landmarks]
        if missing:
            raise RobotError(
                f"robot {robot.name} has no landmarks {', '.join(missing)}, which the reward "
                "'mosaic' follows; add them to the robot's `landmarks`"
            )
        carriers, offsets, self._necks = [], [], []
        for k, name in enumerate(landmarks):
            point = robot.landmarks[name]
            chain = _carriers(robot.model, point.body)
            steps = next((i for i, body in enumerate(chain) if body in body_names), None)
            if steps is None:
                raise RobotError(
                    f"robot {robot.name}: no tracked body carries landmark {name!r}, which sits on "
                    f"{point.body!r}; track {chain[-1]!r}"
                )
            carriers.append(list(body_names).index(chain[steps]))
            offsets.append(point.point)
            if steps:
                self._necks.append((k, [_Link(robot, body, device) for body in chain[:steps]]))
        self._carriers = torch.tensor(carriers, device=device)
        self._offsets = torch.tensor(offsets, dtype=torch.float32, device=device)

    def __call__(
        self, pos: torch.Tensor, quat: torch.Tensor, joint_pos: torch.Tensor
    ) -> torch.Tensor:
        """World positions (N, K, 3) from tracked poses (N, B, 3), (N, B, 4) and joints (N, J)."""
        offsets = self._offsets.to(pos.dtype)
        if self._necks:
            offsets = offsets.repeat(len(pos), 1, 1)
            for k, links in self._necks:
                for link in links:
                    offsets[:, k] = link.to_parent(offsets[:, k], joint_pos)
        return pos[:, self._carriers] + quat_rotate(quat[:, self._carriers], offsets)


class _Link:
    """Takes points from a body's frame to its parent's."""

    def __init__(self, robot: Robot, body: str, device: torch.device | str) -> None:
        model = robot.model
        index = model.body(body).id

        def tensor(values) -> torch.Tensor:
            return torch.tensor(values.tolist(), dtype=torch.float32, device=device)

        self._pos, self._quat = tensor(model.body_pos[index]), tensor(model.body_quat[index])
        self._hinges = []
        first, count = int(model.body_jntadr[index]), int(model.body_jntnum[index])
        for joint in reversed(range(first, first + count)):
            if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
                raise RobotError(
                    f"robot {robot.name}: joint {model.joint(joint).name!r} is no hinge; track "
                    f"body {body!r} itself"
                )
            column = robot.joint_names.index(model.joint(joint).name)
            rest = float(model.qpos0[model.jnt_qposadr[joint]])
            self._hinges.append(
                (column, rest, tensor(model.jnt_axis[joint]), tensor(model.jnt_pos[joint]))
            )

    def to_parent(self, point: torch.Tensor, joint_pos: torch.Tensor) -> torch.Tensor:
        """Points (N, 3) in the parent's frame, at joint angles (N, J)."""
        for column, rest, axis, centre in self._hinges:
            turn = quat_from_rotvec((joint_pos[:, column, None] - rest) * axis.to(point.dtype))
            point = centre + quat_rotate(turn, point - centre)
        return self._pos + quat_rotate(self._quat.to(point.dtype).expand(len(point), 4), point)


def _carriers(model: mujoco.MjModel, body: str) -> list[str]:
    """The body and its ancestors, up to the root."""
    names, index = [], model.body(body).id
    while index:
        names.append(model.body(index).name)
        index = int(model.body_parentid[index])
    return names
