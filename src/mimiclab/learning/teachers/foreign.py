"""ONNX policies as sources and as teachers: ours with a contract, and those of other projects."""

import json
from pathlib import Path
from typing import Any

import torch

from mimiclab.errors import ContractError
from mimiclab.files import file_sha256
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.adapters import find_layout
from mimiclab.learning.teachers.foreign_terms import layout_fields, view_slots
from mimiclab.learning.teachers.onnx_mlp import OnnxNetwork, network_from_onnx
from mimiclab.learning.teachers.source import PolicySource, SourceTerm
from mimiclab.learning.teachers.teacher import Teacher
from mimiclab.robots import get_robot

CONTRACT_KEY = "mimiclab_contract"
"""Metadata key of our contract; `deployment.contract` writes it, which this room may not import."""


def foreign_teacher(
    path: str | Path, adapter: str = "auto", device: str | torch.device = "cpu"
) -> Teacher:
    """An ONNX policy as a teacher that sees the clean observations of its own task.

    Its actions are already in the units of that task: offsets from our default pose, by our scale.

    Args:
        path: file with a mimiclab contract, or a released MOSAIC, BeyondMimic, mjlab or Holosoma
            tracking policy.
        adapter: a name of `adapters.ADAPTERS`, the path of a JSON file, or auto.
        device: torch device.

    Raises:
        ContractError: a file that cannot be read, is not recognised, or observes what we cannot
            give; the message says what.
        UnknownNameError: no such adapter.
    """
    source = open_onnx(path, adapter)
    slots = view_slots(source.task)
    space = ActionSpace.of_task(source.task)
    network = source.attach(slots, space)
    return Teacher(
        network.to(device).eval(),
        name=str(path),
        robot=source.task.robot,
        control_hz=source.task.control_hz,
        task=source.task,
        expects={slot.name: slot.size * slot.history for slot in slots},
        action_space=space.to(device),
        history={slot.name: slot.history for slot in slots},
        digest=source.digest,
        remarks=source.remarks,
    )


def open_onnx(path: str | Path, adapter: str = "auto") -> PolicySource:
    """Read an ONNX policy; arguments and errors as `foreign_teacher`'s."""
    import onnx

    path = Path(path)
    network = network_from_onnx(path)
    model = onnx.load(str(path))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    width = network.spec["observations"]
    if CONTRACT_KEY in metadata:
        if adapter != "auto":
            raise ContractError(
                f"{path} has a mimiclab contract, which says what it observes; leave the adapter "
                f"{adapter!r} out"
            )
        fields = _of_contract(metadata[CONTRACT_KEY], width, path)
    else:
        layout = find_layout(adapter, metadata, width, str(path))
        fields = layout_fields(layout, width, str(path))
    spec, remarks = {"kind": "graph", "graph": network.spec}, fields.pop("remarks", ())
    normaliser = torch.ones(width), torch.zeros(width)
    if isinstance(network, OnnxNetwork):
        normaliser = network.normaliser()
    else:
        operators = ", ".join(network.spec["operators"])
        spec = {"kind": "runtime", "operators": operators}
        remarks = (*remarks, f"onnxruntime computes it, on the CPU, because of {operators}")
    return PolicySource(
        path=str(path),
        network=network,
        spec=spec,
        normaliser=normaliser,
        digest=file_sha256(path),
        remarks=remarks,
        **fields,
    )


def is_foreign(path: str | Path) -> bool:
    """Whether an ONNX file can be read and has no mimiclab contract."""
    import onnx

    try:
        model = onnx.load(str(path))
    except Exception:  # protobuf's own types are not public; who opens the file tells the error
        return False
    return all(entry.key != CONTRACT_KEY for entry in model.metadata_props)


def _of_contract(text: str, width: int, path: Path) -> dict[str, Any]:
    from mimiclab.learning.serialise import from_plain
    from mimiclab.tasks.tracking import TrackingTask

    contract = json.loads(text)
    robot = get_robot(contract["robot"])
    if robot.model_hash != contract["model_hash"]:
        raise ContractError(
            f"{path}: the model of {robot.name} here (hash {robot.model_hash[:12]}) is not the one "
            f"that the policy was trained on ({contract['model_hash'][:12]}); use the version of "
            "mimiclab that exported it, or train again"
        )
    terms = tuple(SourceTerm(t["name"], t["size"], t["history"]) for t in contract["observations"])
    listed = sum(t.size * t.history for t in terms)
    if width != listed:
        raise ContractError(
            f"{path}: the network observes {width} numbers, its contract lists {listed}; export "
            "the policy again"
        )
    return {
        "task": from_plain(TrackingTask, contract["task"], f"{path}: task"),
        "terms": terms,
        "actions": ActionSpace(
            default=torch.tensor(contract["default_joint_pos"]),
            scale=torch.tensor(contract["action_scale"]),
            offset=contract["action_offset"],
        ),
    }
