"""Two short clips of standing with moving arms, packed as a library."""

import numpy as np
import pytest

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.groups import joined_groups


def _arms(robot, name: str, seconds: float, size: float) -> MotionClip:
    frames = round(50 * seconds) + 1
    t = np.arange(frames) / 50.0
    joints = np.tile(robot.default_pose, (frames, 1))
    for side in ("left", "right"):
        joints[:, robot.joint_names.index(f"{side}_elbow_joint")] += size * np.sin(np.pi * t)
    return MotionClip(
        name=name, robot=robot.name, fps=50.0, joint_names=robot.joint_names,
        root_pos=np.tile([0.5, 0.2, 0.763], (frames, 1)),
        root_quat_wxyz=np.tile([1.0, 0, 0, 0], (frames, 1)), joint_pos=joints,
    )  # fmt: skip


@pytest.fixture(scope="session")
def library(g1) -> MotionLibrary:
    clips = [_arms(g1, "short", 0.6, 0.2), _arms(g1, "long", 1.6, 0.3)]
    return MotionLibrary.from_clips(clips, robot=g1, fps=50)


@pytest.fixture(scope="session")
def grouped(g1) -> MotionLibrary:
    """The short clip in group `arms`, the long one in group `stand`."""
    parts = {"arms": _arms(g1, "short", 0.6, 0.2), "stand": _arms(g1, "long", 1.6, 0.3)}
    return joined_groups(
        {name: MotionLibrary.from_clips([clip], robot=g1, fps=50) for name, clip in parts.items()}
    )


@pytest.fixture(scope="session")
def endless(g1) -> MotionLibrary:
    """A clip longer than training episodes."""
    return MotionLibrary.from_clips([_arms(g1, "endless", 12.0, 0.2)], robot=g1, fps=50)
