"""Policy networks in ONNX files as torch modules: batched, on any device, part of a checkpoint.

Policies are exported with static batches of one robot, and with a baked motion beside the network.
Here the part of the graph between observations and actions becomes a module whose numbers are
buffers: nothing in it is ever trained.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from mimiclab.errors import ContractError
from mimiclab.learning.teachers.onnx_ops import OPERATORS, SETTINGS

if TYPE_CHECKING:
    from mimiclab.learning.teachers.onnx_runtime import RuntimeNetwork

_AFFINE = {"Add", "Sub", "Mul", "Div", "Identity", "Cast"}
_ACTIONS = ("actions", "action")
_DOMAINS = ("", "ai.onnx")
_TOLERANCE = 1e-4
"""Largest difference of actions from onnxruntime's, relative above 1."""


class OnnxNetwork(nn.Module):
    """Observations (N, D) to actions (N, A), as a graph of ONNX operators computes them."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        """Build a graph whose numbers are zero; `load_state_dict` brings them.

        Args:
            spec: plain values: `nodes` (operator, inputs, outputs, settings), `constants` (name to
                shape), `input`, `output`, and the widths `observations` and `actions`.
        """
        super().__init__()
        self.spec = dict(spec)
        for name, shape in spec["constants"].items():
            self.register_buffer(name, torch.zeros(shape))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Actions of raw observations."""
        return self._run(self.spec["nodes"], obs, self.spec["output"])

    def normaliser(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale (D,) and shift (D,) that the graph applies to observations first; 1, 0 if none."""
        name, prefix = self.spec["input"], []
        consumers: dict[str, list[Any]] = {}
        for node in self.spec["nodes"]:
            for value in node[1]:
                consumers.setdefault(value, []).append(node)
        constants = self.spec["constants"]
        while len(found := consumers.get(name, [])) == 1 and found[0][0] in _AFFINE:
            node = found[0]
            if any(value != name and value not in constants for value in node[1]):
                break
            prefix.append(node)
            name = node[2][0]
        width, any_buffer = self.spec["observations"], next(self.buffers())
        probe = torch.stack([any_buffer.new_zeros(width), any_buffer.new_ones(width)])
        probe = self._run(prefix, probe, name)
        return probe[1] - probe[0], probe[0]

    def _run(self, nodes: Sequence[Any], obs: torch.Tensor, output: str) -> torch.Tensor:
        values = {self.spec["input"]: obs}
        for operator, inputs, outputs, settings in nodes:
            tensors = [values[i] if i in values else getattr(self, i) for i in inputs]
            result = OPERATORS[operator](tensors, settings)
            results = result if isinstance(result, tuple) else (result,)
            values.update(zip(outputs, results, strict=False))
        return values[output]


def mlp_from_onnx(path: str | Path) -> OnnxNetwork:
    """The network of a policy file, proven equal to what onnxruntime computes.

    Args:
        path: file with one output `actions` (or `action`, or a single one) that depends on one
            input of shape (batch, D). Other inputs and outputs, such as BeyondMimic's time step
            and baked motion, are left out.

    Raises:
        ContractError: no such file, a damaged one, actions that need several inputs (a recurrent
            state, an estimator's window), or an operator that is not read.
    """
    reader = _Reader(Path(path))
    if unread := reader.unread():
        raise ContractError(
            f"{path}: operator {unread[0]} is not among those that are read: "
            f"{', '.join(OPERATORS)}; export the policy with these alone"
        )
    return _proven(reader)


def network_from_onnx(path: str | Path) -> "OnnxNetwork | RuntimeNetwork":
    """As `mlp_from_onnx`; a graph with other operators is run by onnxruntime on the CPU instead."""
    from mimiclab.learning.teachers.onnx_runtime import RuntimeNetwork

    reader = _Reader(Path(path))
    unread = reader.unread()
    if not unread:
        return _proven(reader)
    return RuntimeNetwork(
        reader.path,
        observed=reader.needs[0],
        wanted=reader.output,
        spec={"operators": unread, "observations": reader.width()},
    )


class _Reader:
    """Turns a model into a specification and constants."""

    def __init__(self, path: Path) -> None:
        import onnx
        from onnx import numpy_helper

        if not path.is_file():
            raise ContractError(f"{path}: no such policy file; give the path of an .onnx file")
        try:
            model = onnx.load(str(path))
        except Exception as error:  # protobuf's own types are not public
            raise ContractError(
                f"{path}: cannot be read as ONNX ({error}); copy or export it again"
            ) from error
        self.path, graph = path, model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.inputs = {i.name: i for i in graph.input if i.name not in self.constants}
        outputs = [o.name for o in graph.output]
        named = [name for name in _ACTIONS if name in outputs]
        if not named and len(outputs) != 1:
            raise ContractError(
                f"{path}: outputs are {', '.join(outputs)}; expected one called 'actions'"
            )
        self.output = named[0] if named else outputs[0]
        self.nodes = self._between(graph.node)

    def _between(self, nodes: Sequence[Any]) -> list[Any]:
        """The nodes that the actions depend on, in order; constants are taken out of them."""
        wanted, found = {self.output}, []
        for node in reversed(nodes):
            if wanted.isdisjoint(node.output):
                continue
            if node.op_type == "Constant":
                self.constants[node.output[0]] = _constant(node, self.path)
                continue
            found.insert(0, node)
            wanted |= {name for name in node.input if name}
        self.needs = sorted(wanted & set(self.inputs))
        return found

    def unread(self) -> list[str]:
        """Operators that are not read."""
        nodes = (n for n in self.nodes if n.op_type not in OPERATORS or n.domain not in _DOMAINS)
        return sorted({node.op_type for node in nodes})

    def width(self) -> int:
        """Numbers that are observed."""
        if len(self.needs) != 1:
            raise ContractError(
                f"{self.path}: the actions depend on the inputs {', '.join(self.needs) or 'none'}; "
                "expected observations alone. Recurrent policies and those with an estimator of "
                "their own cannot be read"
            )
        shape = [d.dim_value for d in self.inputs[self.needs[0]].type.tensor_type.shape.dim]
        if len(shape) != 2 or shape[1] < 1:
            raise ContractError(
                f"{self.path}: input {self.needs[0]!r} has shape {shape}, expected (batch, D)"
            )
        return shape[1]

    def network(self) -> OnnxNetwork:
        """The graph with its numbers."""
        width = self.width()
        names = {self.needs[0]: "obs"}
        buffers: dict[str, torch.Tensor] = {}

        def flowing(name: str) -> str:
            if name not in names and name in self.constants:
                names[name] = f"c{len(buffers)}"
                buffers[names[name]] = torch.tensor(
                    np.asarray(self.constants[name], np.float32, order="C")
                )
            return names.setdefault(name, f"v{len(names)}")

        nodes = []
        for node in self.nodes:
            flow, settings = self._settings(node)
            if all(name in self.constants for name in flow):
                self._fold(node, flow, settings)
                continue
            nodes.append(
                [node.op_type, [flowing(name) for name in flow],
                 [flowing(name) for name in node.output], settings]
            )  # fmt: skip
        spec = {
            "nodes": nodes,
            "constants": {name: list(value.shape) for name, value in buffers.items()},
            "input": "obs",
            "output": flowing(self.output),
            "observations": width,
            "actions": 0,
        }
        network = OnnxNetwork(spec)
        network.load_state_dict(buffers)
        network.eval()
        with torch.inference_mode():
            network.spec["actions"] = int(network(torch.zeros(2, width)).shape[-1])
        return network

    def _fold(self, node: Any, flow: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Compute now what no observation changes, such as a standard deviation plus epsilon."""
        tensors = [torch.tensor(np.asarray(self.constants[name])) for name in flow]
        result = OPERATORS[node.op_type](tensors, settings)
        results = result if isinstance(result, tuple) else (result,)
        for name, value in zip(node.output, results, strict=False):
            self.constants[name] = value.numpy()

    def _settings(self, node: Any) -> tuple[list[str], dict[str, Any]]:
        from onnx import helper

        settings = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
        flow = []
        for i, name in enumerate(node.input):
            keys = SETTINGS.get(node.op_type, ())
            key = keys[i] if i < len(keys) else ""
            if not name:
                continue
            if not key:
                flow.append(name)
            elif name in self.constants:
                settings[key] = _plain(self.constants[name].tolist())
            else:
                raise ContractError(
                    f"{self.path}: {key} of operator {node.op_type} is computed from the "
                    "observations; only fixed ones are read, so export the policy without it"
                )
        if node.op_type == "Split":
            settings.setdefault("num_outputs", len(node.output))
        return flow, settings


def _constant(node: Any, path: Path) -> np.ndarray:
    from onnx import helper, numpy_helper

    attribute = node.attribute[0]
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return numpy_helper.to_array(value)
    if attribute.name.startswith(("value_float", "value_int")):
        return np.asarray(value)
    raise ContractError(f"{path}: a constant of kind {attribute.name} is not read")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _proven(reader: _Reader) -> OnnxNetwork:
    """The network that was read, after it was compared with onnxruntime.

    On rows of several sizes, zero among them, one row at a time.
    """
    from mimiclab.learning.teachers.onnx_runtime import RuntimeNetwork

    network, path = reader.network(), reader.path
    width = network.spec["observations"]
    rows = torch.randn(8, width, generator=torch.Generator().manual_seed(0))
    rows *= torch.logspace(-2, 1, 8)[:, None] * (torch.arange(8) > 0)[:, None]
    runtime = RuntimeNetwork(path, observed=reader.needs[0], wanted=reader.output, spec={})
    expected = torch.cat([runtime(row[None]) for row in rows]).numpy()
    with torch.inference_mode():
        given = network(rows).numpy()
    worst = np.inf
    if given.shape == expected.shape:
        worst = float(np.max(np.abs(given - expected) / np.maximum(1.0, np.abs(expected))))
    if not worst <= _TOLERANCE:
        raise ContractError(
            f"{path}: torch and onnxruntime compute actions that differ by {worst:.1e}, allowed is "
            f"{_TOLERANCE:.0e}; the graph does something that is not read rightly"
        )
    return network
