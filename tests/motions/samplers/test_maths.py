import math

import pytest
import torch

from mimiclab.motions.samplers.maths import (
    bin_counts,
    bin_mask,
    bin_of,
    entropy,
    exposure,
    look_ahead,
    mix,
    normalise,
    shrunk_rate,
)

F64 = torch.float64


def test_bin_counts_follow_the_two_published_rules():
    durations = torch.tensor([0.0, 0.3, 1.0, 2.0, 2.02], dtype=F64)
    assert bin_counts(durations, 1.0).tolist() == [1, 1, 1, 2, 3]
    assert bin_counts(durations, 1.0, "floor+1").tolist() == [1, 1, 2, 3, 3]
    assert bin_mask(torch.tensor([1, 3])).tolist() == [[True, False, False], [True, True, True]]


def test_bin_of_clamps_to_the_clip():
    width, count = torch.full((4,), 0.5), torch.full((4,), 3)
    assert bin_of(torch.tensor([-0.1, 0.49, 0.5, 9.0]), width, count).tolist() == [0, 0, 1, 2]


def test_exposure_splits_an_episode_over_bins():
    got = exposure(torch.tensor([0.25]), torch.tensor([1.75]), torch.tensor([0.5]), 4)
    assert got.tolist() == [[0.25, 0.5, 0.5, 0.25]]


def test_look_ahead_equation_6_by_hand():
    values = torch.tensor([[0.0, 0.0, 1.0, 0.0, 2.0]], dtype=F64)
    mask = torch.tensor([[True, True, True, True, False]])  # the 2.0 does not exist
    got = look_ahead(values, mask, gamma=0.5, size=3)
    z3, z2 = 1 + 0.5 + 0.25, 1 + 0.5
    expected = [0.25 / z3, 0.5 / z3, 1.0 / z2, 0.0, 0.0]
    torch.testing.assert_close(got, torch.tensor([expected], dtype=F64))


def test_look_ahead_replicates_the_last_bin_as_upstream():
    values = torch.tensor([[1.0, 2.0]], dtype=F64)
    got = look_ahead(values, torch.ones(1, 2, dtype=torch.bool), 0.5, 2, "replicate")
    expected = [(1 + 0.5 * 2) / 1.5, (2 + 0.5 * 2) / 1.5]
    torch.testing.assert_close(got, torch.tensor([expected], dtype=F64))


@pytest.mark.parametrize("edge", ["renormalise", "replicate"])
def test_look_ahead_keeps_a_constant(edge):
    mask = bin_mask(torch.tensor([1, 4, 7]))
    got = look_ahead(0.3 * mask.double(), mask, 0.8, 5, edge)
    torch.testing.assert_close(got, 0.3 * mask.double())


def test_mixture_has_its_floor_whatever_the_weights():
    uniform = torch.full((1, 4), 0.25, dtype=F64)
    adaptive = normalise(torch.tensor([[1e9, 0.0, 0.0, 0.0]], dtype=F64), uniform)
    p = mix(adaptive, uniform, 0.1)
    torch.testing.assert_close(p, torch.tensor([[0.925, 0.025, 0.025, 0.025]], dtype=F64))
    torch.testing.assert_close(normalise(torch.zeros(1, 4, dtype=F64), uniform), uniform)


def test_shrunk_rate_by_hand_and_scale_free():
    failures = torch.tensor([[3.0, 0.0, 0.0]], dtype=F64)
    seconds = torch.tensor([[2.0, 4.0, 0.0]], dtype=F64)
    mask = torch.ones(1, 3, dtype=torch.bool)
    got = shrunk_rate(failures, seconds, mask, 0.5)
    # Mean exposure 2 s, prior 1 s, mean rate 0.5 per s.
    expected = [(3 + 0.5) / 3, 0.5 / 5, 0.5]
    torch.testing.assert_close(got, torch.tensor([expected], dtype=F64))
    torch.testing.assert_close(shrunk_rate(1e4 * failures, 1e4 * seconds, mask, 0.5), got)


def test_entropy_is_relative_to_uniform():
    assert entropy(torch.full((4,), 0.25), 4) == pytest.approx(1.0)
    assert entropy(torch.tensor([0.5, 0.5, 0.0, 0.0]), 4) == pytest.approx(
        math.log(2) / math.log(4)
    )
    assert entropy(torch.tensor([1.0]), 1) == 1.0
