"""The files that a training learns from besides its motions; a resumed run needs the same ones."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mimiclab.errors import CheckpointError
from mimiclab.files import file_sha256
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.run import find_checkpoint
from mimiclab.locations import is_location, local_path


def at_fixed_places(cfg: TrainCfg) -> TrainCfg:
    """The settings with absolute paths and no links, so that they hold in another folder, later.

    Locations elsewhere stay what they are: a fetched file may leave the cache.
    """

    def fixed(path: str | None) -> str | None:
        return path if path is None or is_location(path) else str(Path(path).resolve())

    imitation, start, residual = cfg.imitation, cfg.warm_start, cfg.residual
    teachers = tuple(
        replace(teacher, path=str(fixed(teacher.path))) for teacher in imitation.teachers
    )
    return replace(
        cfg,
        imitation=replace(imitation, teachers=teachers, recording=fixed(imitation.recording)),
        warm_start=replace(start, path=fixed(start.path), critic=fixed(start.critic)),
        residual=replace(residual, base=fixed(residual.base)),
        network=replace(cfg.network, estimator=fixed(cfg.network.estimator)),
    )


def describe_sources(cfg: TrainCfg) -> dict[str, dict[str, str]]:
    """For each file, by its part in the training: where it is and its SHA-256.

    Raises:
        CheckpointError: one of them is not there.
    """
    return {
        role: {"path": path, "file": str(file), "sha256": file_sha256(file)}
        for role, path, file in _files(cfg, start_too=True)
    }


def require_unchanged(noted: Mapping[str, Mapping[str, Any]], cfg: TrainCfg, run: Path) -> None:
    """Check before a run goes on that who taught it is what it was. A warm start is over by then.

    Raises:
        CheckpointError: a teacher or recording is missing or has changed.
    """
    for role, path, file in _files(cfg, start_too=False):
        before = noted.get(role, {}).get("sha256")
        now = file_sha256(file)
        if before is not None and before != now:
            raise CheckpointError(
                f"{role} of {run} has changed: {file} has SHA-256 {now[:12]}..., the run began "
                f"with {before[:12]}...; put the file of that time at {path}, or start a new run"
            )


def _files(cfg: TrainCfg, *, start_too: bool) -> Iterator[tuple[str, str, Path]]:
    """Role, path as given, and file of each."""
    for teacher in cfg.imitation.teachers:
        role = f"teacher of {teacher.group}" if teacher.group else "teacher"
        yield role, teacher.path, _file(role, teacher.path)
    if cfg.imitation.recording is not None:
        path = cfg.imitation.recording
        yield "recording", path, _file("recording", path)
    starts = {"warm start": cfg.warm_start.path, "critic of the warm start": cfg.warm_start.critic}
    for role, path in starts.items():
        if start_too and path is not None:
            yield role, path, _file(role, path)


def _file(role: str, path: str) -> Path:
    place = local_path(path)
    if place.is_file():
        return place
    if place.is_dir():
        return find_checkpoint(place, "last")
    raise CheckpointError(f"{role}: there is nothing at {path}; give a run folder or a file")
