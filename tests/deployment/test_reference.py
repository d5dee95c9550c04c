import numpy as np
import pytest

from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference, clip_reference
from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.maths.rotations import quat_angle, quat_from_rotvec, quat_multiply, quat_rotate


def test_baked_and_computed_reference_agree(policy_file, reference):
    baked = baked_reference(OnnxPolicy(policy_file), "dip")
    assert (baked.name, baked.num_frames, baked.dt_s) == ("dip", 101, 0.02)
    for name in ("joint_pos", "joint_vel", "body_pos_w", "body_lin_vel_w", "body_ang_vel_w"):
        np.testing.assert_allclose(
            getattr(baked, name), getattr(reference, name), atol=1e-6, err_msg=name
        )


def test_a_clip_survives_baking(policy_file, dip, contract):
    clip = baked_reference(OnnxPolicy(policy_file)).to_clip(contract)
    assert clip.fps == dip.fps
    np.testing.assert_allclose(clip.joint_pos, dip.joint_pos, atol=1e-6)
    np.testing.assert_allclose(clip.root_pos, dip.root_pos, atol=1e-6)
    np.testing.assert_allclose(quat_angle(clip.root_quat_wxyz, dip.root_quat_wxyz), 0, atol=1e-3)


def test_unknown_clips_are_refused(policy_file):
    policy = OnnxPolicy(policy_file)
    with pytest.raises(UnknownNameError, match="did you mean 'dip'"):
        baked_reference(policy, "dipp")
    with pytest.raises(ContractError, match=r"0\.\.0"):
        baked_reference(policy, 1)


def test_aligning_moves_heading_and_xy_only(reference):
    anchor = 7
    tilted = quat_from_rotvec(np.array([0.2, -0.1, 0.0]))
    heading = quat_from_rotvec(np.array([0.0, 0.0, 2.5]))
    here = np.array([10.0, -4.0, 0.3])
    moved = reference.aligned(30, anchor, here, quat_multiply(heading, tilted))
    frame, before = moved.frames(30), reference.frames(30)
    np.testing.assert_allclose(frame.body_pos_w[anchor, :2], here[:2], atol=1e-12)
    np.testing.assert_allclose(moved.body_pos_w[..., 2], reference.body_pos_w[..., 2], atol=1e-12)
    # The clip's torso is upright, so a small tilt of the robot hardly changes the heading.
    forward = quat_rotate(frame.body_quat_w[anchor], np.array([1.0, 0.0, 0.0]))
    assert np.arctan2(forward[1], forward[0]) == pytest.approx(2.5, abs=0.02)
    upright = reference.aligned(30, anchor, here, heading).frames(30)
    assert quat_angle(upright.body_quat_w[anchor], heading) == pytest.approx(0, abs=1e-6)
    # Rigid: distances between bodies and joint angles do not change.
    for a, b in ((0, 3), (5, 12)):
        assert np.linalg.norm(frame.body_pos_w[a] - frame.body_pos_w[b]) == pytest.approx(
            np.linalg.norm(before.body_pos_w[a] - before.body_pos_w[b])
        )
    np.testing.assert_array_equal(moved.joint_pos, reference.joint_pos)


def test_velocities_turn_with_the_motion(reference):
    moved = reference.moved(quat_from_rotvec(np.array([0.0, 0.0, 1.0])), np.ones(2), np.zeros(2))
    numeric = np.gradient(moved.body_pos_w, moved.dt_s, axis=0)
    np.testing.assert_allclose(moved.body_lin_vel_w[1:-1], numeric[1:-1], atol=2e-3)


def test_frames_are_held_at_both_ends(reference):
    np.testing.assert_array_equal(reference.frames(999).joint_pos, reference.joint_pos[-1])
    np.testing.assert_array_equal(reference.frames(-3).joint_pos, reference.joint_pos[0])
    still = reference.frames(50).at_rest()
    assert not still.joint_vel.any() and not still.body_lin_vel_w.any()
    np.testing.assert_array_equal(still.joint_pos, reference.joint_pos[50])


def test_slow_clips_are_resampled_to_the_policy_rate(dip, contract):
    from dataclasses import replace

    slow = replace(
        dip,
        fps=25.0,
        root_pos=dip.root_pos[::2],
        root_quat_wxyz=dip.root_quat_wxyz[::2],
        joint_pos=dip.joint_pos[::2],
    )
    resampled = clip_reference(slow, contract)
    assert resampled.num_frames == pytest.approx(101, abs=1)
    np.testing.assert_allclose(resampled.joint_pos[:99], dip.joint_pos[:99], atol=2e-3)


def test_a_clip_of_another_robot_is_refused(dip, contract):
    from dataclasses import replace

    with pytest.raises(ContractError, match="'unitree_h1', the policy for 'unitree_g1'"):
        clip_reference(replace(dip, robot="unitree_h1"), contract)
