"""The same joint targets in another policy's units: hand-computed values and a property."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.tasks.tracking import TrackingTask

FROM = ActionSpace(default=torch.tensor([0.1, -0.2]), scale=torch.tensor([0.5, 0.25]))
TO = ActionSpace(
    default=torch.tensor([0.3, 0.3]), scale=torch.tensor([0.1, 0.2]), offset="reference"
)


def test_default_pose_to_reference_by_hand() -> None:
    # Targets 0.1 + 0.5 * 1 = 0.6 and -0.2 + 0.25 * 2 = 0.3; from a reference of 0.2 and 0.1 those
    # are 0.4 and 0.2, in units of 0.1 and 0.2.
    actions = FROM.convert(torch.tensor([[1.0, 2.0]]), TO, torch.tensor([[0.2, 0.1]]))
    torch.testing.assert_close(actions, torch.tensor([[4.0, 1.0]]))


def test_reference_to_default_pose_by_hand() -> None:
    # Targets 0.2 + 0.1 * 1 = 0.3 and 0.1 + 0.2 * -1 = -0.1.
    actions = TO.convert(torch.tensor([[1.0, -1.0]]), FROM, torch.tensor([[0.2, 0.1]]))
    torch.testing.assert_close(actions, torch.tensor([[0.4, 0.4]]))


def test_a_student_that_counts_from_a_delayed_reference_by_hand() -> None:
    # The teacher's target is 0.2 + 0.1 * 1 = 0.3; the student received 0.25.
    true, received = torch.tensor([[0.2, 0.1]]), torch.tensor([[0.25, 0.1]])
    actions = TO.convert(torch.tensor([[1.0, 3.0]]), TO, true, received)
    torch.testing.assert_close(actions, torch.tensor([[0.5, 3.0]]))


def test_equal_units_need_no_reference_and_change_nothing() -> None:
    actions = torch.randn(3, 2)
    assert TO.convert(actions, replace(TO)) is actions
    assert FROM.convert(actions, replace(FROM)) is actions
    with pytest.raises(ValueError, match="reference"):
        FROM.convert(actions, TO)


def test_deviations_only_scale() -> None:
    torch.testing.assert_close(
        FROM.convert_std(torch.tensor([1.0, 2.0]), TO), torch.tensor([5.0, 2.5])
    )


NUMBERS = st.lists(st.floats(-3.0, 3.0, width=32), min_size=2, max_size=2)
SCALES = st.lists(st.floats(0.0625, 2.0, width=32), min_size=2, max_size=2)
SPACES = st.builds(
    lambda default, scale, offset: ActionSpace(
        default=torch.tensor(default), scale=torch.tensor(scale), offset=offset
    ),
    NUMBERS,
    SCALES,
    st.sampled_from(["default", "reference"]),
)


@given(SPACES, SPACES, NUMBERS, NUMBERS, NUMBERS)
def test_joint_targets_stay_the_same(
    a: ActionSpace, b: ActionSpace, actions: list, true: list, received: list
) -> None:
    x, theirs, ours = (torch.tensor([v]) for v in (actions, true, received))
    y = a.convert(x, b, theirs, ours)
    targets = (theirs if a.offset == "reference" else a.default) + a.scale * x
    again = (ours if b.offset == "reference" else b.default) + b.scale * y
    torch.testing.assert_close(targets, again, atol=1e-4, rtol=1e-4)


def test_space_of_a_task_is_that_of_its_environment() -> None:
    space = ActionSpace.of_task(TrackingTask(action_scale=2.0, residual_action=True))
    assert space.offset == "reference"
    # Published: a knee's default angle is 0.669 rad, its scale 0.350661 (MOSAIC's table).
    assert space.default[3] == pytest.approx(0.669)
    assert space.scale[3] == pytest.approx(2.0 * 0.350661, rel=1e-5)
    assert ActionSpace.of_task(TrackingTask()).offset == "default"
