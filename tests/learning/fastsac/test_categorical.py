"""The projection onto the support: hand-computed values, and what holds for any distribution."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.learning.fastsac.categorical import project

SUPPORT = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])


def one(probabilities: list[float], reward: float, discount: float) -> torch.Tensor:
    p = torch.tensor([probabilities], dtype=torch.float32)
    return project(p, torch.tensor([reward]), torch.tensor([discount]), SUPPORT)[0]


def close(given: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(
        given, torch.tensor(expected, dtype=torch.float32), atol=1e-6, rtol=0
    )


def test_hand_computed_projections() -> None:
    certain = [0.0, 0.0, 1.0, 0.0, 0.0]
    close(one(certain, 0.25, 1.0), [0, 0, 0.75, 0.25, 0])  # between two atoms
    close(one(certain, 1.0, 1.0), [0, 0, 0, 1, 0])  # on an atom
    close(one(certain, 7.0, 1.0), [0, 0, 0, 0, 1])  # above the support
    close(one(certain, -7.0, 1.0), [1, 0, 0, 0, 0])
    # 0.5 at -2 and 2, halved: -1 and 1, then moved by 0.5: -0.5 and 1.5.
    close(one([0.5, 0, 0, 0, 0.5], 0.5, 0.5), [0, 0.25, 0.25, 0.25, 0.25])
    # Nothing follows: the reward alone.
    close(one([0.2] * 5, -1.25, 0.0), [0.25, 0.75, 0, 0, 0])


def test_nan_comes_out_as_nan_and_infinite_rewards_as_the_end_of_the_support() -> None:
    nan, inf = float("nan"), float("inf")
    assert one([0.2] * 5, nan, 0.9).isnan().any()
    assert one([nan] * 5, 0.0, 0.9).isnan().all()
    close(one([0.2] * 5, inf, 0.9), [0, 0, 0, 0, 1])


def brute_force(p: np.ndarray, reward: float, discount: float, z: np.ndarray) -> np.ndarray:
    """The published loop over atoms, one sample."""
    step = z[1] - z[0]
    out = np.zeros_like(p)
    for mass, value in zip(p, z, strict=True):
        place = (np.clip(reward + discount * value, z[0], z[-1]) - z[0]) / step
        for atom in range(len(z)):
            out[atom] += mass * max(0.0, 1.0 - abs(place - atom))
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    reward=st.floats(-30, 30),
    discount=st.floats(0, 1),
    atoms=st.integers(2, 120),
)
def test_projection_of_any_distribution(seed, reward, discount, atoms) -> None:
    z = torch.linspace(-20.0, 20.0, atoms)
    p = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(atoms), 3)).float()
    r, d = torch.full((3,), reward), torch.full((3,), discount)
    out = project(p, r, d, z)
    assert (out >= 0).all()
    torch.testing.assert_close(out.sum(-1), torch.ones(3), atol=1e-5, rtol=0)
    # The mean is that of the moved values, each kept within the support.
    moved = (reward + discount * z).clamp(-20.0, 20.0)
    torch.testing.assert_close((out * z).sum(-1), (p * moved).sum(-1), atol=2e-4, rtol=0)
    np.testing.assert_allclose(
        out[0].numpy(),
        brute_force(p[0].numpy(), reward, discount, np.linspace(-20.0, 20.0, atoms)),
        atol=2e-5,
    )
    # Networks, in front, are projected alike.
    assert torch.equal(project(torch.stack([p, p]), r, d, z)[1], out)
