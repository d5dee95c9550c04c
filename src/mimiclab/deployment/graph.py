"""A torch module as an ONNX file."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import nn

OPSET = 17
"""ONNX operator set: old enough for the runtimes that robots carry."""


def write_graph(
    module: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    path: Path,
    metadata: Mapping[str, str],
) -> None:
    """Trace `module` on examples of its named inputs; the first axis of all is the batch."""
    with warnings.catch_warnings(), torch.inference_mode():
        # The tracing exporter is called legacy, but writes plain graphs without extra files.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, str(path))
