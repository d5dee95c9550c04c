"""Rows of a motion library in a bit more than half the space: 16 bits for most numbers.

    root position        float32   a robot may walk far
    joint angles         float32   they are the command
    other positions      16-bit fixed point, relative to the root, step 4 m / 32767
    quaternions          16-bit fixed point, step 1 / 32767
    all velocities       float16, relative error at most 2^-11

Float16 would be worse where values are bounded: half a millimetre at 1 m and half a milliradian for
orientations, against a sixteenth of a millimetre and of a milliradian here; docs/libraries.md
has the measured errors. A row of the G1 takes 544 bytes instead of 960.
"""

import torch

from mimiclab.errors import MotionError
from mimiclab.motions.library.frame import RowLayout

REACH_M = 4.0
"""Farthest that a body may be from the root along an axis, m."""
_STEPS = 32767.0


def half_width(layout: RowLayout) -> int:
    """16-bit words in a row; even, so that float32 parts of the next row are aligned."""
    words = 2 * (3 + layout.joints) + layout.joints + 3 * (layout.bodies - 1) + 10 * layout.bodies
    return words + words % 2


def to_half(rows: torch.Tensor, layout: RowLayout) -> torch.Tensor:
    """Float32 rows (N, layout.width) as 16-bit words (N, half_width), int16.

    Raises:
        MotionError: a body farther from the root than `REACH_M`, or a number that is not finite or
            too large for float16.
    """
    frame = layout.split(rows)
    root = frame.body_pos_w[:, :1]
    relative = frame.body_pos_w[:, 1:] - root
    farthest = float(relative.abs().max()) if relative.numel() else 0.0
    if not farthest <= REACH_M:
        raise MotionError(
            f"a body is {farthest:.3g} m from the root along an axis; half precision stores up to "
            f"{REACH_M:g} m, so check the clip or store this library in full precision"
        )
    velocities = torch.cat(
        [frame.joint_vel, frame.body_lin_vel_w.flatten(1), frame.body_ang_vel_w.flatten(1)], dim=1
    ).to(torch.float16)
    if not bool(velocities.isfinite().all() and rows.isfinite().all()):
        raise MotionError(
            "a velocity is not finite or above 65504, more than half precision can store; "
            "check the clip with `mimiclab motion check`"
        )
    exact = torch.cat([root.flatten(1), frame.joint_pos], dim=1)
    # Quaternions as all w, all x, ...: then they are normalised in long runs.
    quat = frame.body_quat_w.transpose(1, 2).flatten(1)
    fixed = torch.cat([relative.flatten(1) / REACH_M, quat], dim=1)
    words = torch.cat(
        [
            exact.contiguous().view(torch.int16),
            (fixed * _STEPS).round().to(torch.int16),
            velocities.view(torch.int16),
        ],
        dim=1,
    )
    return torch.nn.functional.pad(words, (0, half_width(layout) - words.shape[1]))


def from_half(words: torch.Tensor, layout: RowLayout) -> torch.Tensor:
    """16-bit words (N, half_width) as float32 rows (N, layout.width); quaternions of length 1.

    Every operation is one rounding of IEEE arithmetic, so all machines agree to the last bit and
    the content hash of a library does not depend on how it is held.
    """
    joints, bodies = layout.joints, layout.bodies
    ends = [2 * (3 + joints), 3 * (bodies - 1), 4 * bodies, joints + 6 * bodies]
    padding = words.shape[1] - sum(ends)
    exact, relative, quat, velocity, _ = words.split([*ends, padding], dim=1)
    exact = exact.view(torch.float32)
    velocity = velocity.view(torch.float16)
    rows = torch.empty(len(words), layout.width, dtype=torch.float32, device=words.device)
    frame = layout.split(rows)
    frame.joint_pos.copy_(exact[:, 3:])
    frame.joint_vel.copy_(velocity[:, :joints])
    rows[:, -6 * bodies :].copy_(velocity[:, joints:])
    root = exact[:, None, :3]
    frame.body_pos_w[:, :1] = root
    away = relative.to(torch.float32) * (REACH_M / _STEPS)
    torch.add(away.unflatten(1, (bodies - 1, 3)), root, out=frame.body_pos_w[:, 1:])
    given = quat.to(torch.float32).unflatten(1, (4, bodies))
    square = given * given
    # Added one by one: a sum over an axis may be ordered differently on another machine.
    length = (square[:, 0] + square[:, 1] + square[:, 2] + square[:, 3]).sqrt_().clamp_(min=1e-9)
    torch.div(given, length[:, None], out=frame.body_quat_w.transpose(1, 2))
    return rows
