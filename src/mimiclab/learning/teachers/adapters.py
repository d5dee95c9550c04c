"""How released policies of other projects observe and act.

An `Adapter` reads what a file tells into a `ForeignLayout`; a JSON or YAML file with the fields of
a `ForeignLayout` serves for any other policy.
"""

import json
from pathlib import Path

from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.learning.teachers.holosoma import HOLOSOMA_ADAPTERS
from mimiclab.learning.teachers.isaac_like import ISAAC_ADAPTERS
from mimiclab.learning.teachers.layouts import (
    ForeignFile,
    ForeignLayout,
    Metadata,
    with_told_scale,
)

ADAPTERS = {adapter.name: adapter for adapter in (*ISAAC_ADAPTERS, *HOLOSOMA_ADAPTERS)}
"""Adapters by name. To add one: what is known of a project's file to a `ForeignLayout`."""


def find_layout(
    adapter: str, metadata: Metadata, width: int, file: str, action_scale: str = ""
) -> ForeignLayout:
    """The layout of a file without a mimiclab contract.

    Args:
        adapter: a name of `ADAPTERS`, the path of a JSON or YAML file, or `auto`.
        metadata: of the ONNX file.
        width: numbers that its network observes.
        file: the file's name, for errors.
        action_scale: what a user says of it, see `ForeignFile`.

    Raises:
        ContractError: not recognised, of several kinds, or metadata that leave something out.
        UnknownNameError: no such adapter.
    """
    opened = ForeignFile(metadata=metadata, width=width, name=file, action_scale=action_scale)
    if adapter.endswith((".json", ".yaml", ".yml")):
        return with_told_scale(_read_layout(Path(adapter)), opened)
    if adapter != "auto":
        if adapter not in ADAPTERS:
            raise UnknownNameError("adapter", adapter, ("auto", *ADAPTERS))
        return ADAPTERS[adapter].layout(opened)
    found = [kind for kind in ADAPTERS.values() if kind.recognises(metadata, width)]
    if len(found) != 1:
        what = f"fits {', '.join(kind.name for kind in found)}" if found else "fits none"
        raise ContractError(
            f"{file} has no mimiclab contract, and of the known layouts it {what}: it observes "
            f"{width} numbers, its metadata are {', '.join(sorted(metadata)) or 'empty'}. Name "
            f"one of {', '.join(ADAPTERS)}, or a JSON or YAML file that describes it, with "
            "--adapter (--contract of sim2sim)"
        )
    return found[0].layout(opened)


def _read_layout(path: Path) -> ForeignLayout:
    import yaml

    from mimiclab.errors import CheckpointError
    from mimiclab.learning.serialise import from_plain

    try:
        # JSON is YAML, but YAML's reader takes 1e-3 for a word.
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        return from_plain(ForeignLayout, data, str(path))
    except (OSError, ValueError, yaml.YAMLError, CheckpointError, TypeError) as error:
        raise ContractError(
            f"{path} does not describe a policy ({error}); expected robot, observations (each "
            "with name, history), joint_names, default_joint_pos and action_scale"
        ) from error
