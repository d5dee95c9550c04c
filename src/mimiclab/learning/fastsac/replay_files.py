"""The replay beside the checkpoints of a run, one file for each process."""

from pathlib import Path

import torch

from mimiclab.errors import CheckpointError
from mimiclab.files import atomic_path
from mimiclab.learning import distributed
from mimiclab.learning.fastsac.replay import Replay

SCHEMA = 1


def replay_path(folder: Path) -> Path:
    """File of this process."""
    return folder / f"rank{distributed.ranks().rank}.replay"


def write_replay(replay: Replay, folder: Path, iteration: int) -> None:
    """Write it whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    state = {"schema": SCHEMA, "iteration": iteration, "replay": replay.state_dict()}
    with atomic_path(replay_path(folder)) as temporary:
        torch.save(state, temporary)


def read_replay(replay: Replay, folder: Path, iteration: int) -> list[str]:
    """Fill a replay from the file of this process, if there is one.

    Returns:
        Sentences that say how far the run goes on with another replay than it had.

    Raises:
        CheckpointError: the file is damaged, or of other environments.
    """
    path = replay_path(folder)
    if not path.is_file():
        return [
            "the replay begins empty, as none was saved (--sac.save-replay); learning goes on when "
            "it holds enough"
        ]
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["schema"] > SCHEMA:
            raise ValueError(f"schema {state['schema']}, this version reads up to {SCHEMA}")
        replay.load_state_dict(state["replay"])
    except Exception as error:  # torch raises many kinds for damaged files
        raise CheckpointError(
            f"{path} cannot be taken as the replay ({error}); remove it to begin with an empty one"
        ) from error
    if state["iteration"] != iteration:
        return [
            f"the replay is that of update {state['iteration']}, the networks are of update "
            f"{iteration}: the run goes on, but not exactly as it would have"
        ]
    return []
