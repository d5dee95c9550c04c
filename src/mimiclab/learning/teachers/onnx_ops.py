"""The ONNX operators of policy networks, in torch. Source: the operator specification, opset 11-18.

A function takes the tensors that flow through the graph, and the node's settings: its attributes,
and those inputs that `SETTINGS` lists, which must be constants. To read networks with another
operator, add it here; `onnx_mlp` proves each file against onnxruntime.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Operator = Callable[[Sequence[Tensor], Mapping[str, Any]], Tensor | tuple[Tensor, ...]]

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "Clip": ("", "min", "max"),
    "Gather": ("", "indices"),
    "ReduceMean": ("", "axes"),
    "Reshape": ("", "shape"),
    "Slice": ("", "starts", "ends", "axes", "steps"),
    "Split": ("", "split"),
    "Squeeze": ("", "axes"),
    "Unsqueeze": ("", "axes"),
}
"""Inputs by position that are settings; empty where a tensor flows."""


def _gemm(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    a = x[0].T if s.get("transA") else x[0]
    b = x[1] if s.get("transB") else x[1].T
    alpha, beta = s.get("alpha", 1.0), s.get("beta", 1.0)
    bias = x[2] if len(x) > 2 else None
    if alpha == beta == 1.0 and (bias is None or bias.dim() == 1):
        return F.linear(a, b, bias)
    return alpha * F.linear(a, b) + (0.0 if bias is None else beta * bias)


def _layer_norm(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    shape = x[0].shape[s.get("axis", -1) :]
    bias = x[2] if len(x) > 2 else None
    return F.layer_norm(x[0], shape, x[1], bias, s.get("epsilon", 1e-5))


def _reduce_mean(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    return x[0].mean(s.get("axes"), keepdim=bool(s.get("keepdims", 1)))


def _reshape(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    # Files have a batch of one baked in; the first dimension is the batch, whatever they say.
    return x[0].reshape(x[0].shape[0], *s["shape"][1:])


def _slice(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    out = x[0]
    starts, ends = s["starts"], s["ends"]
    axes = s.get("axes") or range(len(starts))
    steps = s.get("steps") or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index = [slice(None)] * out.dim()
        index[axis] = slice(start, end, step)
        out = out[tuple(index)]
    return out


def _split(x: Sequence[Tensor], s: Mapping[str, Any]) -> tuple[Tensor, ...]:
    axis = s.get("axis", 0)
    parts = s.get("split")
    if parts is None:
        return torch.chunk(x[0], s["num_outputs"], dim=axis)
    return torch.split(x[0], parts, dim=axis)


def _gather(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    axis, indices = s.get("axis", 0), s["indices"]
    if isinstance(indices, int):
        return x[0].select(axis, indices)
    return x[0].index_select(axis, torch.tensor(indices, device=x[0].device))


def _squeeze(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    axes = s.get("axes")
    return x[0].squeeze() if axes is None else x[0].squeeze(tuple(axes))


def _unsqueeze(x: Sequence[Tensor], s: Mapping[str, Any]) -> Tensor:
    out = x[0]
    for axis in sorted(a % (x[0].dim() + len(s["axes"])) for a in s["axes"]):
        out = out.unsqueeze(axis)
    return out


def _prelu(x: Sequence[Tensor], _: Mapping[str, Any]) -> Tensor:
    return torch.where(x[0] < 0, x[0] * x[1], x[0])


OPERATORS: Mapping[str, Operator] = {
    "Abs": lambda x, _: x[0].abs(),
    "Add": lambda x, _: x[0] + x[1],
    "Cast": lambda x, _: x[0].float(),
    "Clip": lambda x, s: x[0].clamp(s.get("min"), s.get("max")),
    "Concat": lambda x, s: torch.cat(list(x), dim=s["axis"]),
    "Div": lambda x, _: x[0] / x[1],
    "Dropout": lambda x, _: x[0],
    "Elu": lambda x, s: F.elu(x[0], s.get("alpha", 1.0)),
    "Erf": lambda x, _: x[0].erf(),
    "Exp": lambda x, _: x[0].exp(),
    "Flatten": lambda x, s: x[0].flatten(s.get("axis", 1)),
    "Gather": _gather,
    "Gelu": lambda x, s: F.gelu(x[0], approximate=s.get("approximate", "none")),
    "Gemm": _gemm,
    "HardSigmoid": lambda x, s: (s.get("alpha", 0.2) * x[0] + s.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": lambda x, _: F.hardswish(x[0]),
    "Identity": lambda x, _: x[0],
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda x, s: F.leaky_relu(x[0], s.get("alpha", 0.01)),
    "MatMul": lambda x, _: x[0] @ x[1],
    "Mish": lambda x, _: F.mish(x[0]),
    "Mul": lambda x, _: x[0] * x[1],
    "Neg": lambda x, _: -x[0],
    "PRelu": _prelu,
    "Pow": lambda x, _: x[0].pow(x[1]),
    "Reciprocal": lambda x, _: x[0].reciprocal(),
    "ReduceMean": _reduce_mean,
    "Relu": lambda x, _: x[0].relu(),
    "Reshape": _reshape,
    "Round": lambda x, _: x[0].round(),
    "Selu": lambda x, _: F.selu(x[0]),
    "Sigmoid": lambda x, _: x[0].sigmoid(),
    "Slice": _slice,
    "Softmax": lambda x, s: x[0].softmax(s.get("axis", -1)),
    "Softplus": lambda x, _: F.softplus(x[0]),
    "Softsign": lambda x, _: F.softsign(x[0]),
    "Split": _split,
    "Sqrt": lambda x, _: x[0].sqrt(),
    "Squeeze": _squeeze,
    "Sub": lambda x, _: x[0] - x[1],
    "Tanh": lambda x, _: x[0].tanh(),
    "Transpose": lambda x, s: x[0].permute(s.get("perm") or list(range(x[0].dim()))[::-1]),
    "Unsqueeze": _unsqueeze,
}
"""Operator name to its torch function."""
