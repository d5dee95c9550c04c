import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.maths.frames import bodies_in_frame, reanchor, relative_pose
from mimiclab.maths.rotations import (
    quat_from_rotvec,
    quat_multiply,
    quat_normalize,
    quat_rotate,
    quat_to_rot6d,
)

seeds = st.integers(0, 2**32 - 1)


def yaw(angle: float) -> np.ndarray:
    return quat_from_rotvec(np.array([0.0, 0.0, angle]))


def poses(seed: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*shape, 3)), quat_normalize(rng.normal(size=(*shape, 4)))


def test_reanchor_by_hand():
    # The robot stands at (1, 2), turned left by 90 degrees; the reference body is 1 m ahead.
    pos, quat = reanchor(
        np.array([[1.0, 2.0, 0.5]]), yaw(np.pi / 2)[None],
        np.array([[5.0, 5.0, 0.8]]), yaw(0.0)[None],
        np.array([[[6.0, 5.0, 0.9]]]), yaw(0.0)[None, None],
    )  # fmt: skip
    assert np.allclose(pos, [[[1.0, 3.0, 0.9]]])
    assert np.allclose(quat, yaw(np.pi / 2))


@given(seeds, st.floats(-3, 3))
def test_turning_and_moving_the_robot_turns_and_moves_the_target(seed, angle):
    robot, ref, bodies = poses(seed, 2), poses(seed + 1, 2), poses(seed + 2, 2, 4)
    turn, shift = yaw(angle), np.array([3.0, -2.0, 0.0])

    def move(p, q):
        return quat_rotate(turn, p) + shift, quat_multiply(turn * np.ones_like(q), q)

    before = move(*reanchor(*robot, *ref, *bodies))
    after = reanchor(*move(*robot), *ref, *bodies)
    assert np.allclose(before[0], after[0])
    assert np.allclose(np.abs(np.sum(before[1] * after[1], axis=-1)), 1.0)


@given(seeds, st.floats(-3, 3))
def test_where_an_upright_reference_stands_and_looks_does_not_matter(seed, angle):
    # With a tilted anchor the published formula depends slightly on the reference's heading.
    robot = (np.zeros((1, 3)), yaw(0.4)[None])
    ref = (np.array([[1.0, 2.0, 0.8]]), yaw(-0.2)[None])
    bodies = poses(seed, 1, 4)
    turn, shift = yaw(angle), np.array([3.0, -2.0, 0.0])

    def move(p, q):
        return quat_rotate(turn, p) + shift, quat_multiply(turn * np.ones_like(q), q)

    before = reanchor(*robot, *ref, *bodies)
    after = reanchor(*robot, *move(*ref), *move(*bodies))
    assert np.allclose(before[0], after[0])
    assert np.allclose(np.abs(np.sum(before[1] * after[1], axis=-1)), 1.0)


@given(seeds)
def test_relative_pose_undoes_the_frame(seed):
    (p, q), (p2, q2) = poses(seed, 3), poses(seed + 1, 3)
    local_p, local_q = relative_pose(p, q, p2, q2)
    assert np.allclose(p + quat_rotate(q, local_p), p2)
    assert np.allclose(quat_multiply(q, local_q), q2)


@given(seeds)
def test_bodies_in_frame_equal_relative_pose_as_columns(seed):
    (pos, quat), bodies = poses(seed, 2), poses(seed + 1, 2, 5)
    got_pos, got_ori = bodies_in_frame(pos, quat, *bodies)
    expected_pos, expected_quat = relative_pose(
        pos[:, None], quat[:, None] * np.ones((1, 5, 1)), *bodies
    )
    assert np.allclose(got_pos, expected_pos)
    assert np.allclose(got_ori, quat_to_rot6d(expected_quat))
