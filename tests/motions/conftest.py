"""A short motion that every test of this room can bend to its purpose."""

import numpy as np
import pytest

from mimiclab.motions.clip import MotionClip
from mimiclab.robots import Robot


def make_clip(g1: Robot, *, frames: int = 40, fps: float = 50.0, name: str = "sway") -> MotionClip:
    """All joints at different angles inside their limits, walking and turning; feet near z = 0."""
    t = np.arange(frames) / fps
    low, high = np.clip(g1.joint_limits, -1.0, 1.0).T
    # Different rates and amplitudes for each joint, so that no two joints can be mistaken.
    swing = 0.3 + 0.3 * np.sin(2.0 * t[:, None] + np.arange(g1.num_joints))
    half = 0.3 * t
    zero = np.zeros_like(t)
    return MotionClip(
        name=name,
        robot=g1.name,
        fps=fps,
        joint_names=g1.joint_names,
        root_pos=np.stack([0.5 * t, 0.1 * np.sin(t), np.full_like(t, 0.78)], axis=1),
        root_quat_wxyz=np.stack([np.cos(half), zero, zero, np.sin(half)], axis=1),
        joint_pos=low + swing * (high - low),
        source="made for a test",
        licence="CC0-1.0",
        tags=("test", "sway"),
    )


@pytest.fixture(scope="session")
def sway(g1: Robot) -> MotionClip:
    return make_clip(g1)
