"""Phases and swing heights against the published formulas."""

import math

import pytest
import torch

from mimiclab.tasks.velocity.gait import is_standing, swing_target, wrapped


def test_phases_wrap_to_the_half_open_interval():
    given = torch.tensor([0.0, math.pi, -math.pi, 3.5, -3.5, 100.0])
    found = wrapped(given)
    assert (found >= -math.pi).all() and (found < math.pi).all()
    torch.testing.assert_close(found.cos(), given.cos(), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sin(), given.sin(), atol=1e-5, rtol=0)
    assert float(found[1]) == pytest.approx(-math.pi)


@pytest.mark.parametrize(
    ("phase", "height"),
    [
        (-math.pi, 0.0),
        (-math.pi / 2, 0.045),  # 3/4 - 2/8 = 1/2 of the way
        (-math.pi / 4, 0.09 * (3 * 0.75**2 - 2 * 0.75**3)),
        (0.0, 0.09),
        (math.pi / 4, 0.09 * 0.84375),
        (math.pi / 2, 0.045),
        (3 * math.pi / 4, 0.09 * (3 / 16 - 2 / 64)),
        (math.pi, 0.0),
    ],
)
def test_swing_height(phase, height):
    assert float(swing_target(torch.tensor(phase), 0.09)) == pytest.approx(height, abs=1e-7)


def test_a_foot_is_planted_only_for_a_moment():
    phase = torch.linspace(-math.pi, math.pi, 1001)
    target = swing_target(phase, 0.09)
    assert (target[1:-1] > 0).all() and float(target.max()) == pytest.approx(0.09)
    rising = target[:501].diff()
    assert (rising > 0).all()
    torch.testing.assert_close(target, target.flip(0))


def test_standing_is_below_a_hundredth():
    command = torch.tensor(
        [[0.0, 0.0, 0.0], [0.009, 0.0, 0.009], [0.008, 0.008, 0.0], [0.0, 0.0, 0.02]]
    )
    assert is_standing(command).tolist() == [True, True, False, False]
