"""Code usage on networks whose codes are known beforehand."""

import numpy as np
import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.code_usage import code_usage

LAYOUT = {
    "observations": {"actor": {"command": 2, "pos": 1}, "critic": {"pos": 1}},
    "actions": {"v": 1},
}


def actor_with_identity_encoder(kind: str, **settings):
    """The latent is the command itself."""
    cfg = TrainCfg(
        ppo=PpoCfg(hidden=(8,), normalise=False),
        network=NetworkCfg(kind=kind, encoder=(2,), **settings),  # pyright: ignore
    )
    actor = build_actor(cfg, LAYOUT)
    actor.encoder.encode = torch.nn.Identity()  # type: ignore
    return actor


def test_vector_codes_by_hand():
    actor = actor_with_identity_encoder("vq", codes=5, code_size=2, code_slots=1)
    with torch.no_grad():
        actor.encoder.quantiser.codebook.copy_(  # type: ignore
            torch.tensor([[3.0, 0.0], [0.0, 4.0], [-2.0, 0.0], [0.0, -2.0], [50.0, 50.0]])
        )
    commands = torch.tensor([[3.0, 4.0 / 8], [2.5, 0.0], [0.0, 4.0], [0.0, -1.0]])
    obs = torch.cat([commands, torch.zeros(4, 1)], dim=-1)
    usage = code_usage(actor, obs, torch.tensor([0, 0, 1, 1]), ("a", "b"))
    assert usage.codes.tolist() == [[0], [0], [1], [3]]
    found = usage.to_dict()
    assert (found["kind"], found["total"], found["steps"], found["used"]) == ("vq", 5, 4, 3)
    assert found["coverage"] == pytest.approx(0.6)
    # Shares 1/2, 1/4, 1/4: entropy 1.5 ln 2.
    assert found["perplexity"] == pytest.approx(2**1.5)
    assert found["l2"] == pytest.approx((0.5 + 0.5 + 0.0 + 1.0) / 4)
    np.testing.assert_allclose(usage.cosine, [3 / np.hypot(3, 0.5), 1, 1, 1], rtol=1e-6)
    assert found["clips"]["a"] == pytest.approx(
        {
            "steps": 2, "used": 1, "coverage": 0.2, "perplexity": 1.0, "l2": 0.5,
            "cosine": (1 + 3 / np.hypot(3, 0.5)) / 2,
        }
    )  # fmt: skip
    assert found["clips"]["b"]["used"] == 2
    assert found["most_used"][0] == {"code": 0, "share": 0.5}


def test_finite_scalar_codes_by_hand():
    actor = actor_with_identity_encoder("fsq", levels=(3, 3))
    commands = torch.tensor([[9.0, 9.0], [9.0, -9.0], [0.0, 0.0], [0.01, -0.01]])
    usage = code_usage(actor, torch.cat([commands, torch.zeros(4, 1)], dim=-1))
    assert usage.z_q.tolist() == [[1, 1], [1, -1], [0, 0], [0, 0]]
    assert usage.codes.flatten().tolist() == [2 + 3 * 2, 2 + 3 * 0, 1 + 3 * 1, 1 + 3 * 1]
    found = usage.to_dict()
    assert (found["total"], found["used"]) == (9, 3)
    assert found["l2"] < 0.01 and list(found["clips"]) == ["all"]


def test_a_network_without_codes_is_refused():
    with pytest.raises(MimiclabError, match=r"NormalisedMlp, has no codes.*fsq or vq"):
        code_usage(build_actor(TrainCfg(), LAYOUT), torch.zeros(1, 3))
    actor = actor_with_identity_encoder("fsq", levels=(3, 3))
    with pytest.raises(MimiclabError, match="at least one step"):
        code_usage(actor, torch.zeros(0, 3))
