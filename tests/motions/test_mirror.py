from dataclasses import replace

import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.synthesis import builtin_motion


def test_mirrored_wave_is_waved_by_the_other_hand(g1):
    clip = builtin_motion("wave")
    mirrored = mirror_clip(clip)
    assert mirrored.name == "wave_mirrored"
    a, b = body_motion(clip), body_motion(mirrored)
    ids = g1.mirror.body_ids
    flip = np.array([1.0, -1.0, 1.0])
    np.testing.assert_allclose(a.body_pos_w * flip, b.body_pos_w[:, ids], atol=1e-4)
    np.testing.assert_allclose(a.body_lin_vel_w * flip, b.body_lin_vel_w[:, ids], atol=1e-3)
    # Angular velocity is a pseudo-vector.
    np.testing.assert_allclose(a.body_ang_vel_w * -flip, b.body_ang_vel_w[:, ids], atol=1e-2)
    np.testing.assert_allclose(mirror_clip(mirrored).joint_pos, clip.joint_pos)


def test_columns_in_another_order_are_refused():
    clip = builtin_motion("stand")
    other = replace(clip, joint_names=clip.joint_names[::-1])
    with pytest.raises(RobotError, match="not those of unitree_g1"):
        mirror_clip(other)
