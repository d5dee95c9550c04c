"""A run folder: what was trained, with what, and the checkpoints.

config.json            schema, task, train, seed, sources, sessions (time, git, versions)
motions.safetensors    the packed clips, so that the run needs no other file
motions.json           instead, for a streamed library: where it is, and its content hash;
                       a task without motions has neither
checkpoints/           model_000100.pt ..., last.pt, best.pt
metrics.jsonl          one line for each update
uncommitted.patch      changes of the code that git did not know, if any
events.out.tfevents.*  TensorBoard
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.errors import CheckpointError, OutputError
from mimiclab.files import write_text
from mimiclab.learning import checkpoint as ckpt
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.provenance import git_diff, git_state, versions
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.locations import local_path

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.task import Task
    from mimiclab.tasks.tracking import TrackingTask

SCHEMA = 1
_MOTIONS = ("motions.safetensors", "motions.json")


@dataclass(kw_only=True)
class Run:
    """A run read back from its folder."""

    folder: Path
    task: "Task"
    """Task settings."""
    train: TrainCfg
    """Training settings."""
    checkpoint: Path
    """The checkpoint that was asked for: `last.pt` unless told otherwise."""
    config: dict[str, Any] = field(repr=False)
    """The whole of config.json."""

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def tracking(self) -> "TrackingTask":
        """Task settings of a run that tracks motions.

        Raises:
            CheckpointError: it learnt another kind of task.
        """
        from mimiclab.tasks.tracking import TrackingTask

        if not isinstance(self.task, TrackingTask):
            raise CheckpointError(
                f"run {self.folder} learnt the task {self.task.kind!r}; expected one that tracks "
                f"motions. Is it for `mimiclab evaluate {self.task.kind}`?"
            )
        return self.task

    @property
    def has_motions(self) -> bool:
        """Whether the task has motions."""
        return self.config.get("motions") is not None

    @property
    def brings_motions(self) -> bool:
        """Whether its motions are with it: they are not with a checkpoint that came alone."""
        return self.has_motions and any((self.folder / name).is_file() for name in _MOTIONS)

    @cached_property
    def library(self) -> "MotionLibrary":
        """The clips: in the run folder, or the streamed library that it was trained on.

        Raises:
            MotionFileError: they cannot be read.
            CheckpointError: they are not with the run, or the streamed library was moved or is
                another one now.
        """
        from mimiclab.motions.library import MotionLibrary

        if not self.brings_motions:
            raise CheckpointError(
                f"{self.checkpoint} brings no motions along: there is no {' or '.join(_MOTIONS)} "
                "in its run folder; restore it, or name motions where --motion can be given"
            )
        pointer = self.folder / "motions.json"
        if not pointer.is_file():
            return MotionLibrary.load(self.folder / "motions.safetensors")
        noted = json.loads(pointer.read_text(encoding="utf-8"))
        place = Path(noted["library"])
        if not place.exists():
            raise CheckpointError(
                f"run {self.folder} was trained on the motion library {place}, which is not there; "
                f"put it back, or write its new place into {pointer}"
            )
        library = MotionLibrary.load(place, streaming=True)
        if library.content_hash != noted["content_hash"]:
            raise CheckpointError(
                f"run {self.folder} was trained on a motion library with content hash "
                f"{noted['content_hash'][:12]}..., but {place} has {library.content_hash[:12]}...; "
                f"put the right one there, or write its place into {pointer}"
            )
        return library

    def find(self, which: str | int | Path) -> Path:
        """Path of a checkpoint: "last", "best", an iteration, or a path.

        Raises:
            CheckpointError: there is none.
        """
        return find_checkpoint(self.folder, which)


def require_no_run(folder: Path) -> None:
    """Refuse to overwrite.

    Raises:
        OutputError: there is a run with checkpoints already.
    """
    if any((folder / "checkpoints").glob("*.pt")):
        raise OutputError(
            f"{folder} already holds a run; go on with `mimiclab train resume {folder}`, "
            "or choose another --name"
        )


def create_run(
    folder: Path,
    task: "Task",
    train: TrainCfg,
    library: "MotionLibrary | None",
    sources: dict[str, Any] | None = None,
) -> None:
    """Write a new run folder: configuration, motions, and the `sources` that it learns from.

    Raises:
        OutputError: there is a run with checkpoints already, or the folder cannot be written.
    """
    require_no_run(folder)
    config = {
        "schema": SCHEMA,
        "id": uuid.uuid4().hex[:8],
        "kind": task.kind,
        "task": to_plain(task),
        "train": to_plain(train),
        "seed": train.seed,
        "motions": None if library is None else _store_motions(folder, library),
        "sources": sources or {},
        "git": git_state(),
        "versions": versions(),
        "sessions": [],
    }
    _write_config(folder, config)
    patch = git_diff()
    if patch:
        write_text(folder / "uncommitted.patch", patch)
    _point_latest(folder)


def _store_motions(folder: Path, library: "MotionLibrary") -> dict[str, Any]:
    """Write the motions, or where they are streamed from; returns what config.json says of them."""
    content = library.content_hash
    if library.streamed_from is None:
        library.save(folder / "motions.safetensors")
        return {"clips": list(library.clip_names), "content_hash": content}
    noted = {"library": str(library.streamed_from), "content_hash": content}
    write_text(folder / "motions.json", json.dumps(noted, indent=2) + "\n")
    # Of a large library the names would be most of config.json.
    return {"clips": library.num_clips, "content_hash": content}


def add_session(folder: Path, iteration: int, train: TrainCfg, **facts: Any) -> None:
    """Note in config.json that a training starts or goes on, with the settings it now has."""
    config = read_config(folder)
    config["train"] = to_plain(train)
    config["sessions"].append(
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "from_iteration": iteration,
            "git": git_state(),
            "versions": versions(),
            **facts,
        }
    )
    _write_config(folder, config)


def load_run(path: str | Path, checkpoint: str | int | Path | None = None) -> Run:
    """Read a run from its folder, or from the path of one of its checkpoints.

    Args:
        path: run folder, checkpoint file, or a location of one; see `mimiclab.locations`. A
            checkpoint without its run folder must hold the settings itself.
        checkpoint: "last", "best", an iteration or a path; `last` unless `path` is a checkpoint.

    Raises:
        CheckpointError: no run there, damaged, or without such a checkpoint.
        LocationError: it cannot be fetched.
    """
    from mimiclab.tasks.task import task_class

    path = local_path(path)
    folder, config = path, None
    if path.suffix == ".pt":
        folder = path.parent.parent if path.parent.name == "checkpoints" else path.parent
        checkpoint = checkpoint if checkpoint is not None else path
        if path.is_file() and not (folder / "config.json").is_file():
            config = _config_inside(path)
    config = read_config(folder) if config is None else config
    return Run(
        folder=folder.resolve(),
        task=from_plain(task_class(config.get("kind", "tracking")), config["task"], "task"),
        train=from_plain(TrainCfg, _renamed(config["train"]), "train"),
        checkpoint=find_checkpoint(folder.resolve(), "last" if checkpoint is None else checkpoint),
        config=config,
    )


def _config_inside(checkpoint: Path) -> dict[str, Any]:
    """config.json of a checkpoint's run as the checkpoint itself holds it.

    Raises:
        CheckpointError: it is damaged or holds none.
    """
    config = ckpt.load_checkpoint(checkpoint).get("config")
    if config is None:
        raise CheckpointError(
            f"{checkpoint} is not in a run folder, there is no config.json with it, and it holds "
            "no settings itself, as checkpoints of older versions. Give a checkpoint in a folder "
            "made by `mimiclab train`"
        )
    return _checked_config(config, f"the settings in {checkpoint}")


def find_checkpoint(folder: Path, which: str | int | Path) -> Path:
    """Path of a checkpoint in a run folder: "last", "best", an iteration, or a path.

    Raises:
        CheckpointError: there is none; the message names those that exist.
    """
    checkpoints = folder / "checkpoints"
    if which in ("last", "best"):
        path = checkpoints / f"{which}.pt"
    elif isinstance(which, int) or (isinstance(which, str) and which.isdigit()):
        path = ckpt.numbered_path(checkpoints, int(which))
    else:
        path = Path(which)
    if not path.is_file():
        names = sorted(p.name for p in checkpoints.glob("*.pt"))
        there = ", ".join(names) if names else "none: the run was stopped before its first save"
        raise CheckpointError(f"no checkpoint {which} of run {folder}; there is {there}")
    return path


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run.

    Raises:
        CheckpointError: missing, damaged or of a newer schema.
    """
    path = folder / "config.json"
    if not path.is_file():
        inside = sorted(found.parent.name for found in folder.glob("*/config.json"))
        advice = "Give a folder made by `mimiclab train`, or a checkpoint in it"
        if inside:  # the folder of a pipeline, or of all runs
            advice = f"It holds the runs {', '.join(inside[:8])}{' ...' * (len(inside) > 8)}; "
            advice += "name one of them"
        raise CheckpointError(f"{folder} is not a run folder: it has no config.json. {advice}")
    try:
        return _checked_config(json.loads(path.read_text(encoding="utf-8")), str(path))
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}); restore it from a copy") from error


def _checked_config(config: Any, where: str) -> dict[str, Any]:
    try:
        newer = config["schema"] > SCHEMA
        missing = {"task", "train"} - set(config)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{where} is damaged ({error}); restore it from a copy") from error
    if newer:
        raise CheckpointError(
            f"{where} has schema {config['schema']}, this version reads up to {SCHEMA}; update "
            "mimiclab"
        )
    if missing:
        raise CheckpointError(
            f"{where} is damaged: it lacks {', '.join(sorted(missing))}; restore it from a copy"
        )
    return config


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")


def _point_latest(folder: Path) -> None:
    """Let `latest` beside the run name it; file systems without links go without."""
    link = folder.parent / "latest"
    if link.is_symlink() or not link.exists():
        fresh = folder.parent / f".latest-{folder.name}"
        try:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(folder.name)
            fresh.replace(link)
        except OSError:
            return


def _renamed(train: Any) -> Any:
    """Training settings of older versions under the names of now."""
    if not (isinstance(train, dict) and "shard_clips" in train):
        return train
    rest = {key: value for key, value in train.items() if key != "shard_clips"}
    return {**rest, "shard": {"strategy": "balanced" if train["shard_clips"] else "none"}}
