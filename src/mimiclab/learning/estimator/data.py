"""Windows of clips and the velocity of the anchor at their ends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from mimiclab.errors import MotionError, RobotError
from mimiclab.learning.estimator.model import WindowLayout
from mimiclab.maths.rotations import quat_rotate_inverse
from mimiclab.motions.library import MotionFrame, MotionLibrary
from mimiclab.motions.mirror import MIRRORED
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.received import ReceivedReference
from mimiclab.tasks.tracking.reference import ReferenceView

_SEGMENT_S = 10.0
"""Clips are streamed through an interface in pieces of at most this, as episodes are."""
_SEGMENTS_AT_ONCE = 256


@dataclass(kw_only=True)
class Windows:
    """Frames of many clips, from which windows are gathered; none crosses the border of a clip.

    A window that begins before its clip repeats the clip's first frame, as the history of an
    observation does after a reset.
    """

    layout: WindowLayout
    frames: torch.Tensor
    """What is observed, (F, frame size)."""
    velocity: torch.Tensor
    """True linear velocity of the anchor in its own frame, m/s, (F, 3)."""
    first: torch.Tensor
    """First frame of the clip (or piece of it) that each belongs to, (F,) long."""
    clip: torch.Tensor
    """Clip of each frame, (F,) long."""
    rows: torch.Tensor
    """Frames at which a usable window ends, (R,) long."""

    def window(self, rows: torch.Tensor, age: torch.Tensor | None = None) -> torch.Tensor:
        """Windows that end at some frames, (B, input size).

        Args:
            rows: the frames, (B,).
            age: frames since the reset of each, (B,); older ones repeat the one of the reset.
        """
        first = self.first[rows]
        if age is not None:
            first = torch.maximum(first, rows - age)
        back = torch.arange(1 - self.layout.history, 1, device=rows.device)
        return self.layout.window(self.frames[torch.maximum(rows[:, None] + back, first[:, None])])


def window_layout(
    library: MotionLibrary, *, fps: float, history: int, command_velocity: bool = True
) -> WindowLayout:
    """The layout of a library's windows at a control rate."""
    return WindowLayout(
        robot=library.robot,
        joint_names=tuple(library.joint_names),
        fps=float(fps),
        history=history,
        command_velocity=command_velocity,
    )


def clip_windows(
    library: MotionLibrary,
    layout: WindowLayout,
    clips: Sequence[int],
    *,
    max_speed: float = 10.0,
    interface: InterfaceCfg | None = None,
    seed: int = 0,
) -> Windows:
    """Windows of some clips, sampled at the layout's rate.

    Args:
        library: the clips; those of other rates are interpolated.
        layout: what a window holds.
        clips: which, by number.
        max_speed: windows with a frame at this speed of the anchor or above are left out, m/s.
        interface: what the reference comes through; the velocity stays the true one.
        seed: of the interface's delays, losses and noise.

    Raises:
        MotionError: no usable window.
        RobotError: clips of another robot.
    """
    layout_of_library = window_layout(
        library,
        fps=layout.fps,
        history=layout.history,
        command_velocity=layout.command_velocity,
    )
    if layout_of_library != layout:
        require_layout(layout_of_library, layout, "the motions")
    anchor = library.body_names.index(get_robot(library.robot).anchor_body)
    perfect = interface is None or interface.is_perfect
    piece_s = float(library.durations_s.max()) + 1.0 if perfect else _SEGMENT_S
    pieces = _pieces(library, clips, layout.fps, piece_s)
    if perfect:
        parts = [_seen(library, layout, anchor, *piece) for piece in pieces]
    else:
        assert interface is not None
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            parts = [
                part
                for i in range(0, len(pieces), _SEGMENTS_AT_ONCE)
                for part in _received(
                    library, layout, anchor, pieces[i : i + _SEGMENTS_AT_ONCE], interface
                )
            ]
    lengths = torch.tensor([len(frames) for frames, _ in parts])
    starts = lengths.cumsum(0) - lengths
    first = starts.repeat_interleave(lengths)
    velocity = torch.cat([part[1] for part in parts])
    windows = Windows(
        layout=layout,
        frames=torch.cat([part[0] for part in parts]),
        velocity=velocity,
        first=first,
        clip=torch.tensor([piece[0] for piece in pieces]).repeat_interleave(lengths),
        rows=_usable(velocity.norm(dim=-1) < max_speed, first, layout.history),
    )
    if not len(windows.rows):
        raise MotionError(
            f"none of {len(velocity)} frames can be learnt from: the anchor moves at {max_speed:g} "
            "m/s or more everywhere; check the motions with `mimiclab motion check`"
        )
    return windows


def joined(parts: list[Windows]) -> Windows:
    """Several sets of windows as one."""
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part.frames))
    pairs = list(zip(parts, starts, strict=False))
    return Windows(
        layout=parts[0].layout,
        frames=torch.cat([part.frames for part in parts]),
        velocity=torch.cat([part.velocity for part in parts]),
        first=torch.cat([part.first + start for part, start in pairs]),
        clip=torch.cat([part.clip for part in parts]),
        rows=torch.cat([part.rows + start for part, start in pairs]),
    )


