"""A run that was fetched from elsewhere becomes a run of one's own, to go on with."""

import json
import shutil
from pathlib import Path

from mimiclab.errors import CheckpointError, OutputError
from mimiclab.files import atomic_path, write_text
from mimiclab.learning.run import load_run, require_no_run
from mimiclab.locations import is_cached

_BESIDE = ("motions.safetensors", "motions.json", "metrics.jsonl")


def adopt_run(path: str | Path, runs: Path) -> Path:
    """What to resume: `path` itself, or if it had to be fetched a copy of it in `runs`.

    The cache is no place to go on in: what is there is checked, and fetched again.

    Args:
        path: run folder, checkpoint or a location of one.
        runs: the copy becomes `runs/NAME`.

    Raises:
        CheckpointError: no run there, or its motions did not come along.
        LocationError: it cannot be fetched.
        OutputError: there is a run of this name already, or it cannot be written.
    """
    run = load_run(path)
    if not is_cached(run.folder):
        return run.checkpoint
    if run.has_motions and not run.brings_motions:
        raise CheckpointError(
            f"{path} came without its motions, without which a training cannot go on; fetch a .zip "
            "of the whole run folder"
        )
    folder = runs / run.name
    require_no_run(folder)
    try:
        for name in _BESIDE:
            if (run.folder / name).is_file():
                with atomic_path(folder / name) as temporary:
                    shutil.copyfile(run.folder / name, temporary)
        write_text(folder / "config.json", json.dumps(run.config, indent=2) + "\n")
        # The replay of a FastSAC run lies beside its checkpoints.
        beside = run.checkpoint.parent.name == "checkpoints"
        for file in run.checkpoint.parent.glob("[!.]*") if beside else [run.checkpoint]:
            with atomic_path(folder / "checkpoints" / file.name) as temporary:
                shutil.copyfile(file, temporary)
    except OSError as error:
        raise OutputError(
            f"cannot copy {path} to {folder}: {error.strerror}; choose another folder (--runs)"
        ) from error
    return folder / "checkpoints" / run.checkpoint.name
