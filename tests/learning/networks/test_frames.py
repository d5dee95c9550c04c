"""Attention and transformer see moments in their order, and use them."""

import pytest
import torch
from toy_history import layout

from mimiclab.errors import MimiclabError
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.attention import TemporalAttention, TokenAttention
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.encoder import Encoder
from mimiclab.learning.networks.layout import term_slots
from mimiclab.learning.networks.transformer import FrameTransformer

SLOTS = term_slots(layout(4), ["actor"])
CFG = NetworkCfg(width=16, heads=2)


def make(kind: str) -> Encoder:
    torch.manual_seed(0)
    return (TemporalAttention if kind == "attention" else FrameTransformer)(SLOTS, CFG)


def test_the_query_matters() -> None:
    encoder = make("attention")
    assert isinstance(encoder, TemporalAttention)
    encoder(torch.randn(8, 24))[:, :16].square().sum().backward()
    grad = encoder.embed_query[0].weight.grad  # pyright: ignore
    assert grad is not None and float(grad.abs().max()) > 1e-5


def test_with_one_token_the_query_is_inert() -> None:
    """Why MOSAIC's variant is no attention: one key's weight is 1 whatever is asked."""
    torch.manual_seed(0)
    attention = TokenAttention(16, 2)
    token = torch.randn(5, 1, 16)
    torch.testing.assert_close(
        attention(torch.randn(5, 1, 16), token), attention(torch.randn(5, 1, 16), token)
    )


def test_attention_equals_torch_s() -> None:
    torch.manual_seed(0)
    ours, theirs = TokenAttention(16, 4), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    parts = (ours.ask, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    queries, tokens = torch.randn(5, 2, 16), torch.randn(5, 7, 16)
    torch.testing.assert_close(
        ours(queries, tokens), theirs(queries, tokens, tokens)[0], atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_every_moment_counts_and_their_order_too(kind: str) -> None:
    encoder = make(kind)
    obs = torch.randn(6, 24, requires_grad=True)
    encoder(obs)[:, :16].square().sum().backward()
    assert obs.grad is not None
    assert (obs.grad.abs().sum(0) > 0).all()
    # Two past moments change places, in both terms; the present stays.
    swapped = obs.detach().clone()
    for slot in SLOTS:
        frames = obs.detach()[:, slot.columns].unflatten(-1, (4, slot.size))
        swapped[:, slot.columns] = frames[:, [1, 0, 2, 3]].flatten(1)
    assert not torch.allclose(encoder(obs), encoder(swapped), atol=1e-5)


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_batches_of_any_shape_and_no_chance_while_training(kind: str) -> None:
    encoder = make(kind).train()
    obs = torch.randn(3, 7, 24)
    first = encoder(obs)
    assert first.shape == (3, 7, encoder.output_size)
    torch.testing.assert_close(first, encoder(obs), rtol=0, atol=0)
    torch.testing.assert_close(first[2, 5], encoder(obs[2, 5:6])[0])


def test_the_transformer_s_tokens_are_moments() -> None:
    encoder = make("transformer")
    assert isinstance(encoder, FrameTransformer)
    command, place = torch.arange(16.0).reshape(4, 4), 100 + torch.arange(8.0).reshape(4, 2)
    obs = torch.cat([command.flatten(), place.flatten()])[None]
    torch.testing.assert_close(encoder.frames(obs)[0], torch.cat([command, place], dim=-1))


@pytest.mark.parametrize("kind", ["attention", "transformer"])
def test_an_observation_of_the_present_is_refused(kind: str) -> None:
    cfg = TrainCfg(network=NetworkCfg(kind=kind))  # pyright: ignore[reportArgumentType]
    with pytest.raises(MimiclabError, match=f"{kind}.*history is 1.*set --history 5"):
        build_actor(cfg, layout(1))


def test_heads_that_do_not_share_out_the_width_are_refused() -> None:
    cfg = TrainCfg(network=NetworkCfg(kind="attention", width=10, heads=4))
    with pytest.raises(MimiclabError, match=r"width is 10.*multiple of the heads"):
        build_actor(cfg, layout(4))


@pytest.mark.parametrize("kind", ["fsq", "vq"])
def test_bottlenecks_refuse_an_observation_without_a_reference(kind: str) -> None:
    cfg = TrainCfg(network=NetworkCfg(kind=kind))  # pyright: ignore[reportArgumentType]
    bare = {"observations": {"actor": {"pos": 2}, "critic": {"pos": 2}}, "actions": {"v": 2}}
    with pytest.raises(MimiclabError, match=f"{kind}.*no reference terms: pos"):
        build_actor(cfg, bare)


@pytest.mark.parametrize(
    "settings",
    [
        {"levels": (5, 1)},
        {"levels": ()},
        {"width": 0},
        {"layers": 0},
        {"codes": 1},
        {"encoder": ()},
    ],
)
def test_sizes_that_make_no_network_are_refused(settings: dict) -> None:
    with pytest.raises(MimiclabError, match=f"--network.{next(iter(settings))} is"):
        NetworkCfg(**settings)
