"""Where the numbers of an iteration go: metrics.jsonl, TensorBoard, wandb."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from mimiclab.errors import MimiclabError, OutputError

Line = dict[str, Any]


class LogSink(Protocol):
    """Takes one line for each iteration."""

    def write(self, line: Line) -> None:
        """Record the line of one iteration."""
        ...

    def close(self) -> None:
        """Flush and finish."""
        ...


class JsonlLog:
    """One JSON object a line. Lines of updates that a resumed run repeats are dropped first."""

    def __init__(self, path: Path, *, first_iteration: int = 0) -> None:
        self.path = path
        try:
            _drop_from(path, first_iteration)
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}; choose another run folder"
            ) from error

    def write(self, line: Line) -> None:
        """Append the line; it is on its way to the disk when this returns."""
        self._file.write(json.dumps(line, allow_nan=True) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoardLog:
    """Curves for `tensorboard --logdir runs`."""

    def __init__(self, folder: Path, *, first_iteration: int = 0) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        purge = first_iteration if first_iteration else None
        self._writer = SummaryWriter(str(folder), purge_step=purge, flush_secs=10)

    def write(self, line: Line) -> None:
        """Add each number of the line as a scalar."""
        for name, value in scalars(line):
            self._writer.add_scalar(name, value, line["iteration"])

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


class WandbLog:
    """Weights & Biases; offline when WANDB_MODE=offline, or when nobody is logged in.

    Raises:
        MimiclabError: wandb is not installed.
    """

    def __init__(self, folder: Path, project: str, config: Line) -> None:
        try:
            import wandb
        except ModuleNotFoundError as error:
            raise MimiclabError(
                "logger wandb needs the wandb package: pip install 'mimiclab[wandb]', "
                "or use --logger tensorboard"
            ) from error
        known = os.environ.get("WANDB_API_KEY") or (Path.home() / ".netrc").is_file()
        mode = os.environ.get("WANDB_MODE") or ("online" if known else "offline")
        self._run = wandb.init(
            project=project,
            name=folder.name,
            id=f"{folder.name}-{config['id']}",
            dir=str(folder),
            config=config,
            mode=mode,  # type: ignore[arg-type]
            resume="allow",
        )

    def write(self, line: Line) -> None:
        """Log all numbers of the line in one step."""
        self._run.log(dict(scalars(line)), step=line["iteration"])

    def close(self) -> None:
        """Finish the wandb run."""
        self._run.finish()


def scalars(line: Line, prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a nested line under names like `rewards/body_pos`."""
    for key, value in line.items():
        if isinstance(value, dict):
            yield from scalars(value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and key != "iteration":
            yield f"{prefix}{key}" if prefix else f"train/{key}", float(value)


def read_metrics(path: Path) -> list[Line]:
    """All whole lines of a metrics.jsonl; a last line cut off by a killed process is left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def _drop_from(path: Path, first_iteration: int) -> None:
    if not path.is_file():
        return
    kept = [line for line in read_metrics(path) if line["iteration"] < first_iteration]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
