"""Every formula against a value computed by hand, and the invariances that must hold."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply, quat_normalize, quat_rotate
from mimiclab.motions.library import MotionFrame
from mimiclab.tasks import formulas
from mimiclab.tasks.tracking import rewards, terminations
from mimiclab.tasks.tracking.mdp.curriculum import averaged, moved_scale
from mimiclab.tasks.tracking.metrics import METRIC_NAMES, step_metrics
from mimiclab.tasks.tracking.state import TrackingState, link_velocity

N, B, J = 3, 5, 4
seeds = st.integers(0, 2**31 - 1)


def axis(angle: float, *direction: float) -> torch.Tensor:
    return quat_from_rotvec(angle * torch.tensor(direction, dtype=torch.float64))


def test_gaussian_takes_the_mean_before_the_exponential():
    errors = torch.tensor([[0.0, 0.18]])  # squared errors of two bodies
    assert float(rewards.gaussian(errors, 0.3)) == pytest.approx(math.exp(-0.09 / 0.09))
    assert float(rewards.gaussian(torch.tensor([0.32]), 0.4)) == pytest.approx(math.exp(-2))
    assert float(rewards.gaussian(torch.zeros(1, 14), 0.3)) == 1.0


def test_action_rate_by_hand():
    got = formulas.action_rate(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 1.0]]))
    assert got.tolist() == [0.25 + 9.0]


def test_limit_excess_by_hand():
    joints = torch.tensor([[-1.2, 0.0, 2.5]])
    lower, upper = torch.full((1, 3), -1.0), torch.full((1, 3), 2.0)
    assert float(rewards.limit_excess(joints, lower, upper)) == pytest.approx(0.2 + 0.5)


def test_contacts_are_counted_above_the_threshold():
    force = torch.tensor([[[0.0, 0.6, 0.9], [0.0, 0.0, 0.9], [30.0, 0.0, 0.0]]])
    assert formulas.contact_count(force, 1.0).tolist() == [2.0]
    history = torch.zeros(1, 2, 3, 3)
    history[0, 1, 2] = torch.tensor([0.0, 0.0, 5.0])  # touched two physics steps ago
    assert formulas.contact_count(history, 1.0).tolist() == [1.0]


def test_height_error_by_hand():
    assert terminations.height_error(
        torch.tensor([1.0, 1.0]), torch.tensor([0.74, 1.24]), 0.25
    ).tolist() == [True, False]
    ends = torch.tensor([[0.1, 0.1], [0.1, 0.1]])
    assert terminations.height_error(
        ends, ends + torch.tensor([[0.0, -0.26], [0.2, 0.2]]), 0.25
    ).tolist() == [True, False]


def test_tilt_compares_gravity_and_not_heading():
    upright = axis(0.0, 0, 0, 1)[None]
    assert terminations.gravity_z(upright).tolist() == [-1.0]
    assert float(terminations.gravity_z(axis(math.pi, 1, 0, 0)[None])) == pytest.approx(1.0)
    # 1 - cos(angle) > 0.8 beyond 78.46 degrees.
    for degrees, bad in ((78.0, False), (79.0, True)):
        tilted = quat_multiply(axis(1.0, 0, 0, 1), axis(math.radians(degrees), 0, 1, 0))[None]
        assert terminations.tilt_error(upright, tilted, 0.8).tolist() == [bad]


def test_clip_ends_after_its_last_frame():
    time_s = torch.tensor([0.98, 1.0, 1.02], dtype=torch.float64)
    assert terminations.clip_ended(time_s, torch.ones(3)).tolist() == [False, True, True]


def test_link_velocity_of_a_turning_body():
    # Turning at 2 rad/s about z around a centre at (1, 0, 0) that moves at 3 m/s along y.
    cvel = torch.tensor([[[0.0, 0.0, 2.0, 0.0, 3.0, 0.0]]])
    pos, com = torch.tensor([[[2.0, 0.0, 0.5]]]), torch.tensor([[1.0, 0.0, 0.0]])
    assert link_velocity(cvel, pos, com).tolist() == [[[0.0, 5.0, 0.0]]]


def make_state(seed: int, order=None, turn=None, turn_robot=None) -> TrackingState:
    """Random robot and reference; optionally bodies reordered, everything or one turned."""
    rng = np.random.default_rng(seed)

    def vectors(*shape):
        return torch.from_numpy(rng.normal(size=shape))

    def moved(pos, quat, lin, ang, q):
        return (
            quat_rotate(q, pos),
            quat_multiply(q.expand_as(quat), quat),
            *(quat_rotate(q, v) for v in (lin, ang)),
        )

    sides = []
    for _ in range(2):
        sides.append(
            [vectors(N, B, 3), quat_normalize(vectors(N, B, 4)), vectors(N, B, 3), vectors(N, B, 3)]
        )
    ref, robot = sides
    if turn is not None:
        ref, robot = list(moved(*ref, turn)), list(moved(*robot, turn))
    if turn_robot is not None:
        robot = list(moved(*robot, turn_robot))
    if order is not None:
        ref, robot = ([x[:, order] for x in side] for side in (ref, robot))
    joints = [vectors(N, J) for _ in range(4)]
    pos, quat, lin, ang = robot
    com = torch.zeros(N, 3, dtype=torch.float64)
    data = SimpleNamespace(
        xpos=pos,
        xquat=quat,
        cvel=torch.cat([ang, lin - torch.cross(ang, pos, dim=-1)], dim=-1),
        subtree_com=com[:, None],
        qpos=joints[0],
        qvel=joints[1],
    )
    reader = SimpleNamespace(
        data=data, bodies=slice(None), root=0, joint_q=slice(None), joint_v=slice(None)
    )
    frame = MotionFrame(joints[2], joints[3], *ref, torch.cat(joints[2:], dim=1))
    anchor = 2 if order is None else list(order).index(2)
    return TrackingState(frame, reader, anchor)  # pyright: ignore[reportArgumentType]


def terms(state: TrackingState) -> dict[str, torch.Tensor]:
    return {
        "anchor_pos": state.anchor_pos_sq,
        "anchor_angle": state.anchor_angle,
        "body_pos": rewards.gaussian(state.body_pos_sq, 3.0),
        "body_angle": rewards.gaussian(state.body_angle.square(), 3.0),
        "world_pos": rewards.gaussian_per_axis(state.world_pos_sq, 3.0),
        "world_angle": rewards.gaussian(state.world_angle.square(), 3.0),
        "lin_vel": rewards.gaussian(state.body_lin_vel_sq, 3.0),
        "ang_vel": rewards.gaussian(state.body_ang_vel_sq, 3.0),
        "tilt": terminations.gravity_z(state.ref_anchor_quat_w)
        - terminations.gravity_z(state.anchor_quat_w),
        "height": state.ref_anchor_pos_w[:, 2] - state.anchor_pos_w[:, 2],
    }


@given(seeds, st.floats(-3, 3))
def test_turning_world_and_reference_together_changes_no_global_term(seed, angle):
    # Re-anchored terms are left out: the yaw of a tilted anchor's error is not quite invariant.
    before, after = make_state(seed), make_state(seed, turn=axis(angle, 0, 0, 1))
    for name, value in terms(before).items():
        if name not in ("body_pos", "body_angle"):
            torch.testing.assert_close(terms(after)[name], value)


@given(seeds, st.floats(-3, 3))
def test_heading_of_the_robot_does_not_matter_to_re_anchored_terms(seed, angle):
    before, after = make_state(seed), make_state(seed, turn_robot=axis(angle, 0, 0, 1))
    for name in ("body_pos", "body_angle", "tilt", "height"):
        torch.testing.assert_close(terms(after)[name], terms(before)[name])


@given(seeds, st.permutations(range(B)))
def test_order_of_bodies_does_not_matter(seed, order):
    before, after = make_state(seed), make_state(seed, order=list(order))
    for name, value in terms(before).items():
        torch.testing.assert_close(terms(after)[name], value)
    torch.testing.assert_close(step_metrics(after)[:, :11], step_metrics(before)[:, :11])


def test_velocity_errors_by_hand():
    state = make_state(0)
    difference = state.ref.body_lin_vel_w - state.body_lin_vel_w
    torch.testing.assert_close(state.body_lin_vel_sq, (difference**2).sum(-1))
    names = dict(zip(METRIC_NAMES, step_metrics(state).T, strict=True))
    torch.testing.assert_close(names["error_body_lin_vel"], difference.norm(dim=-1).mean(-1))
    expected = (state.ref.joint_pos - state.joint_pos).norm(dim=-1)
    torch.testing.assert_close(names["error_joint_pos"], expected)
    expected = 1000 * (state.ref.body_pos_w - state.body_pos_w).norm(dim=-1).mean(-1)
    torch.testing.assert_close(names["mpjpe_global_mm"], expected)


def test_lent_targets_are_those_of_the_earlier_state():
    early, late = make_state(1), make_state(2)
    lent = TrackingState(late.ref, late._reader, late.anchor, targets=early)
    torch.testing.assert_close(lent.targets, early.targets)


def test_curriculum_scale_by_hand():
    rule = {"grow_above": 0.7, "shrink_below": 0.4, "per_second": 0.1}
    assert moved_scale(0.5, 0.8, 2.0, **rule) == pytest.approx(0.7)
    assert moved_scale(0.5, 0.3, 2.0, **rule) == pytest.approx(0.3)
    assert moved_scale(0.5, 0.5, 2.0, **rule) == 0.5
    assert moved_scale(0.95, 1.0, 2.0, **rule) == 1.0
    assert moved_scale(0.1, 0.0, 2.0, **rule) == 0.0


def test_success_average_depends_on_episodes_not_on_how_they_are_grouped():
    one = averaged(0.2, 1.0, 30, 64.0)
    many = 0.2
    for _ in range(30):
        many = averaged(many, 1.0, 1, 64.0)
    assert many == pytest.approx(one)
    assert averaged(0.0, 1.0, 64, 64.0) == pytest.approx(1 - math.exp(-1))
