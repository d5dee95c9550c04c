"""A teleoperation interface as a process in time: delay, lost packets, errors, smoothing.

For NumPy arrays and torch tensors alike, so that training and plain MuJoCo run the same model.

In each control step the operator's side sends one packet. It holds the motion of `delay` ago and
carries the errors of its measurement: noise, the same for everything in the packet, and a constant
bias of each joint. A packet may be lost; then the last one that arrived stays, errors included. The
receiver averages joint angles over the packets that it holds step by step.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from array_api_compat import array_namespace

from mimiclab.maths.rotations import Array, quat_from_rotvec
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


class Source(Protocol):
    """Where random numbers come from; it also decides what kind of arrays there are."""

    def uniform(self, *shape: int) -> Array:
        """Numbers from [0, 1)."""
        ...

    def normal(self, *shape: int) -> Array:
        """Standard normal numbers."""
        ...

    def constant(self, values: np.ndarray) -> Array:
        """These values."""
        ...


class Interface:
    """N interfaces with one configuration; J joints.

    Each control step is `receive`, which decides on packets, and then `smooth`, once.
    """

    def __init__(
        self,
        cfg: InterfaceCfg,
        joint_names: Sequence[str],
        *,
        time_s: Array,
        step_s: float,
        source: Source,
    ) -> None:
        """`time_s` (N,) are present times in the clips, float64; `step_s` is the control step.

        Raises:
            MimiclabError: outages of this length cannot lose this share of packets.
        """
        xp = array_namespace(time_s)
        n, joints = time_s.shape[0], len(joint_names)
        self.cfg = cfg
        self._step_s, self._source = step_s, source
        self._lose, self._recover = cfg.loss_chances(step_s)
        self.delay_s = xp.zeros_like(time_s)
        """Delay of each, (N,)."""
        self.packet_time_s = xp.zeros_like(time_s)
        """Time in the clip of the packet that each holds, (N,); it may be before the start."""
        self.lost = time_s < -np.inf
        """Whether the packet of this step was lost, (N,)."""
        self._fresh, self._first = ~self.lost, ~self.lost
        self._moved: Array | None = None
        self.bias = source.constant(cfg.joint_bias(joint_names))
        """Constant error of each joint, rad, (J,)."""
        self.joint_noise = source.constant(np.zeros((n, joints)))
        """Noise in the packet that is held, rad, (N, J)."""
        self.shift = source.constant(np.zeros((n, 3)))
        """Error of the anchor's position, m, world axes, (N, 3)."""
        self.turn = source.constant(np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)))
        """Error of the anchor's orientation, applied from the left, (N, 4)."""
        self._averages = source.constant(np.zeros((n, 3, joints)))

    def restart(self, env_ids: Array) -> None:
        """Begin episodes, (n,): draw delays, and let the next packet arrive whatever happens."""
        xp, n, (low, high) = array_namespace(self.delay_s), len(env_ids), self.cfg.delay_s
        if high > 0:
            share = xp.astype(self._source.uniform(n), self.delay_s.dtype)
            self.delay_s[env_ids] = low + (high - low) * share
        if self.cfg.dropout > 0:
            # As if the stream had been running for long: the share of lost packets is right from
            # the second packet on.
            self.lost[env_ids] = self._source.uniform(n) < self.cfg.dropout
        self._fresh[env_ids] = True

    def receive(self, time_s: Array, moved: Array | None = None) -> None:
        """One control step, at these times (N,) float64, of all or of those `moved`, (N,) bool."""
        xp, cfg, (n, joints) = array_namespace(time_s), self.cfg, self.joint_noise.shape
        self._first[...] = self._fresh if moved is None else self._fresh & moved
        arrives = self._moved = moved
        if cfg.dropout > 0:
            chance = xp.where(self.lost, 1.0 - self._recover, self._lose)
            _put(self.lost, self._source.uniform(n) < chance, moved)
            arrives = ~self.lost | self._first
            arrives = arrives if moved is None else arrives & moved
        _put(self.packet_time_s, time_s - self.delay_s, arrives)
        if cfg.joint_noise_rad > 0:
            noise = cfg.joint_noise_rad * self._source.normal(n, joints)
            _put(self.joint_noise, noise, arrives)
        if cfg.position_noise_m > 0:
            _put(self.shift, cfg.position_noise_m * self._source.normal(n, 3), arrives)
        if cfg.orientation_noise_rad > 0:
            turn = quat_from_rotvec(cfg.orientation_noise_rad * self._source.normal(n, 3))
            _put(self.turn, turn, arrives)
        self._fresh[...] = self._fresh & ~self._first

    def smooth(self, joint_pos: Array, joint_vel: Array) -> tuple[Array, Array]:
        """Joint angles and velocities, (N, J) each, that come out for those in the packets held.

        Velocities are those sent or, with smoothing, the slope of the last three averages.
        """
        value = joint_pos + self.bias + self.joint_noise
        if self.cfg.smoothing == 1.0:
            return value, joint_vel
        xp, past = array_namespace(value), self._averages
        average = value - (1.0 - self.cfg.smoothing) * (value - past[:, 2])
        after = xp.stack([past[:, 1], past[:, 2], average], axis=1)
        after = xp.where(self._first[:, None, None], value[:, None, :], after)
        _put(past, after, self._moved)
        return xp.asarray(past[:, 2], copy=True), (past[:, 2] - past[:, 0]) / (2.0 * self._step_s)


def _put(target: Array, values: Array, rows: Array | None) -> None:
    """Overwrite all rows of `target`, or some, in place."""
    if rows is None:
        target[...] = values
    else:
        xp = array_namespace(target)
        rows = xp.reshape(rows, (-1, *[1] * (target.ndim - 1)))
        target[...] = xp.where(rows, values, target)
