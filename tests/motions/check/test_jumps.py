"""Breaks of a motion: made by hand at known frames, and none in smooth fast motion."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.motions.check.jumps import Jump, Spike, joint_jumps, joint_spikes, root_jumps
from mimiclab.motions.synthesis import builtin_motion


def wave(frames: int = 60, joints: int = 3) -> np.ndarray:
    t = np.arange(frames) / 50.0
    return 0.3 * np.sin(2.0 * t[:, None] + np.arange(joints))


def test_a_step_is_found_where_it_was_put() -> None:
    angles = wave()
    angles[20:, 1] += 0.8
    (jump,) = joint_jumps(angles)
    size = angles[20, 1] - angles[19, 1]
    assert jump == Jump(1, 19, 20, size) and abs(size - 0.8) < 0.02
    assert not joint_spikes(angles)


def test_a_step_over_two_frames_is_found_as_one() -> None:
    angles = np.zeros((30, 2))
    angles[10:, 0] += 1.0
    angles[11:, 0] += 1.1
    (jump,) = joint_jumps(angles)
    assert (jump.joint, jump.before, jump.after) == (0, 9, 11) and abs(jump.size - 2.1) < 1e-12


def test_spikes_of_one_to_three_frames_and_not_of_four() -> None:
    for length in (1, 2, 3):
        angles = wave()
        angles[30 : 30 + length, 2] -= 0.9
        assert joint_spikes(angles) == [Spike(2, 30, 29 + length, joint_spikes(angles)[0].size)]
        assert abs(joint_spikes(angles)[0].size - 0.9) < 0.05
        assert not joint_jumps(angles) or length > 1  # the sides of long ones are steps too
    angles = wave()
    angles[30:34, 2] -= 0.9
    assert not joint_spikes(angles)


@settings(max_examples=50, deadline=None)
@given(rate=st.floats(0.1, 3.0), size=st.floats(0.01, 1.5), phase=st.floats(0.0, 6.3))
def test_smooth_motion_has_no_breaks(rate: float, size: float, phase: float) -> None:
    """Up to 3 Hz and 1.5 rad, faster than any motor, sampled 30 times a second."""
    t = np.arange(90) / 30.0
    angles = size * np.sin(2.0 * np.pi * rate * t + phase)[:, None]
    assert not joint_jumps(angles) and not joint_spikes(angles)


def test_root_that_teleports_or_steps() -> None:
    walk = builtin_motion("walk")
    assert not len(root_jumps(walk))
    shifted = walk.root_pos.copy()
    shifted[40:] += [0.15, 0.0, 0.0]  # 7.5 m/s: possible for a root, but not in one frame
    assert root_jumps(replace(walk, root_pos=shifted)).tolist() == [39]
    shifted[70:] += [0.0, 4.0, 0.0]
    assert root_jumps(replace(walk, root_pos=shifted)).tolist() == [39, 69]


def test_clips_too_short_to_break() -> None:
    for frames in (1, 2, 3):
        assert (
            joint_jumps(np.zeros((frames, 2))) == [] and joint_spikes(np.zeros((frames, 2))) == []
        )
    assert not len(root_jumps(builtin_motion("stand").cut(0, 1)))
