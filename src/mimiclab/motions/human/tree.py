"""World poses of a skeleton's joints, all frames at once, whatever format the angles come from."""

from collections.abc import Callable

import numpy as np

from mimiclab.maths.rotations import quat_multiply, quat_rotate

JointPose = tuple[np.ndarray, np.ndarray | None]
"""Position (3,) or (T, 3) in the parent's frame, and orientation (4,) or (T, 4), None if equal."""


CHUNK = 1024
"""Frames per pass, so that temporaries stay small and in the processor's cache."""


def world_poses(
    parents: tuple[int, ...], frames: int, local: Callable[[int, slice], JointPose]
) -> tuple[np.ndarray, np.ndarray]:
    """Chain every joint to its parent, which must come before it.

    Args:
        parents: index of each joint's parent, -1 for a root. Shape (B,).
        frames: number of frames T.
        local: pose of a joint in its parent's frame over a slice of the frames.

    Returns:
        Positions (T, B, 3) in the units of `local` and orientations wxyz (T, B, 4).
    """
    pos = np.empty((frames, len(parents), 3))
    quat = np.empty((frames, len(parents), 4))
    for start in range(0, frames, CHUNK):
        part = slice(start, min(start + CHUNK, frames))
        for joint, parent in enumerate(parents):
            offset, turn = local(joint, part)
            if parent < 0:
                pos[part, joint] = offset
                quat[part, joint] = (1.0, 0.0, 0.0, 0.0) if turn is None else turn
                continue
            above = quat[part, parent]
            reach = np.broadcast_to(offset, (len(above), 3))
            pos[part, joint] = pos[part, parent] + quat_rotate(above, reach)
            quat[part, joint] = above if turn is None else quat_multiply(above, turn)
    return pos, quat


def turn_about(axis: int, degrees: np.ndarray) -> np.ndarray:
    """Quaternion of a turn about x (0), y (1) or z (2). Shape (..., 4) for degrees (...)."""
    half = np.radians(degrees) * 0.5
    quat = np.zeros((*np.shape(degrees), 4))
    quat[..., 0] = np.cos(half)
    quat[..., 1 + axis] = np.sin(half)
    return quat


def turns_in_order(axes: tuple[int, ...], degrees: np.ndarray) -> np.ndarray | None:
    """Turns about the axes one after another, each about the axes already turned (intrinsic).

    Args:
        axes: 0, 1 or 2 for x, y, z; the first turn is applied outermost.
        degrees: shape (..., len(axes)).

    Returns:
        Quaternion wxyz (..., 4); None where there are no axes.
    """
    total = None
    for column, axis in enumerate(axes):
        turn = turn_about(axis, degrees[..., column])
        total = turn if total is None else quat_multiply(total, turn)
    return total


def bone_lengths(parents: tuple[int, ...], pos: np.ndarray) -> np.ndarray:
    """Distance of every joint from its parent, the mean over frames; 0 for roots. Shape (B,).

    Args:
        parents: shape (B,).
        pos: shape (T, B, 3).
    """
    lengths = np.zeros(len(parents))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            lengths[joint] = np.linalg.norm(pos[:, joint] - pos[:, parent], axis=-1).mean()
    return lengths


def longest_path(parents: tuple[int, ...], lengths: np.ndarray) -> float:
    """Longest way along the bones from one joint to another: the size of a body in any pose."""
    depth = np.zeros(len(parents))  # longest way down from each joint
    best = 0.0
    for joint in reversed(range(len(parents))):
        parent = parents[joint]
        if parent >= 0:
            way = depth[joint] + lengths[joint]
            best = max(best, way + depth[parent])
            depth[parent] = max(depth[parent], way)
    return float(best)
