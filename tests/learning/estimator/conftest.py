"""Three clips whose anchor velocity is known by construction."""

import numpy as np
import pytest

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.library import MotionLibrary


def glide(robot, name, seconds, speed, *, elbow=0.0, yaw=0.0):
    """The default pose, gliding along its heading; the elbow tells the speed."""
    frames = round(50 * seconds) + 1
    t = np.arange(frames) / 50.0
    joints = np.tile(robot.default_pose, (frames, 1))
    joints[:, robot.joint_names.index("left_elbow_joint")] += elbow
    heading = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    return MotionClip(
        name=name, robot=robot.name, fps=50.0, joint_names=robot.joint_names,
        root_pos=np.array([0.0, 0.0, 0.8]) + speed * t[:, None] * heading,
        root_quat_wxyz=np.tile([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)], (frames, 1)),
        joint_pos=joints,
    )  # fmt: skip


@pytest.fixture(scope="session")
def gliding(g1) -> MotionLibrary:
    """Speeds 0 to 1 m/s told by the elbow, in all directions."""
    clips = [glide(g1, f"glide{i}", 0.4, i / 11, elbow=i / 11, yaw=0.7 * i) for i in range(12)]
    return MotionLibrary.from_clips(clips, robot=g1, fps=50)
