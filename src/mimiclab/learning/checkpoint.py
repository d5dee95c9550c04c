"""Checkpoints: one file that holds all a training needs to go on, readable without pickle.

A checkpoint is a dict of tensors and plain Python values, written by `torch.save` and read with
`weights_only=True`, so opening one never runs code. Schema 1:

- schema, iteration (finished updates), env_steps, train_time_s, learning_rate, best, window
- layout: robot, rates, observation terms and actions; a checkpoint goes only onto an equal layout
- actor, critic (with their observation statistics), optimizer: state dicts
- algorithm: updates done, and weights of the losses towards teachers and recordings
- ranks: for each process the random generators and the state of the environment's terms (sampler,
  curriculum, step counter); sharded: whether the processes had different clips
"""

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimiclab.errors import CheckpointError
from mimiclab.files import atomic_path

SCHEMA = 1
_NUMBERED = re.compile(r"model_(\d+)\.pt")


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write `state` whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        torch.save({"schema": SCHEMA, **state}, temporary)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises:
        CheckpointError: missing, damaged, not a checkpoint, or of a newer schema.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; a run keeps them in RUN/checkpoints/")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged and for foreign files
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}); it is damaged or "
            "holds other objects than tensors and plain values. Take another one of the run"
        ) from error
    if not isinstance(state, dict) or "schema" not in state or "actor" not in state:
        raise CheckpointError(
            f"{path} is not a mimiclab checkpoint: it lacks `schema` and `actor`. "
            "Files of other trainers are not read"
        )
    if state["schema"] > SCHEMA:
        raise CheckpointError(
            f"{path} has schema {state['schema']}, this version reads up to {SCHEMA}; "
            "update mimiclab"
        )
    return state


def require_layout(given: dict[str, Any], expected: dict[str, Any], path: str | Path) -> None:
    """Check that a checkpoint was made for this robot, these observations and actions.

    Raises:
        CheckpointError: they differ; the message lists how.
    """
    lines = layout_difference(given, expected)
    if lines:
        raise CheckpointError(
            f"{path} was made for another task:\n  "
            + "\n  ".join(lines)
            + "\nUse the settings of that run, or start a new run"
        )


def layout_difference(given: Any, expected: Any, where: str = "") -> list[str]:
    """Sentences that say where two nested dicts of plain values differ, order included."""
    if isinstance(given, dict) and isinstance(expected, dict):
        lines = []
        for key in [*given, *(k for k in expected if k not in given)]:
            name = f"{where}.{key}" if where else str(key)
            if key not in expected:
                lines.append(f"{name}: {given[key]} in the checkpoint, absent here")
            elif key not in given:
                lines.append(f"{name}: absent in the checkpoint, {expected[key]} here")
            else:
                lines += layout_difference(given[key], expected[key], name)
        if not lines and list(given) != list(expected):
            lines.append(f"{where}: order {list(given)} in the checkpoint, {list(expected)} here")
        return lines
    if given != expected:
        return [f"{where}: {given} in the checkpoint, {expected} here"]
    return []


def random_state() -> dict[str, Any]:
    """State of the global generators of Python, NumPy and torch, in plain values."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put the global generators where `random_state` found them."""
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def copy_to_cpu(value: Any) -> Any:
    """A copy of nested dicts, lists and tensors that later training cannot change."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: copy_to_cpu(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(copy_to_cpu(item) for item in value)
    return value


def numbered(folder: Path) -> list[tuple[int, Path]]:
    """The numbered checkpoints of a folder by rising iteration."""
    found = ((_NUMBERED.fullmatch(path.name), path) for path in folder.glob("model_*.pt"))
    return sorted((int(match[1]), path) for match, path in found if match)


def numbered_path(folder: Path, iteration: int) -> Path:
    """File name of the checkpoint after `iteration` updates."""
    return folder / f"model_{iteration:06d}.pt"


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest `count` numbered checkpoints; 0 keeps all."""
    if count > 0:
        for _, path in numbered(folder)[:-count]:
            path.unlink(missing_ok=True)
