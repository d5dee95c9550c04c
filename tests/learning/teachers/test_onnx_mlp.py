"""Graphs as several exporters write them, read back and compared with torch and onnxruntime."""

import json
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from mimiclab.errors import ContractError
from mimiclab.learning.teachers.onnx_mlp import OnnxNetwork, mlp_from_onnx, network_from_onnx

WIDTH, ACTIONS, FRAMES = 20, 5, 30


class Normaliser(nn.Module):
    """(x - mean) / (std + eps), with the sum left in the graph or folded into it."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.register_buffer("mean", torch.randn(1, WIDTH, generator=generator))
        self.register_buffer("std", 0.5 + torch.rand(1, WIDTH, generator=generator))

    def forward(self, x):
        return (x - self.mean) / (self.std + 1e-2)


class Reciprocal(Normaliser):
    def forward(self, x):
        return (x - self.mean) * torch.reciprocal(torch.sqrt(self.std.square() + 1e-2))


def mlp(first, activation=nn.ELU, last=nn.Identity):
    torch.manual_seed(0)
    return nn.Sequential(
        first, nn.Linear(WIDTH, 16), activation(), nn.Linear(16, 8), activation(),
        nn.Linear(8, ACTIONS), last(),
    )  # fmt: skip


class WithMotion(nn.Module):
    """BeyondMimic's: a time step picks frames of a baked motion beside the network."""

    def __init__(self):
        super().__init__()
        self.actor = mlp(Normaliser())
        self.register_buffer("joint_pos", torch.randn(FRAMES, ACTIONS))

    def forward(self, obs, time_step):
        frame = torch.clamp(time_step.long().squeeze(-1), max=FRAMES - 1)
        return self.actor(obs), self.joint_pos[frame]


class FastSac(nn.Module):
    """Holosoma's: layer norms, SiLU, actions bounded by tanh."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            Normaliser(), nn.Linear(WIDTH, 16), nn.LayerNorm(16), nn.SiLU(),
            nn.Linear(16, ACTIONS), nn.Tanh(),
        )  # fmt: skip
        self.register_buffer("bound", torch.rand(ACTIONS) + 1.0)

    def forward(self, obs):
        return self.net(obs) * self.bound


class Residual(nn.Module):
    """MOSAIC's: a frozen policy and its correction behind one normaliser."""

    def __init__(self):
        super().__init__()
        self.normaliser, self.base, self.correction = (
            Normaliser(), mlp(nn.Identity()), mlp(nn.Identity(), nn.ReLU)
        )  # fmt: skip

    def forward(self, obs):
        x = self.normaliser(obs)
        return self.base(x) + self.correction(x)


