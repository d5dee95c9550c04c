import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.maths import metrics, mosaic_metrics
from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply, quat_rotate


class State:
    """Random bodies, anchor 0 roughly upright as a robot's."""

    def __init__(self, seed, n=3, b=4):
        rng = np.random.default_rng(seed)
        self.joint_pos = rng.normal(size=(n, 5))
        self.joint_vel = rng.normal(size=(n, 5))
        self.body_pos_w = rng.normal(size=(n, b, 3))
        self.body_quat_w = quat_from_rotvec(0.5 * rng.normal(size=(n, b, 3)))
        self.body_lin_vel_w = rng.normal(size=(n, b, 3))
        self.body_ang_vel_w = rng.normal(size=(n, b, 3))

    def moved(self, turn, shift):
        self.body_pos_w = quat_rotate(turn, self.body_pos_w) + shift
        self.body_quat_w = quat_multiply(turn, self.body_quat_w)
        self.body_lin_vel_w = quat_rotate(turn, self.body_lin_vel_w)
        self.body_ang_vel_w = quat_rotate(turn, self.body_ang_vel_w)
        return self


def yaw(angle):
    return quat_from_rotvec(np.array([0.0, 0.0, angle]))


def errors(ref, robot, **more):
    return mosaic_metrics.mosaic_errors(ref, robot, anchor=0, end_effectors=(1, 3), **more)


def test_anchor_velocity_is_compared_in_own_frames_by_hand():
    forward, north = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    ahead, left = yaw(0.0)[None], yaw(np.pi / 2)[None]
    # Both walk at 1 m/s straight ahead, the robot turned to the left.
    assert mosaic_metrics.anchor_velocity_error(ahead, forward, left, north) == pytest.approx(
        [0.0], abs=1e-12
    )
    # In the world those are at right angles.
    assert metrics.anchor_linear_velocity_error(forward, north) == pytest.approx([2**0.5])
    # Turned to the left but going the reference's way: its own velocity is (0, -1).
    found = mosaic_metrics.anchor_velocity_error(ahead, forward, left, forward)
    assert found == pytest.approx([2**0.5])


def test_position_error_by_hand():
    ref = np.array([[[0.0, 0.0, 0.8], [0.0, 0.5, 1.0]]])
    off = np.array([[[0.3, 0.4, 0.0], [0.0, 0.0, 0.1]]])
    found = mosaic_metrics.position_error(ref, ref + off)
    assert found == pytest.approx([0.3])


def test_re_anchored_errors_by_hand():
    """The robot stands 1 m aside, 0.1 m low; its hand, body 1, is 0.2 m further forward."""
    ref, robot = State(0, n=1), State(0, n=1)
    for state in (ref, robot):
        state.body_pos_w = np.array([[[0.0, 0, 0.8], [0.5, 0, 0.8], [0, 0, 1.3], [0, 0, 0.0]]])
        state.body_quat_w = np.tile([1.0, 0, 0, 0], (1, 4, 1))
    robot.body_pos_w = robot.body_pos_w + np.array([1.0, 0.0, -0.1])
    robot.body_pos_w[0, 1, 0] += 0.2
    found = errors(ref, robot)
    # Re-anchoring takes x and y away, and keeps the height.
    hand = np.sqrt(0.2**2 + 0.1**2)
    assert found["body_position_error"] == pytest.approx([(3 * 0.1 + hand) / 4])
    assert found["end_effector_error"] == pytest.approx([(hand + 0.1) / 2])
    world = np.sqrt(1.2**2 + 0.1**2), np.sqrt(1 + 0.1**2)
    assert found["end_effector_error_w"] == pytest.approx([sum(world) / 2])
    assert found["body_orientation_error"] == pytest.approx([0.0])


def test_stumbling_by_hand():
    force = np.array(
        [
            [[3.0, 0.0, 1.0], [0.0, 0.0, 200.0]],  # 3 sideways over 1 upwards: no
            [[3.0, 4.0, 1.0], [0.0, 0.0, 200.0]],  # 5 over 1: yes
            [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],  # both in the air: no
            [[0.0, 0.0, 0.0], [0.0, -9.0, -2.0]],  # pulled down by an edge: yes
        ]
    )
    assert mosaic_metrics.feet_stumble(force).tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("rotvec", "fallen"),
    [
        ((1.19, 0, 0), False), ((1.21, 0, 0), True), ((-1.21, 0, 0), True),
        ((0, 1.19, 0), False), ((0, 1.21, 0), True), ((0, -1.6, 0), True), ((0, 0, 3.0), False),
    ],
)  # fmt: skip
def test_falls_by_hand(rotvec, fallen):
    assert mosaic_metrics.has_fallen(quat_from_rotvec(np.array([rotvec]))).tolist() == [fallen]


