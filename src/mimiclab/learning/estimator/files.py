"""An estimator as one safetensors file: weights, and in its metadata all that they mean."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mimiclab.errors import CheckpointError
from mimiclab.files import atomic_path
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.estimator.model import VelocityEstimator, WindowLayout
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.locations import local_path

SCHEMA = 1
"""Layout number of the metadata; readers refuse a higher one."""
FILE = "estimator.safetensors"
"""Name in the folder of a training."""
_KEY = "mimiclab_estimator"


def describe(model: VelocityEstimator) -> dict[str, Any]:
    """Plain values from which `rebuild` makes the same network, weights aside."""
    return {"cfg": to_plain(model.cfg), "layout": to_plain(asdict(model.layout))}


def rebuild(description: dict[str, Any], where: str = "estimator") -> VelocityEstimator:
    """The network of a description, with fresh weights; `where` names it in errors.

    Raises:
        CheckpointError: settings that this version does not know.
    """
    cfg = from_plain(EstimatorCfg, description["cfg"], f"{where}: cfg")
    layout = from_plain(WindowLayout, description["layout"], f"{where}: layout")
    return VelocityEstimator(cfg, layout)


def save_estimator(
    model: VelocityEstimator, path: str | Path, facts: dict[str, Any] | None = None
) -> None:
    """Write an estimator, whole or not at all.

    Args:
        model: the network.
        path: the file.
        facts: more plain values to store: clips, errors, versions.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save_file

    text = json.dumps({"schema": SCHEMA, **describe(model), "facts": facts or {}})
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata={_KEY: text})


def load_estimator(path: str | Path) -> tuple[VelocityEstimator, dict[str, Any]]:
    """Read an estimator, and the facts stored with it, from its file or the folder of a training.

    Raises:
        CheckpointError: missing, damaged, something else, or of a newer schema.
    """
    from safetensors import SafetensorError, safe_open

    path = local_path(path)
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise CheckpointError(
            f"no estimator at {path}; train one with `mimiclab train estimator --out FOLDER`"
        )
    try:
        with safe_open(str(path), "pt") as file:
            stored = json.loads((file.metadata() or {}).get(_KEY, "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as an estimator ({error}); it is damaged or another kind of "
            "file. Copy or train it again"
        ) from error
    if not isinstance(stored, dict) or not {"schema", "cfg", "layout"} <= set(stored):
        raise CheckpointError(
            f"{path} holds weights, but not those of a velocity estimator; train one with "
            "`mimiclab train estimator --out FOLDER`"
        )
    if stored["schema"] > SCHEMA:
        raise CheckpointError(
            f"{path} has schema {stored['schema']}, this version reads up to {SCHEMA}; update "
            "mimiclab"
        )
    model = rebuild(stored, str(path))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} holds weights of another network than it describes: "
            f"{str(error).splitlines()[-1].strip()}. Copy or train it again"
        ) from error
    return model.eval(), stored.get("facts", {})
