"""The reference of N environments as a teleoperation interface delivers it."""

from dataclasses import fields, replace

import numpy as np
import torch

from mimiclab.errors import UnknownNameError
from mimiclab.maths.rotations import quat_multiply
from mimiclab.motions.library import MotionFrame
from mimiclab.tasks.tracking.interface import Interface
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.reference import ReferenceView


class ReceivedReference:
    """A `ReferenceView` behind an interface, with the same `frame` and `ahead`.

    Joint angles and velocities and the anchor's pose are those received. Other bodies, and all body
    velocities, are those of the packet, without noise: no observation shows them, but for the
    velocity of the anchor. A packet holds all frames ahead, which share the errors of the first.
    """

    def __init__(
        self,
        truth: ReferenceView,
        cfg: InterfaceCfg,
        groups: tuple[str, ...],
        *,
        time_s: torch.Tensor,
        anchor: int,
    ) -> None:
        """`truth` is updated first in each step; `time_s` (N,); `anchor` among tracked bodies.

        Clips of other motion groups than `groups` come as they are; all come through if empty.

        Raises:
            UnknownNameError: a group that the library does not have.
            MimiclabError: outages of this length cannot lose this share of packets.
        """
        self._truth, self._anchor = truth, anchor
        device = time_s.device
        self.interface = Interface(
            cfg,
            truth.library.joint_names,
            time_s=time_s,
            step_s=truth.step_s,
            source=_GlobalGenerator(device),
        )
        """Packets, delays and errors of all environments."""
        self._delayed, self._late = cfg.delay_s[1] > 0, cfg.delay_s[1] > 0 or cfg.dropout > 0
        self._misplaced = cfg.position_noise_m > 0 or cfg.orientation_noise_rad > 0
        self._affected = _affected_clips(truth, groups) if groups else None
        self._ahead: dict[tuple[float, ...], MotionFrame] = {}
        self.restart(torch.arange(len(time_s), device=device))

    def restart(self, env_ids: torch.Tensor) -> None:
        """New episodes begin in these environments, (n,), at their next update."""
        self.interface.restart(env_ids)

    def update(self, env_ids: torch.Tensor | None = None) -> None:
        """One control step of all environments, or of some, (n,), while the others wait."""
        truth, moved = self._truth, None
        if env_ids is not None:
            moved = torch.zeros_like(self.interface.lost)
            moved[env_ids] = True
        self.interface.receive(truth.time_s, moved)
        self._packet = truth.frame
        if self._late:
            exact = False if truth.on_grid else None
            times = self.interface.packet_time_s
            self._packet = truth.at(times, True if self._delayed else exact)
        angles, velocities = self.interface.smooth(self._packet.joint_pos, self._packet.joint_vel)
        self.frame = self._chosen(self._with(self._packet, angles, velocities), truth.frame)
        """The observed reference, shapes (N, ...)."""
        self._errors = angles - self._packet.joint_pos, velocities - self._packet.joint_vel
        self._ahead.clear()

    def ahead(self, offsets_s: tuple[float, ...]) -> MotionFrame:
        """What the packet says of times after its own, shapes (N, H, ...)."""
        if offsets_s not in self._ahead:
            truth = self._truth
            packet = truth.ahead(offsets_s)
            if self._late:
                packet = truth.ahead_of(self.interface.packet_time_s, offsets_s)
            angle, velocity = (error[:, None] for error in self._errors)
            seen = self._with(packet, packet.joint_pos + angle, packet.joint_vel + velocity)
            self._ahead[offsets_s] = self._chosen(seen, truth.ahead(offsets_s))
        return self._ahead[offsets_s]

    def _with(
        self, packet: MotionFrame, joint_pos: torch.Tensor, joint_vel: torch.Tensor
    ) -> MotionFrame:
        """The packet with other joints, and with the anchor where it seems to be."""
        both = torch.cat([joint_pos, joint_vel], dim=-1)
        joints = joint_pos.shape[-1]
        joint_pos, joint_vel = both[..., :joints], both[..., joints:]
        packet = replace(packet, joint_pos=joint_pos, joint_vel=joint_vel, joint_pos_vel=both)
        if not self._misplaced:
            return packet
        pos, quat, anchor = packet.body_pos_w.clone(), packet.body_quat_w.clone(), self._anchor
        extra = (1,) * (pos.ndim - 3)  # of the horizon
        pos[..., anchor, :] += self.interface.shift.view(-1, *extra, 3)
        turn = self.interface.turn.view(-1, *extra, 4)
        quat[..., anchor, :] = quat_multiply(turn, quat[..., anchor, :])
        return replace(packet, body_pos_w=pos, body_quat_w=quat)

    def _chosen(self, seen: MotionFrame, truth: MotionFrame) -> MotionFrame:
        """Seen where the clip comes through the interface, the truth elsewhere."""
        if self._affected is None:
            return seen
        rows = self._affected[self._truth.clip]
        return MotionFrame(
            **{
                field.name: torch.where(
                    rows.view(-1, *[1] * (getattr(truth, field.name).ndim - 1)),
                    getattr(seen, field.name),
                    getattr(truth, field.name),
                )
                for field in fields(MotionFrame)
            }
        )


class _GlobalGenerator:
    """Torch's own generator of a device, which the seed of the environment sets."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, device=self._device)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, device=self._device)

    def constant(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self._device)


def _affected_clips(truth: ReferenceView, groups: tuple[str, ...]) -> torch.Tensor:
    known = truth.library.group_names
    for name in groups:
        if name not in known:
            raise UnknownNameError("motion group", name, known)
    chosen = torch.tensor([name in groups for name in known], device=truth.library.device)
    return chosen[truth.library.clip_group]