def split_clips(names: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the clips to train on and to validate with; mirror images stay together.

    Raises:
        MotionError: a single clip, of which nothing could be kept from training.
    """
    if share == 0.0:
        return list(range(len(names))), []
    originals = sorted({name.removesuffix(MIRRORED) for name in names})
    if len(originals) < 2:
        raise MotionError(
            f"{len(names)} clip cannot be split into training and validation; give more clips, or "
            "keep none for validation (--validation 0)"
        )
    order = np.random.default_rng(seed).permutation(len(originals))
    kept = {originals[i] for i in order[: min(len(order) - 1, math.ceil(share * len(order)))]}
    chosen = [name.removesuffix(MIRRORED) in kept for name in names]
    train = [i for i, is_kept in enumerate(chosen) if not is_kept]
    return train, [i for i, is_kept in enumerate(chosen) if is_kept]


def require_layout(given: WindowLayout, expected: WindowLayout, what: str) -> None:
    """Refuse windows of another robot, rate or content than an estimator was trained on.

    Raises:
        RobotError: they differ; the message says in what.
    """
    lines = []
    for name in ("robot", "fps", "history", "command_velocity"):
        mine, theirs = getattr(expected, name), getattr(given, name)
        if mine != theirs:
            lines.append(f"{name}: {mine} in the estimator, {theirs} in {what}")
    if not lines and given.joint_names != expected.joint_names:
        pairs = zip(expected.joint_names, given.joint_names, strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), None)
        lines.append(
            f"joints: {len(expected.joint_names)} in the estimator, {len(given.joint_names)} in "
            f"{what}" + (f"; the first that differs is {first[0]}, not {first[1]}" if first else "")
        )
    if lines:
        raise RobotError(
            "the velocity estimator was trained for other windows:\n  "
            + "\n  ".join(lines)
            + "\nTrain one for these with `mimiclab train estimator`"
        )


def _pieces(
    library: MotionLibrary, clips: Sequence[int], fps: float, longest_s: float
) -> list[tuple[int, float, int]]:
    """Clip, start time (s) and number of frames of each piece."""
    found = []
    for clip in clips:
        count = int(float(library.durations_s[clip]) * fps + 1e-6) + 1
        most = max(1, int(longest_s * fps))
        found += [(clip, i / fps, min(most, count - i)) for i in range(0, count, most)]
    return found


def _seen(
    library: MotionLibrary, layout: WindowLayout, anchor: int, clip: int, start_s: float, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames (T, frame size) and velocities (T, 3) of a piece, without an interface."""
    times = start_s + torch.arange(count, dtype=torch.float64, device=library.device) / layout.fps
    frame = library.frames(torch.full_like(times, clip, dtype=torch.long), times)
    return _observed(frame, layout, anchor).cpu(), _velocity(frame, anchor).cpu()


def _received(
    library: MotionLibrary,
    layout: WindowLayout,
    anchor: int,
    pieces: Sequence[tuple[int, float, int]],
    interface: InterfaceCfg,
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The same of pieces streamed through an interface, side by side, step by step."""
    device = library.device
    clip = torch.tensor([piece[0] for piece in pieces], device=device)
    start_s = torch.tensor([piece[1] for piece in pieces], dtype=torch.float64, device=device)
    scene = SimpleNamespace(env_origins=torch.zeros(len(pieces), 3, device=device))
    truth = ReferenceView(library, scene, 1.0 / layout.fps)
    truth.update(clip, start_s)
    received = ReceivedReference(truth, interface, (), time_s=start_s, anchor=anchor)
    frames, velocities = [], []
    for step in range(max(piece[2] for piece in pieces)):
        truth.update(clip, start_s + step / layout.fps)
        received.update()
        frames.append(_observed(received.frame, layout, anchor).cpu())
        velocities.append(_velocity(truth.frame, anchor).cpu())
    all_frames, all_velocities = torch.stack(frames, 1), torch.stack(velocities, 1)
    counts = [piece[2] for piece in pieces]
    return [(all_frames[i, :n], all_velocities[i, :n]) for i, n in enumerate(counts)]


def _observed(frame: MotionFrame, layout: WindowLayout, anchor: int) -> torch.Tensor:
    """The observation terms `command` and `ref_projected_gravity` side by side."""
    quat = frame.body_quat_w[:, anchor]
    gravity = quat_rotate_inverse(quat, quat.new_tensor([[0.0, 0.0, -1.0]]))
    command = frame.joint_pos_vel if layout.command_velocity else frame.joint_pos
    return torch.cat([command, gravity], dim=-1)


def _velocity(frame: MotionFrame, anchor: int) -> torch.Tensor:
    """The observation term `ref_base_lin_vel`."""
    return quat_rotate_inverse(frame.body_quat_w[:, anchor], frame.body_lin_vel_w[:, anchor])


def _usable(slow: torch.Tensor, first: torch.Tensor, history: int) -> torch.Tensor:
    """Frames whose whole window is slow, (R,)."""
    rows = torch.arange(len(slow))
    back = torch.arange(1 - history, 1)
    inside = torch.maximum(rows[:, None] + back, first[:, None])
    return slow[inside].all(dim=1).nonzero().flatten()
