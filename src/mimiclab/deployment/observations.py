"""Observation terms by name, in NumPy, with the frame maths that training uses.

Names are those of BeyondMimic and mjlab. To add a term, write a function of `Observed` and put it
into `TERMS`; a policy that names any other term is refused.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mimiclab.deployment.contract import ObservationTerm, PolicyContract
from mimiclab.deployment.interface import Packet
from mimiclab.deployment.reference import Reference
from mimiclab.deployment.simulator import RobotState
from mimiclab.errors import ContractError
from mimiclab.maths.frames import bodies_in_frame, relative_pose
from mimiclab.maths.rotations import quat_rotate_inverse, quat_to_rot6d


@dataclass(frozen=True, kw_only=True)
class Observed:
    """All that a term may use, at one control step."""

    contract: PolicyContract
    robot: RobotState
    reference: Reference
    """The whole motion, already moved to the robot."""
    frame: int
    """Number of the reference frame that is observed."""
    last_action: np.ndarray
    """Raw action of the previous step, (J,)."""
    packet: Packet | None = None
    """What an interface delivered instead of `frame`; None for a perfect one."""

    @property
    def now(self) -> Reference:
        """The observed frame of the reference."""
        return self.reference.frames(self.frame) if self.packet is None else self.packet.now

    def ahead(self, offsets_s: Sequence[float]) -> Reference:
        """The reference at times after the observed frame; axis T becomes the H offsets."""
        if self.packet is not None:
            return self.packet.ahead(offsets_s)
        return self.reference.ahead(self.frame, offsets_s)

    @property
    def anchor(self) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) and orientation (4,) of the robot's anchor."""
        i = self.contract.anchor_index
        return self.robot.body_pos_w[i], self.robot.body_quat_w[i]

    def anchor_error(self) -> tuple[np.ndarray, np.ndarray]:
        """Pose of the reference's anchor seen from the robot's anchor."""
        i, now = self.contract.anchor_index, self.now
        return relative_pose(*self.anchor, now.body_pos_w[i], now.body_quat_w[i])

    def bodies_in_anchor(self) -> tuple[np.ndarray, np.ndarray]:
        """The robot's tracked bodies in its anchor's frame: (B, 3), matrix columns (B, 6)."""
        return bodies_in_frame(*self.anchor, self.robot.body_pos_w, self.robot.body_quat_w)


Compute = Callable[[Observed, ObservationTerm], np.ndarray]


def _command(o: Observed, term: ObservationTerm) -> np.ndarray:
    """Joints of the observed frame and of those that follow, frame by frame."""
    frames, velocity = term.params.get("frames", 1), term.params.get("velocity", True)
    now = o.now if frames == 1 else o.ahead([i * o.reference.dt_s for i in range(frames)])
    return np.concatenate([now.joint_pos, now.joint_vel], axis=-1) if velocity else now.joint_pos


def _motion_id(o: Observed, term: ObservationTerm) -> np.ndarray:
    return np.eye(term.size)[o.reference.clip_index]


def _motion_future(o: Observed, term: ObservationTerm) -> np.ndarray:
    """For each time ahead: joints, and the anchor seen from the anchor of the observed frame."""
    i, now = o.contract.anchor_index, o.now
    future = o.ahead(term.params["offsets_s"])
    pos, ori = bodies_in_frame(
        now.body_pos_w[i], now.body_quat_w[i], future.body_pos_w[:, i], future.body_quat_w[:, i]
    )
    return np.concatenate([future.joint_pos, pos, ori], axis=-1)


def _ref_lin_vel(o: Observed, _: ObservationTerm) -> np.ndarray:
    i, now = o.contract.anchor_index, o.now
    return quat_rotate_inverse(now.body_quat_w[i], now.body_lin_vel_w[i])


def _gravity(quat_w: np.ndarray) -> np.ndarray:
    return quat_rotate_inverse(quat_w, np.array([0.0, 0.0, -1.0]))


def _base_velocity(o: Observed, velocities: np.ndarray) -> np.ndarray:
    return quat_rotate_inverse(o.robot.body_quat_w[0], velocities[0])


TERMS: Mapping[str, Compute] = {
    "command": _command,
    "motion_id": _motion_id,
    "motion_future": _motion_future,
    "motion_anchor_pos_b": lambda o, _: o.anchor_error()[0],
    "motion_anchor_ori_b": lambda o, _: quat_to_rot6d(o.anchor_error()[1]),
    "body_pos": lambda o, _: o.bodies_in_anchor()[0],
    "body_ori": lambda o, _: o.bodies_in_anchor()[1],
    "base_lin_vel": lambda o, _: _base_velocity(o, o.robot.body_lin_vel_w),
    "base_ang_vel": lambda o, _: _base_velocity(o, o.robot.body_ang_vel_w),
    "projected_gravity": lambda o, _: _gravity(o.robot.body_quat_w[0]),
    "ref_base_lin_vel": _ref_lin_vel,
    "ref_projected_gravity": lambda o, _: _gravity(o.now.body_quat_w[o.contract.anchor_index]),
    "joint_pos": lambda o, _: o.robot.joint_pos - np.array(o.contract.default_joint_pos),
    "joint_vel": lambda o, _: o.robot.joint_vel,
    "actions": lambda o, _: o.last_action,
}
"""Every observation term that a policy may name."""


class ObservationBuilder:
    """Assembles a policy's observation vector, history included.

    Raises:
        ContractError: the policy names a term that is not in `TERMS`.
    """

    def __init__(self, contract: PolicyContract) -> None:
        unknown = [term.name for term in contract.observations if term.name not in TERMS]
        if unknown:
            raise ContractError(
                f"the policy observes {', '.join(map(repr, unknown))}, which this runner cannot "
                f"compute; known terms: {', '.join(sorted(TERMS))}"
            )
        self._terms = contract.observations
        self._history: dict[int, deque[np.ndarray]] = {}

    def reset(self) -> None:
        """Forget the past; the next observation fills the whole history."""
        self._history.clear()

    def __call__(self, observed: Observed) -> np.ndarray:
        """The observation vector (D,), float32."""
        parts = []
        for i, term in enumerate(self._terms):
            value = _value(term, observed)
            past = self._history.setdefault(i, deque(maxlen=term.history))
            past.extend([value] * (term.history if not past else 1))
            parts.extend(past)
        return np.concatenate(parts).astype(np.float32)


def _value(term: ObservationTerm, observed: Observed) -> np.ndarray:
    value = np.ravel(np.asarray(TERMS[term.name](observed, term), np.float64))
    if value.size != term.size:
        raise ContractError(
            f"observation {term.name!r} has {value.size} numbers here, the policy was trained "
            f"with {term.size}; its contract does not fit the robot or the motion"
        )
    if term.clip is not None:
        value = np.clip(value, *term.clip)
    return value * np.asarray(term.scale)