class Split(nn.Module):
    """A part of the observations enters at the second layer (velocity skip)."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(WIDTH - 3, 16), nn.Linear(19, ACTIONS)

    def forward(self, obs):
        x, velocity = obs[:, : WIDTH - 3], obs[:, WIDTH - 3 :]
        return self.second(torch.cat([torch.nn.functional.elu(self.first(x)), velocity], -1))


NETWORKS = {
    "no normaliser": lambda: mlp(nn.Identity()),
    "identity": lambda: mlp(nn.Identity(), last=nn.Identity),
    "normaliser": lambda: mlp(Normaliser()),
    "reciprocal": lambda: mlp(Reciprocal()),
    "tanh": lambda: mlp(Normaliser(), nn.Tanh, nn.Tanh),
    "relu": lambda: mlp(Normaliser(), nn.ReLU),
    "leaky": lambda: mlp(Normaliser(), nn.LeakyReLU),
    "selu": lambda: mlp(Normaliser(), nn.SELU),
    "softplus": lambda: mlp(Normaliser(), nn.Softplus),
    "mish": lambda: mlp(Normaliser(), nn.Mish),
    "gelu": lambda: mlp(Normaliser(), nn.GELU),
    "hardtanh": lambda: mlp(Normaliser(), nn.Hardtanh),
    "motion": WithMotion,
    "fast sac": FastSac,
    "residual": Residual,
    "split": Split,
}


def export(module, path, *, opset=17, dynamo=False, fold=True, dynamic=False):
    arguments = [torch.zeros(1, WIDTH)]
    names = ["obs"]
    if isinstance(module, WithMotion):
        arguments, names = [*arguments, torch.zeros(1, 1)], ["obs", "time_step"]
    more = {} if dynamo else {"do_constant_folding": fold}
    if dynamic:
        more["dynamic_axes"] = {"obs": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), tuple(arguments), str(path), opset_version=opset, dynamo=dynamo,
            input_names=names, output_names=["actions", "joint_pos"][: len(names)], **more,
        )  # fmt: skip
    return path


def rows(count=7):
    return 3.0 * torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(2))


def expected(module, x):
    with torch.inference_mode():
        out = module(x, torch.zeros(len(x), 1)) if isinstance(module, WithMotion) else module(x)
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.parametrize("opset", [11, 13, 17, 18])
@pytest.mark.parametrize("kind", list(NETWORKS))
def test_every_exporter_is_read(tmp_path, kind, opset):
    module = NETWORKS[kind]()
    network = mlp_from_onnx(export(module, tmp_path / "p.onnx", opset=opset, fold=opset != 13))
    torch.testing.assert_close(network(rows()), expected(module, rows()), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["motion", "fast sac"])
def test_the_new_exporter_is_read(tmp_path, kind):
    module = NETWORKS[kind]()
    network = mlp_from_onnx(export(module, tmp_path / "p.onnx", opset=18, dynamo=True))
    torch.testing.assert_close(network(rows()), expected(module, rows()), atol=1e-5, rtol=1e-5)


def test_a_static_batch_of_one_serves_many(tmp_path):
    """onnxruntime itself must take the rows one at a time."""
    path = export(NETWORKS["motion"](), tmp_path / "p.onnx")
    session = onnxruntime.InferenceSession(str(path))
    feed = {"time_step": np.zeros((1, 1), np.float32)}
    single = [session.run(["actions"], {"obs": row[None].numpy(), **feed})[0] for row in rows()]
    np.testing.assert_allclose(mlp_from_onnx(path)(rows()), np.concatenate(single), atol=1e-5)


def test_a_network_comes_back_from_its_specification_and_numbers(tmp_path):
    network = mlp_from_onnx(export(NETWORKS["residual"](), tmp_path / "p.onnx", dynamic=True))
    again = OnnxNetwork(json.loads(json.dumps(network.spec)))
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(rows()), network(rows()))
    assert not list(network.parameters())
    assert "joint_pos" not in network.state_dict()


def test_baked_motions_stay_behind(tmp_path):
    network = mlp_from_onnx(export(WithMotion(), tmp_path / "p.onnx"))
    assert max(b.numel() for b in network.buffers()) == 16 * WIDTH
    assert (network.spec["observations"], network.spec["actions"]) == (WIDTH, ACTIONS)


@pytest.mark.parametrize("kind", ["normaliser", "reciprocal", "residual", "motion"])
@pytest.mark.parametrize("fold", [True, False])
def test_the_normaliser_is_found(tmp_path, kind, fold):
    module = NETWORKS[kind]()
    scale, shift = mlp_from_onnx(export(module, tmp_path / "p.onnx", fold=fold)).normaliser()
    normalise = next(m for m in module.modules() if isinstance(m, Normaliser))
    torch.testing.assert_close(rows() * scale + shift, normalise(rows()), atol=1e-5, rtol=1e-5)


def test_without_normaliser_observations_stay_as_they_are(tmp_path):
    scale, shift = mlp_from_onnx(export(mlp(nn.Identity()), tmp_path / "p.onnx")).normaliser()
    assert torch.equal(scale, torch.ones(WIDTH)) and torch.equal(shift, torch.zeros(WIDTH))


def graph(nodes, inputs, path, *, constants=(), output="actions"):
    model = helper.make_model(
        helper.make_graph(
            nodes, "g",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            list(constants),
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )  # fmt: skip
    onnx.save(model, str(path))
    return path


def test_what_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "p.onnx"
    with pytest.raises(ContractError, match="no such policy file"):
        mlp_from_onnx(path)
    path.write_bytes(b"not a graph")
    with pytest.raises(ContractError, match="cannot be read as ONNX"):
        mlp_from_onnx(path)
    sine = helper.make_node("Sin", ["obs"], ["actions"])
    with pytest.raises(ContractError, match="operator Sin is not among"):
        mlp_from_onnx(graph([sine], {"obs": [1, 4]}, path))
    both = helper.make_node("Concat", ["obs", "hidden"], ["actions"], axis=1)
    with pytest.raises(ContractError, match="depend on the inputs hidden, obs"):
        mlp_from_onnx(graph([both], {"obs": [1, 4], "hidden": [1, 4]}, path))
    with pytest.raises(ContractError, match=r"has shape \[1, 4, 3\]"):
        mlp_from_onnx(graph([helper.make_node("Relu", ["obs"], ["actions"])], {"obs": [1, 4, 3]},
                            path))  # fmt: skip


def test_a_graph_that_is_misread_is_refused(tmp_path):
    """Cast to int rounds; here it would not, which the comparison with onnxruntime finds."""
    nodes = [
        helper.make_node("Cast", ["obs"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Cast", ["whole"], ["actions"], to=TensorProto.FLOAT),
    ]
    with pytest.raises(ContractError, match="actions that differ by"):
        mlp_from_onnx(graph(nodes, {"obs": [1, 4]}, tmp_path / "p.onnx"))


@pytest.mark.parametrize("batch", [1, 3, "batch"])
def test_other_operators_are_left_to_onnxruntime(tmp_path, batch):
    """Seven rows, in parts where the file fixes its batch."""
    sine = helper.make_node("Sin", ["obs"], ["actions"])
    network = network_from_onnx(graph([sine], {"obs": [batch, 4]}, tmp_path / "p.onnx"))
    assert network.spec == {"operators": ["Sin"], "observations": 4}
    obs = torch.randn(7, 4)
    torch.testing.assert_close(network(obs), obs.sin())
