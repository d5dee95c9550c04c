"""Built-in motions of robots other than the G1."""

import numpy as np
import pytest

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.ground import foot_points, lowest_height
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot


@pytest.mark.parametrize(
    ("robot", "motions"),
    [
        ("unitree_h1", ["stand", "squat", "wave"]),
        ("unitree_h1_2", ["wave", "walk", "side_step"]),
        ("booster_t1", ["squat", "walk"]),
        ("booster_t1_29", ["bow", "turn"]),
        ("booster_k1", ["squat", "march", "turn"]),
        ("pnd_adam_lite", ["wave", "walk", "kick"]),
    ],
)
def test_feet_stay_on_the_ground_and_joints_in_their_limits(robot, motions):
    description = get_robot(robot)
    low, high = description.joint_limits.T
    for name in motions:
        clip = builtin_motion(name, robot)
        assert clip.robot == robot
        assert (clip.joint_pos > low - 1e-4).all() and (clip.joint_pos < high + 1e-4).all()
        motion = body_motion(clip)
        heights = np.array([lowest_height(motion, foot) for foot in foot_points(description)])
        assert np.abs(heights.min(axis=0)).max() < 2e-3
        if name in ("march", "walk", "kick"):
            assert heights.max() > 0.04


def test_small_robot_takes_smaller_steps():
    with pytest.raises(MotionError, match="misses its place"):
        builtin_motion("walk", "booster_k1")
    clip = builtin_motion("walk", "booster_k1", step_length=0.1)
    assert clip.root_pos[-1, 0] - clip.root_pos[0, 0] == pytest.approx(0.5, abs=0.02)


def test_what_a_robot_lacks_is_named():
    with pytest.raises(RobotError, match="booster_k1 has no joint 'right_shoulder_yaw_joint'"):
        builtin_motion("wave", "booster_k1")
    # Without ankle roll flat feet do not allow the hips to sway.
    with pytest.raises(MotionError, match="left_ankle_link misses its place"):
        builtin_motion("march", "unitree_h1")
