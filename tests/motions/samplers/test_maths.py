import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.motions.samplers.maths import (
    bin_counts,
    bin_mask,
    bin_of,
    clip_mixture,
    entropy,
    exposure,
    gate,
    inclusion,
    look_ahead,
    mix,
    normalise,
    share_out,
    shrunk_rate,
    systematic,
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


def test_gate_by_hand():
    assert gate(99.0, 100.0, 200.0) == 0.0
    assert gate(150.0, 100.0, 200.0) == 0.25
    assert gate(150.0, 100.0, 200.0, "cosine") == pytest.approx(0.5 - 0.5 * 2**-0.5)
    assert gate(200.0, 100.0, 200.0, "cosine") == pytest.approx(0.5)
    assert gate(300.0, 100.0, 200.0) == gate(1e6, 100.0, 200.0, "cosine") == 1.0
    assert gate(1.0, 1.0, 0.0) == 1.0


def test_clip_mixture_by_hand():
    # Mean rate 0.3, so the cap is 0.6: failure parts 0, 1/7, 6/7. Novelty 1, 1/2, 1/3 over 11/6.
    rate, assigned = torch.tensor([0.0, 0.1, 0.8]).double(), torch.tensor([0.0, 3.0, 8.0]).double()
    ones = torch.ones(3, dtype=torch.float64)
    shares = {"failure_share": 0.5, "novelty_share": 0.3, "cap": 2.0}
    got = clip_mixture(rate, assigned, ones, **shares)
    expected = [
        0.5 * failing + 0.3 * novel + 0.2 / 3
        for failing, novel in ((0, 6 / 11), (1 / 7, 3 / 11), (6 / 7, 2 / 11))
    ]
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64))
    # Nothing failed: that part is uniform too, so what is left is novelty.
    got = clip_mixture(0 * rate, assigned, ones, **shares)
    expected = [0.7 / 3 + 0.3 * novel / 11 for novel in (6, 3, 2)]
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64))


def test_shares_of_more_than_1_are_scaled_down_and_weights_multiply():
    rate, ones = torch.tensor([0.25, 0.75]).double(), torch.ones(2, dtype=torch.float64)
    got = clip_mixture(rate, ones, ones, failure_share=0.9, novelty_share=0.6, cap=2.0)
    torch.testing.assert_close(got, torch.tensor([0.6 / 4 + 0.2, 1.8 / 4 + 0.2]).double())
    equal = clip_mixture(
        ones, ones, torch.tensor([1.0, 3.0]), failure_share=0.5, novelty_share=0.3, cap=2.0
    )
    torch.testing.assert_close(equal, torch.tensor([0.25, 0.75]).double())


def test_inclusion_by_hand():
    p = torch.tensor([0.3, 0.5, 0.0, 0.2], dtype=torch.float64)
    torch.testing.assert_close(inclusion(p, 1), p)
    # 0.5 would be in twice as often as it can be: it is certain, one place is left for the others.
    torch.testing.assert_close(inclusion(p, 2), torch.tensor([0.6, 1.0, 0.0, 0.4]).double())
    torch.testing.assert_close(inclusion(p, 3), torch.tensor([1.0, 1.0, 0.0, 1.0]).double())


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=40), st.integers(1, 39))
def test_inclusion_sums_to_the_places_and_keeps_the_order(values: list[float], places: int):
    p = torch.tensor(values, dtype=torch.float64)
    p, places = p / p.sum(), min(places, len(values))
    chance = inclusion(p, places)
    assert float(chance.sum()) == pytest.approx(places)
    assert float(chance.max()) <= 1.0 + 1e-9
    order = p.argsort()
    assert bool((chance[order].diff() >= -1e-9).all())
    # Those that are not certain are drawn in proportion.
    factor = (chance / p)[chance < 1 - 1e-9]
    if len(factor):
        assert float(factor.max()) == pytest.approx(float(factor.min()))


def test_systematic_by_hand():
    weights = torch.tensor([1.0, 2.0, 0.0, 1.0])
    assert systematic(weights, 4, 0.5).tolist() == [0, 1, 1, 3]
    assert systematic(weights, 1, 0.9).tolist() == [3]
    assert systematic(torch.tensor([0.0, 1.0, 0.0]), 3, 0.0).tolist() == [1, 1, 1]
    assert systematic(torch.tensor([0.5, 1.0, 0.5]), 2, 0.6, spacing=1.0).tolist() == [1, 2]


@given(
    st.lists(st.floats(0.01, 10.0), min_size=1, max_size=20),
    st.integers(1, 200),
    st.floats(0.0, 0.999),
)
def test_systematic_gives_expected_counts_to_one(values: list[float], count: int, offset: float):
    weights = torch.tensor(values, dtype=torch.float64)
    drawn = torch.bincount(systematic(weights, count, offset), minlength=len(values))
    assert int(drawn.sum()) == count
    assert float((drawn - count * weights / weights.sum()).abs().max()) < 1.0 + 1e-6


def test_share_out_by_hand():
    p = torch.tensor([[0.2, 0.2], [0.1, 0.0], [0.5, 0.0]], dtype=torch.float64)
    group, ratios = torch.tensor([0, 0, 1]), torch.tensor([0.75, 0.25], dtype=torch.float64)
    got = share_out(p, group, ratios, p)
    expected = torch.tensor([[0.3, 0.3], [0.15, 0.0], [0.25, 0.0]]).double()
    torch.testing.assert_close(got, expected)
    # A group without any probability is as the fallback says.
    p[2] = 0.0
    torch.testing.assert_close(share_out(p, group, ratios, expected)[2], expected[2])
