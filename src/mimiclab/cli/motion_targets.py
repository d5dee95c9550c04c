"""Where the results of a batch of motions go: one file, or a tree like that of the inputs."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mimiclab.errors import OutputError


class Input(Protocol):
    """What is read: its label, and its file if it has one."""

    @property
    def label(self) -> str:
        """What the user named."""
        ...

    @property
    def path(self) -> Path | None:
        """The file."""
        ...


class Source(Input, Protocol):
    """What is written to a file of its name."""

    @property
    def name(self) -> str:
        """What a motion set calls it; empty where that is as its file."""
        ...


def output_paths(
    sources: Sequence[Source], output: Path, suffix: str, *, prefix: str = ""
) -> dict[str, Path]:
    """Output file of every source by label; a batch keeps the folders below the common one.

    Names of a batch begin with `prefix`.

    Raises:
        OutputError: the output is one file and there are several sources.
    """
    if len(sources) == 1 and output.suffix and not output.is_dir():
        return {sources[0].label: output}
    if output.suffix and not output.is_dir():
        raise OutputError(
            f"--output {output} is one file, but {len(sources)} motions were named; give a folder"
        )
    parents = [str(s.path.parent.absolute()) for s in sources if s.path is not None]
    common = Path(os.path.commonpath(parents)) if parents else Path()
    targets = {}
    for source in sources:
        if source.path is None:
            inner = Path(source.label.partition(":")[2])
        else:
            inner = source.path.absolute().relative_to(common)
        # Clips inside a file of many have no suffix, but may have a dot in their names.
        inside = source.path is not None and not source.path.is_file()
        stem = inner.name if inside or source.path is None else inner.stem
        targets[source.label] = output / inner.with_name(prefix + (source.name or stem) + suffix)
    return targets


def clashes(sources: Sequence[Input], outputs: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """Labels that would be written over an input or over each other, with what to say of them.

    Args:
        sources: what is read.
        outputs: the files that each label is written to.
    """
    makers: dict[Path, list[str]] = {}
    for label, paths in outputs.items():
        for path in paths:
            makers.setdefault(path.absolute(), []).append(label)
    said = {
        label: f"{' and '.join(labels)} would both be written to {path}; do them one by one"
        for path, labels in makers.items()
        if len(labels) > 1
        for label in labels
    }
    inputs = {s.path.absolute() for s in sources if s.path is not None}
    for path in inputs & makers.keys():
        said[makers[path][0]] = f"{path} would replace an input; choose another output"
    return said
