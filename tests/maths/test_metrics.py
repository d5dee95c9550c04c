import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.maths import metrics
from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply, quat_rotate

S = np.sin(np.pi / 8)
C = np.cos(np.pi / 8)
EIGHTH_TURN = np.array([C, 0.0, 0.0, S])  # 45 degrees about z
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


class State:
    def __init__(self, seed, n=3, b=4, j=5):
        rng = np.random.default_rng(seed)
        self.joint_pos = rng.normal(size=(n, j))
        self.joint_vel = rng.normal(size=(n, j))
        self.body_pos_w = rng.normal(size=(n, b, 3))
        self.body_quat_w = quat_from_rotvec(rng.normal(size=(n, b, 3)))
        self.body_lin_vel_w = rng.normal(size=(n, b, 3))
        self.body_ang_vel_w = rng.normal(size=(n, b, 3))


# Two bodies: the root is off by (0.3, 0.4, 0) = 0.5 m, the hand by (0.3, 0.4, 0) + (0, 0, 0.2).
REF_POS = np.array([[[0.0, 0.0, 0.8], [0.0, 0.5, 1.0]]])
POS = REF_POS + np.array([[[0.3, 0.4, 0.0], [0.3, 0.4, 0.2]]])


def test_global_mpjpe_by_hand():
    expected = 1000 * (0.5 + np.sqrt(0.25 + 0.04)) / 2
    assert metrics.mpjpe_global_mm(REF_POS, POS) == pytest.approx([expected])


def test_root_relative_mpjpe_by_hand():
    # The root's own error vanishes, the hand's is the 0.2 m that the root does not share.
    assert metrics.mpjpe_root_mm(REF_POS, POS) == pytest.approx([100.0])


def test_body_errors_stay_apart():
    assert metrics.body_position_error_mm(REF_POS, POS) == pytest.approx(
        np.array([[500.0, 1000 * np.sqrt(0.29)]])
    )


def test_orientation_error_by_hand():
    ref = np.array([[IDENTITY, IDENTITY]])
    robot = np.array([[EIGHTH_TURN, -IDENTITY]])  # -q is the same orientation as q
    assert metrics.orientation_error(ref, robot) == pytest.approx([np.pi / 8])
    assert metrics.anchor_orientation_error(ref[:, 0], robot[:, 0]) == pytest.approx([np.pi / 4])


def test_velocity_errors_by_hand():
    ref = np.zeros((1, 2, 3))
    robot = np.array([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]])
    assert metrics.velocity_error(ref, robot) == pytest.approx([3.0])
    assert metrics.angular_velocity_error(ref, robot) == pytest.approx([3.0])
    assert metrics.anchor_linear_velocity_error(ref[:, 0], robot[:, 0]) == pytest.approx([5.0])
    assert metrics.anchor_angular_velocity_error(ref[:, 1], robot[:, 1]) == pytest.approx([1.0])


def test_acceleration_error_by_hand():
    # The reference speeds up by 1 m/s in 0.02 s (50 m/s^2), the robot not at all.
    one = np.array([[[1.0, 0.0, 0.0]]])
    error = metrics.acceleration_error(2 * one, one, one, one, 0.02)
    assert error == pytest.approx([50.0])


def test_joint_errors_by_hand():
    assert metrics.joint_position_error(
        np.array([[0.1, -0.1]]), np.array([[0.2, 0.2]])
    ) == pytest.approx([0.2])
    assert metrics.joint_velocity_error(
        np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]])
    ) == pytest.approx([1.0])


def test_completion_by_hand():
    survived = np.array([1.0, 5.0, 5.02, 0.0])
    available = np.array([4.0, 5.0, 5.0, 0.0])
    assert metrics.completion(survived, available) == pytest.approx([0.25, 1.0, 1.0, 1.0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-3.1, 3.1), st.floats(-5, 5))
def test_errors_do_not_depend_on_where_the_world_is(seed, yaw, shift):
    ref, robot = State(seed), State(seed + 1)
    before = metrics.tracking_errors(ref, robot, anchor=2, previous=(robot, ref), dt_s=0.02)
    turn = quat_from_rotvec(np.array([0.0, 0.0, yaw]))
    for state in (ref, robot):
        state.body_pos_w = quat_rotate(turn, state.body_pos_w) + np.array([shift, -shift, 0.0])
        state.body_quat_w = quat_multiply(turn, state.body_quat_w)
        state.body_lin_vel_w = quat_rotate(turn, state.body_lin_vel_w)
        state.body_ang_vel_w = quat_rotate(turn, state.body_ang_vel_w)
    after = metrics.tracking_errors(ref, robot, anchor=2, previous=(robot, ref), dt_s=0.02)
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-6, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)))
def test_means_do_not_depend_on_the_order_of_bodies(order):
    ref, robot = State(1), State(2)
    shuffled = metrics.mpjpe_global_mm(ref.body_pos_w[:, order], robot.body_pos_w[:, order])
    np.testing.assert_allclose(shuffled, metrics.mpjpe_global_mm(ref.body_pos_w, robot.body_pos_w))


def test_a_perfect_robot_has_no_error():
    errors = metrics.tracking_errors(State(4), State(4), anchor=0)
    assert all(np.max(e) < 1e-9 for e in errors.values())


def test_the_table_names_exactly_the_errors_that_are_computed():
    ref, robot = State(1), State(2)
    errors = metrics.tracking_errors(ref, robot, anchor=1, previous=(ref, robot), dt_s=0.02)
    assert set(errors) == set(metrics.METRICS)
    assert all(value.shape == (3,) for value in errors.values())


def test_torch_and_numpy_agree():
    states = State(1), State(2)
    expected = metrics.tracking_errors(*states, anchor=1, previous=states, dt_s=0.02)
    for state in states:
        for name, value in vars(state).items():
            setattr(state, name, torch.from_numpy(value))
    for name, value in metrics.tracking_errors(
        *states, anchor=1, previous=states, dt_s=0.02
    ).items():
        assert isinstance(value, torch.Tensor)
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-12, err_msg=name)
