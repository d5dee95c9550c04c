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
    batch_axis: Mapping[str, int] | None = None,
) -> None:
    """Trace `module` on examples of its named inputs.

    Args:
        module: called with the inputs in their order.
        inputs: name to example.
        outputs: names of what it returns.
        path: file to write.
        metadata: entries of the file, key to text.
        batch_axis: number of the batch's axis where it is not the first, by input or output.
    """
    axes = {name: 0 for name in (*inputs, *outputs)} | dict(batch_axis or {})
    with warnings.catch_warnings(), torch.inference_mode():
        # The tracing exporter is called legacy, but writes plain graphs without extra files.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {axis: "batch"} for name, axis in axes.items()},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, str(path))
