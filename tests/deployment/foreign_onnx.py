"""ONNX files with the inputs, outputs and metadata of Holosoma's exporter, around one matrix."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANGES = {
    "lin_vel_x": [-1.0, 1.0],
    "lin_vel_y": [-1.0, 1.0],
    "ang_vel_yaw": [-1.0, 1.0],
    "heading": [-3.14, 3.14],
}


def metadata_of(robot, joints, ranges, **changes) -> dict[str, str]:
    order = [robot.joint_names.index(name) for name in joints]
    return {
        "dof_names": json.dumps(list(joints)),
        "kp": json.dumps(robot.stiffness[order].tolist()),
        "kd": json.dumps(robot.damping[order].tolist()),
        "command_ranges": json.dumps(ranges),
    } | changes


def matrix(rows, columns, seed=0, size=0.02):
    return (size * np.random.default_rng(seed).normal(size=(rows, columns))).astype(np.float32)


def write_loco(path: Path, robot, weights, bias=None, *, joints=None, names=None, **metadata):
    """A locomotion policy: actor_obs [1, D] -> action [1, J] = weights obs + bias."""
    joints = robot.joint_names if joints is None else joints
    given, out = names or ("actor_obs", "action")
    bias = np.zeros(len(weights)) if bias is None else bias
    graph = helper.make_graph(
        [helper.make_node("Gemm", [given, "w", "b"], [out], transB=1)],
        "loco",
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, [1, weights.shape[1]])],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, [1, len(weights)])],
        [_tensor("w", weights), _tensor("b", bias)],
    )
    return _save(graph, path, metadata_of(robot, joints, RANGES) | metadata)


def write_wbt(path: Path, robot, weights, tables, *, joints=None, **metadata):
    """A tracker: obs, time_step -> actions and one row of each table, the last one held."""
    joints = robot.joint_names if joints is None else joints
    frames = len(next(iter(tables.values())))
    nodes = [
        helper.make_node("Gemm", ["obs", "w"], ["actions"], transB=1),
        helper.make_node("Cast", ["time_step"], ["number"], to=TensorProto.INT64),
        helper.make_node("Clip", ["number", "first", "last"], ["held"]),
        helper.make_node("Squeeze", ["held", "axis"], ["row"]),
    ]
    numbers = {"first": np.int64(0), "last": np.int64(frames - 1), "axis": np.array([1], np.int64)}
    constants = [_tensor("w", weights)] + [
        numpy_helper.from_array(np.asarray(v), k) for k, v in numbers.items()
    ]
    outputs = [helper.make_tensor_value_info("actions", TensorProto.FLOAT, [1, len(weights)])]
    for name, table in tables.items():
        nodes.append(helper.make_node("Gather", [f"{name}_table", "row"], [name], axis=0))
        constants.append(_tensor(f"{name}_table", table))
        shape = [1, *np.shape(table)[1:]]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    inputs = [
        helper.make_tensor_value_info("obs", TensorProto.FLOAT, [1, weights.shape[1]]),
        helper.make_tensor_value_info("time_step", TensorProto.FLOAT, [1, 1]),
    ]
    graph = helper.make_graph(nodes, "wbt", inputs, outputs, constants)
    return _save(graph, path, metadata_of(robot, joints, None) | metadata)


def _tensor(name, values):
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def _save(graph, path, metadata):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {k: v for k, v in metadata.items() if v is not None})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
