"""Stages of a pipeline: each makes one folder, and may need those of stages before it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mimiclab.errors import PipelineError

State = Literal["absent", "started", "finished"]


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """One step of a pipeline."""

    name: str
    """Also the name of its folder."""
    about: str
    """What it makes, in a few words."""
    groups: Mapping[str, str]
    """Motion groups to learn from: name to motions."""
    motion_folder: str | None = None
    """Where the files of published motion sets are."""
    needs: tuple[str, ...] = ()
    """Stages that must be finished first."""
    trained_with: str | None = None
    """Stage whose command makes this one too; none if it has one of its own."""
    is_policy: bool = True
    """Whether it makes a policy, which can be examined."""

    @abstractmethod
    def state(self, folder: Path) -> State:
        """How far the stage has come in its folder."""

    @abstractmethod
    def check(self, folder: Path) -> None:
        """Refuse settings that cannot work, or others than its folder was begun with.

        Raises:
            MimiclabError: as said.
        """

    @abstractmethod
    def advance(self, folder: Path) -> State:
        """Begin, or go on to the end; `started` if it was interrupted.

        Raises:
            PipelineError: the folder was begun with other settings.
        """


def require_predecessors(stages: Mapping[str, Stage], name: str, folder: Path) -> None:
    """Refuse a stage whose predecessors are not finished.

    Args:
        stages: all stages of the pipeline by name.
        name: which one.
        folder: of the pipeline; each stage has its own in it.

    Raises:
        PipelineError: as said.
    """
    for need in stages[name].needs:
        state = stages[need].state(folder / need)
        if state != "finished":
            what = "has not been trained" if state == "absent" else "is only partly trained"
            raise PipelineError(
                f"stage {name!r} needs stage {need!r}, which {what} in {folder}; first run "
                f"`mimiclab train {stages[need].trained_with or need} --name {folder.name}` with "
                "the same recipe"
            )


def run_stage(stages: Mapping[str, Stage], name: str, folder: Path) -> State:
    """Bring a stage to its end, from wherever an earlier attempt stopped.

    Args:
        stages: all stages of the pipeline by name.
        name: which one.
        folder: of the pipeline; each stage has its own in it.

    Returns:
        `finished`, or `started` if it was interrupted.

    Raises:
        PipelineError: a stage that it needs is not finished, or it was begun with other settings.
    """
    require_predecessors(stages, name, folder)
    return stages[name].advance(folder / name)
