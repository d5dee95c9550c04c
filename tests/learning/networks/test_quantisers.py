"""Quantisers against the published formulas, worked out by hand."""

import copy
import math

import pytest
import torch

from mimiclab.learning.networks.quantisers import ScalarQuantiser, VectorQuantiser, perplexity


def test_finite_scalars_take_each_of_their_values_and_no_other() -> None:
    z = torch.linspace(-6, 6, 4001)[:, None].expand(-1, 3)
    values, _ = ScalarQuantiser((5, 4, 3))(z)
    found = [sorted({round(float(v), 5) for v in values[:, i]}) for i in range(3)]
    # Odd: symmetric. Even: -L/2 .. L/2 - 1 over L/2, as Mentzer et al. number them.
    assert found == [[-1, -0.5, 0, 0.5, 1], [-1, -0.5, 0, 0.5], [-1, 0, 1]]


def test_finite_scalars_round_at_the_middle_between_values() -> None:
    # Five values: tanh(z) * 2 (and 0.1 %) rounds to 1 from 0.5 on, that is from atanh(0.25) on.
    border = math.atanh(0.25 / 1.001)
    values, _ = ScalarQuantiser((5,))(torch.tensor([[border - 1e-3], [border + 1e-3]]))
    assert values.flatten().tolist() == pytest.approx([0.0, 0.5])


def test_the_gradient_passes_rounding_as_if_it_were_not_there() -> None:
    z = torch.tensor([[0.3, -1.2]], requires_grad=True)
    ScalarQuantiser((5, 5))(z)[0].sum().backward()
    assert z.grad is not None
    torch.testing.assert_close(z.grad, 1.001 * (1 - torch.tanh(z.detach()) ** 2))


def test_each_combination_of_values_has_its_own_number() -> None:
    q = ScalarQuantiser((3, 2, 4))
    torch.manual_seed(0)
    z = torch.randn(5000, 3) * 2
    values, codes = q(z)
    pairs = {(tuple(v), int(c)) for v, c in zip(values.tolist(), codes.flatten(), strict=True)}
    assert q.num_codes == 24
    assert len(pairs) == len({c for _, c in pairs}) == len({v for v, _ in pairs}) == 24
    assert {c for _, c in pairs} == set(range(24))


def quantiser(codebook: list[list[float]], slots: int = 1) -> VectorQuantiser:
    q = VectorQuantiser(len(codebook), len(codebook[0]), slots, commitment=0.25, weight=0.1)
    with torch.no_grad():
        q.codebook.copy_(torch.tensor(codebook))
    return q


def test_each_part_becomes_the_nearest_code() -> None:
    q = quantiser([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]], slots=2)
    values, codes = q(torch.tensor([[0.9, 0.2, -0.1, 1.6], [0.4, 0.0, 0.1, 1.4]]))
    assert codes.tolist() == [[1, 2], [0, 0]]
    torch.testing.assert_close(values[0], torch.tensor([1.0, 0.0, 0.0, 3.0]))


def test_loss_and_gradients_are_those_of_the_paper() -> None:
    q = quantiser([[0.0, 0.0], [1.0, 0.0]])
    z = torch.tensor([[0.8, 0.4]], requires_grad=True)
    values, _ = q(z)
    (3.0 * values).sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [[3.0, 3.0]] and q.codebook.grad is None
    loss = q.auxiliary_loss()
    assert loss is not None and q.auxiliary_loss() is None
    # mean((e - z)^2) = (0.2^2 + 0.4^2) / 2 = 0.1; 0.1 (codebook) and 0.25 x 0.1 (commitment).
    assert float(loss.detach()) == pytest.approx(0.1 * 1.25 * 0.1)
    z.grad = None
    loss.backward()
    assert q.codebook.grad is not None
    torch.testing.assert_close(q.codebook.grad, 0.1 * torch.tensor([[0.0, 0.0], [0.2, -0.4]]))
    torch.testing.assert_close(z.grad, 0.1 * 0.25 * torch.tensor([[-0.2, 0.4]]))


def test_gradient_steps_on_its_loss_bring_the_codes_to_the_data() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    data = (centres[torch.randint(4, (400,))] + 0.05 * torch.randn(400, 2)).requires_grad_()
    q = quantiser((0.5 * centres).tolist())
    adam = torch.optim.Adam(q.parameters(), lr=0.05)
    for _ in range(150):
        adam.zero_grad()
        q(data)
        loss = q.auxiliary_loss()
        assert loss is not None
        loss.backward()
        adam.step()
    assert (torch.cdist(centres, q.codebook.detach()).amin(1) < 0.1).all()
    assert q.auxiliary_metrics()["code_perplexity"] == pytest.approx(4.0, abs=0.1)
    assert q.auxiliary_metrics()["code_coverage"] == 1.0


def test_acting_changes_nothing_even_while_training() -> None:
    q = quantiser([[0.0, 0.0], [9.0, 9.0]]).train()
    before = {key: value.clone() for key, value in q.state_dict().items()}
    for _ in range(30):
        q(torch.randn(64, 2))
    assert all(torch.equal(value, before[key]) for key, value in q.state_dict().items())


def test_idle_codes_move_to_the_data_after_ten_rollouts_and_used_ones_stay() -> None:
    torch.manual_seed(0)
    data = torch.randn(200, 2)
    q = quantiser([[50.0 + i, 50.0] for i in range(16)])
    q.settle(data)  # the first data: every code is drawn from them
    assert (torch.cdist(q.codebook, data).amin(1) == 0).all()
    near = quantiser([[0.0, 0.0], [70.0, 70.0]])
    near.idle.zero_()
    for _ in range(9):
        near.settle(data)
    assert near.codebook.tolist() == [[0.0, 0.0], [70.0, 70.0]]
    near.settle(data)
    assert near.codebook[0].tolist() == [0.0, 0.0]
    assert float(torch.cdist(near.codebook[1:].detach(), data).min()) == 0.0


def test_perplexity_counts_equally_likely_codes() -> None:
    assert perplexity(torch.tensor([5, 5, 0, 5, 5])) == pytest.approx(4.0)
    assert perplexity(torch.tensor([7, 0, 0])) == pytest.approx(1.0)
    p = torch.tensor([0.75, 0.25])
    assert perplexity(torch.tensor([3, 1])) == pytest.approx(float(torch.exp(-(p * p.log()).sum())))
    assert perplexity(torch.tensor([0, 0])) == 0.0


def test_a_quantiser_with_a_pending_loss_can_be_copied() -> None:
    q = quantiser([[0.0, 0.0], [1.0, 0.0]])
    q(torch.randn(4, 2, requires_grad=True))
    assert copy.deepcopy(q).auxiliary_loss() is None
    assert q.auxiliary_loss() is not None
