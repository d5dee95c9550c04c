"""A short motion that every test of this room can bend to its purpose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mimiclab.motions.clip import MotionClip
from mimiclab.robots import Robot, get_robot


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


@pytest.fixture(scope="session")
def clip_of(sway: MotionClip) -> Callable[[str], MotionClip]:
    """The motion as a format can hold it: by its robot, or without the wrists' angles."""

    def clip(format_name: str) -> MotionClip:
        if format_name.startswith("cmu_"):
            # AMC files are taken for 120 frames a second, as they do not say.
            fps = 120.0 if format_name == "cmu_amc" else 50.0
            return make_clip(get_robot("dm_cmu_humanoid"), fps=fps)
        if format_name == "asap_pkl":
            still = ["wrist" in name for name in sway.joint_names]
            return replace(sway, joint_pos=np.where(still, 0.0, sway.joint_pos))
        return sway

    return clip
