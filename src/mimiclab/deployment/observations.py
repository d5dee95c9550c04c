"""Observation terms by name, in NumPy, with the frame maths that training uses.

Names are those of BeyondMimic, mjlab and Holosoma. To add a term, write a function of `Observed`
and put it into `ROBOT_TERMS`, `MOTION_TERMS` or `VELOCITY_TERMS`; a policy that names any other
term is refused.
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
    last_action: np.ndarray
    """Raw action of the previous step, (J,)."""
    reference: Reference | None = None
    """The whole motion, already moved to the robot; None where a velocity is commanded."""
    frame: int = 0
    """Number of the reference frame that is observed."""
    velocity: np.ndarray | None = None
    """Commanded velocity forward and left, m/s, and turn, rad/s, (3,); None with a motion."""
    phases: np.ndarray | None = None
    """Gait phases of the left and the right foot, rad, (2,); None without a gait clock."""
    packet: Packet | None = None
    """What an interface delivered instead of `frame`; None for a perfect one."""

    @property
    def motion(self) -> Reference:
        """The whole motion; `ObservationBuilder` has seen to it that there is one."""
        assert self.reference is not None
        return self.reference

    @property
    def now(self) -> Reference:
        """The observed frame of the reference."""
        return self.motion.frames(self.frame) if self.packet is None else self.packet.now

    def ahead(self, offsets_s: Sequence[float]) -> Reference:
        """The reference at times after the observed frame; axis T becomes the H offsets."""
        if self.packet is not None:
            return self.packet.ahead(offsets_s)
        return self.motion.ahead(self.frame, offsets_s)

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
    now = o.now if frames == 1 else o.ahead([i * o.motion.dt_s for i in range(frames)])
    return np.concatenate([now.joint_pos, now.joint_vel], axis=-1) if velocity else now.joint_pos


def _motion_id(o: Observed, term: ObservationTerm) -> np.ndarray:
    return np.eye(term.size)[o.motion.clip_index]


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


def _commanded(o: Observed) -> np.ndarray:
    assert o.velocity is not None  # the builder has seen to it
    return o.velocity


def _phases(o: Observed) -> np.ndarray:
    assert o.phases is not None
    return o.phases


def _joint_pos(o: Observed, _: ObservationTerm) -> np.ndarray:
    return o.robot.joint_pos - np.array(o.contract.default_joint_pos)


def _joint_vel(o: Observed, _: ObservationTerm) -> np.ndarray:
    return o.robot.joint_vel


MOTION_TERMS: Mapping[str, Compute] = {
    "command": _command,
    "motion_id": _motion_id,
    "motion_future": _motion_future,
    "motion_anchor_pos_b": lambda o, _: o.anchor_error()[0],
    "motion_anchor_ori_b": lambda o, _: quat_to_rot6d(o.anchor_error()[1]),
    "ref_base_lin_vel": _ref_lin_vel,
    "ref_projected_gravity": lambda o, _: _gravity(o.now.body_quat_w[o.contract.anchor_index]),
}
"""Observation terms of policies that follow a motion."""
VELOCITY_TERMS: Mapping[str, Compute] = {
    "command_lin_vel": lambda o, _: _commanded(o)[:2],
    "command_ang_vel": lambda o, _: _commanded(o)[2:],
    "sin_phase": lambda o, _: np.sin(_phases(o)),
    "cos_phase": lambda o, _: np.cos(_phases(o)),
}
"""Observation terms of policies that follow a commanded velocity (Holosoma)."""
ROBOT_TERMS: Mapping[str, Compute] = {
    "body_pos": lambda o, _: o.bodies_in_anchor()[0],
    "body_ori": lambda o, _: o.bodies_in_anchor()[1],
    "base_lin_vel": lambda o, _: _base_velocity(o, o.robot.body_lin_vel_w),
    "base_ang_vel": lambda o, _: _base_velocity(o, o.robot.body_ang_vel_w),
    "projected_gravity": lambda o, _: _gravity(o.robot.body_quat_w[0]),
    "joint_pos": _joint_pos,
    "joint_vel": _joint_vel,
    # Holosoma's names of the same two.
    "dof_pos": _joint_pos,
    "dof_vel": _joint_vel,
    "actions": lambda o, _: o.last_action,
}
"""Observation terms of the robot itself, for any policy."""
TERMS: Mapping[str, Compute] = {**ROBOT_TERMS, **MOTION_TERMS, **VELOCITY_TERMS}
"""Every observation term."""


def known_terms(contract: PolicyContract) -> Mapping[str, Compute]:
    """Every observation term that the policy of a contract may name."""
    if contract.velocity is None:
        return {**ROBOT_TERMS, **MOTION_TERMS}
    if contract.velocity.gait is None:
        return {**ROBOT_TERMS, **{k: v for k, v in VELOCITY_TERMS.items() if "phase" not in k}}
    return {**ROBOT_TERMS, **VELOCITY_TERMS}


class ObservationBuilder:
    """Assembles a policy's observation vector, history included.

    Raises:
        ContractError: the policy names a term that is unknown, or that its kind of command lacks.
    """

    def __init__(self, contract: PolicyContract) -> None:
        known = known_terms(contract)
        unknown = [term.name for term in contract.observations if term.name not in known]
        if unknown:
            follows = "a motion" if contract.velocity is None else "a commanded velocity"
            raise ContractError(
                f"the policy observes {', '.join(map(repr, unknown))}, which this runner cannot "
                f"compute; known terms of a policy that follows {follows}: "
                f"{', '.join(sorted(known))}"
            )
        self._terms = [(term, known[term.name]) for term in contract.observations]
        self._history: dict[int, deque[np.ndarray]] = {}

    def reset(self) -> None:
        """Forget the past; the next observation fills the whole history, or zeros do."""
        self._history.clear()

    def __call__(self, observed: Observed) -> np.ndarray:
        """The observation vector (D,), float32."""
        parts = []
        for i, (term, compute) in enumerate(self._terms):
            value = _value(term, compute, observed)
            past = self._history.setdefault(i, deque(maxlen=term.history))
            if not past:
                before = np.zeros_like(value) if term.padding == "zero" else value
                past.extend([before] * (term.history - 1))
            past.append(value)
            parts.extend(past)
        return np.concatenate(parts).astype(np.float32)


def _value(term: ObservationTerm, compute: Compute, observed: Observed) -> np.ndarray:
    value = np.ravel(np.asarray(compute(observed, term), np.float64))
    if value.size != term.size:
        raise ContractError(
            f"observation {term.name!r} has {value.size} numbers here, the policy was trained "
            f"with {term.size}; its contract does not fit the robot or the motion"
        )
    if term.clip is not None:
        value = np.clip(value, *term.clip)
    return value * np.asarray(term.scale)