@settings(max_examples=50, deadline=None)
@given(*[st.floats(-1.5, 1.5)] * 2, st.floats(-3.1, 3.1))
def test_roll_and_pitch_come_back_whatever_the_heading(roll, pitch, heading):
    parts = [np.array(v) for v in ([0, 0, heading], [0, pitch, 0], [roll, 0, 0])]
    q = quat_from_rotvec(parts[0])
    for part in parts[1:]:
        q = quat_multiply(q, quat_from_rotvec(part))
    np.testing.assert_allclose(mosaic_metrics.roll_pitch(q), (roll, pitch), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-3.1, 3.1), st.floats(-5, 5))
def test_errors_do_not_depend_on_where_the_world_is(seed, angle, shift):
    ref, robot = State(seed), State(seed + 1)
    # The published re-anchoring takes the heading of the rotation between the anchors, which only
    # follows a turn of the world exactly where that rotation has no tilt.
    robot.body_quat_w[:, 0] = quat_multiply(yaw(0.7), ref.body_quat_w[:, 0])
    before = errors(ref, robot)
    move = np.array([shift, -shift, 0.0])
    after = errors(ref.moved(yaw(angle), move), robot.moved(yaw(angle), move))
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-6, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-3.1, 3.1), st.floats(-5, 5))
def test_a_robot_that_only_went_elsewhere_has_world_errors_alone(seed, angle, shift):
    """Relative errors forgive place and heading of the robot; those of the world do not."""
    ref, robot = State(seed), State(seed).moved(yaw(angle), np.array([shift, -shift, 0.0]))
    found = errors(ref, robot)
    for name in ("anchor_velocity_error", "body_position_error", "body_orientation_error",
                 "end_effector_error"):  # fmt: skip
        # Angles near zero come from an arc cosine of nearly one.
        np.testing.assert_allclose(found[name], 0.0, atol=1e-5, err_msg=name)
    if abs(shift) > 1 and abs(angle) < 0.01:
        assert (found["end_effector_error_w"] > 0.9).all()


def test_the_table_names_exactly_the_errors_that_are_computed():
    found = errors(State(1), State(2), feet_force_w=np.ones((3, 2, 3)))
    assert set(found) == set(mosaic_metrics.MOSAIC_METRICS)
    assert all(value.shape == (3,) for value in found.values())
    known = {*metrics.METRICS, *mosaic_metrics.MOSAIC_METRICS}
    assert set(mosaic_metrics.MOSAIC_TABLE) <= known
    assert set(mosaic_metrics.SYMBOLS.values()) <= known
    assert set(mosaic_metrics.MOSAIC_METRICS) <= set(mosaic_metrics.MOSAIC_TABLE)
    assert not set(metrics.METRICS) & set(mosaic_metrics.MOSAIC_METRICS)


def test_without_forces_or_hands_their_numbers_are_left_out():
    found = mosaic_metrics.mosaic_errors(State(1), State(2), anchor=0, end_effectors=())
    assert not {"feet_stumble", "end_effector_error", "end_effector_error_w"} & set(found)


def test_the_papers_letters():
    assert mosaic_metrics.metric_key("E_AP") == "anchor_position_error"
    assert mosaic_metrics.metric_key("mpjpe_root_mm") == "mpjpe_root_mm"


def test_torch_and_numpy_agree():
    states, force = (State(1), State(2)), np.random.default_rng(0).normal(size=(3, 2, 3))
    expected = errors(*states, feet_force_w=force)
    for state in states:
        for name, value in vars(state).items():
            setattr(state, name, torch.from_numpy(value))
    for name, value in errors(*states, feet_force_w=torch.from_numpy(force)).items():
        assert isinstance(value, torch.Tensor)
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-12, err_msg=name)
