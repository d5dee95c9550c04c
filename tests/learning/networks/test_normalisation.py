"""Observation statistics against NumPy on all samples at once."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.learning.networks.normalisation import SharedNormalisation


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_statistics_equal_those_of_all_samples_together(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = [rng.normal(rng.normal(), 2.0, (n, 3)).astype(np.float32) for n in sizes]
    norm = SharedNormalisation(3)
    for batch in batches:
        norm.fold_in(torch.from_numpy(batch))
    everything = np.concatenate(batches).astype(np.float64)
    np.testing.assert_allclose(norm.mean, everything.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.std, everything.std(0), rtol=1e-4, atol=1e-4)
    assert int(norm.count) == sum(sizes)


def test_output_is_standardised_and_far_means_lose_no_precision() -> None:
    torch.manual_seed(0)
    x = torch.randn(5000, 2) * 0.1 + 100.0
    norm = SharedNormalisation(2, eps=0.0)
    for part in x.split(100):
        norm.fold_in(part)
    y = norm(x)
    assert y.mean().abs() < 1e-2
    assert (y.std() - 1.0).abs() < 1e-2


def test_statistics_freeze_after_the_stated_number_of_samples() -> None:
    norm = SharedNormalisation(1, until=10)
    norm.fold_in(torch.ones(10, 1))
    norm.fold_in(torch.full((10, 1), 7.0))
    assert int(norm.count) == 10
    assert norm.mean == 1.0
