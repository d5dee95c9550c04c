"""A motion through a teleoperation interface, in NumPy: the model of training for one robot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.reference import Reference
from mimiclab.maths.rotations import quat_multiply
from mimiclab.tasks.tracking.interface import Interface
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


@dataclass(frozen=True, kw_only=True)
class Packet:
    """What a policy knows of the motion at one control step: `now`, and `ahead` of now."""

    reference: Reference
    """The whole motion."""
    time_s: float
    """Time in it of which the packet tells; perhaps before its start or after its end."""
    anchor: int
    """Index of the anchor among tracked bodies."""
    joint_pos_error: np.ndarray
    """Received less true angles, rad, (J,)."""
    joint_vel_error: np.ndarray
    """Received less true velocities, rad/s, (J,)."""
    shift: np.ndarray
    """Error of the anchor's position, m, (3,)."""
    turn: np.ndarray
    """Error of the anchor's orientation, applied from the left, (4,)."""

    @cached_property
    def now(self) -> Reference:
        """The observed frame, without axis T."""
        return self.ahead([0.0]).frames(0)

    def ahead(self, offsets_s: Sequence[float]) -> Reference:
        """What the packet says of times after its own; axis T becomes the H offsets."""
        sent = self.reference.ahead(0, [self.time_s + offset for offset in offsets_s])
        pos, quat = sent.body_pos_w.copy(), sent.body_quat_w.copy()
        pos[:, self.anchor] += self.shift
        quat[:, self.anchor] = quat_multiply(self.turn, quat[:, self.anchor])
        return replace(
            sent,
            joint_pos=sent.joint_pos + self.joint_pos_error,
            joint_vel=sent.joint_vel + self.joint_vel_error,
            body_pos_w=pos,
            body_quat_w=quat,
        )


class ReferenceStream:
    """An interface between a motion and a policy, from one episode's start to its end."""

    def __init__(self, cfg: InterfaceCfg, contract: PolicyContract, seed: int) -> None:
        """`seed` draws delay, losses and noise.

        Raises:
            MimiclabError: outages of this length cannot lose this share of packets.
        """
        self._contract = contract
        self._interface = Interface(
            cfg,
            contract.joint_names,
            time_s=np.zeros(1),
            step_s=contract.physics.control_dt_s,
            # Apart from the numbers of start noise and pushes, which an interface must not change.
            source=_Numbers(np.random.default_rng((seed, 1))),
        )
        self.restart()

    def restart(self) -> None:
        """The next packet is the first of an episode."""
        self._interface.restart(np.array([0]))

    def receive(self, reference: Reference, frame: int) -> Packet:
        """One control step: what is known when a perfect interface would show `frame`."""
        state = self._interface
        state.receive(np.array([frame * reference.dt_s]))
        time_s = float(state.packet_time_s[0])
        sent = reference.ahead(0, [time_s])
        joint_pos, joint_vel = state.smooth(sent.joint_pos, sent.joint_vel)
        return Packet(
            reference=reference,
            time_s=time_s,
            anchor=self._contract.anchor_index,
            joint_pos_error=(joint_pos - sent.joint_pos)[0],
            joint_vel_error=(joint_vel - sent.joint_vel)[0],
            shift=state.shift[0].copy(),
            turn=state.turn[0].copy(),
        )


class _Numbers:
    """NumPy's generator as a source of an `Interface`."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def uniform(self, *shape: int) -> np.ndarray:
        return self._rng.random(shape)

    def normal(self, *shape: int) -> np.ndarray:
        return self._rng.standard_normal(shape)

    def constant(self, values: np.ndarray) -> np.ndarray:
        return np.array(values, np.float64)
