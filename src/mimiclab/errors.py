"""Named errors: each message holds what was given, what was expected and what to do."""

import difflib
from collections.abc import Iterable


class MimiclabError(Exception):
    """Base of every error a user can cause; the command line prints it without a traceback."""


class UnknownNameError(MimiclabError):
    """A robot, task, motion, set or preset that does not exist."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=3, cutoff=0.4)
        advice = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        shown = ", ".join(names) if names else "(none)"
        super().__init__(f"unknown {kind} {given!r}: {advice}known: {shown}")
        self._given = kind, given, names

    def __reduce__(self) -> tuple:
        """Copies, and copies from worker processes, are made of the arguments, not the message."""
        return type(self), self._given


class MotionError(MimiclabError):
    """A clip whose content is invalid: wrong shape, NaN, bad quaternions, bad frame rate."""


class MotionFileError(MotionError):
    """A motion file that is missing, empty, truncated or of an unknown layout."""


class RobotError(MimiclabError):
    """A robot description that contradicts its model, or data made for another robot."""


class MissingModelError(RobotError):
    """A robot whose model comes with a package that is not installed."""


class TerrainError(MimiclabError):
    """Ground that cannot be walked on: a mesh that is missing, damaged or no height field."""


class EngineError(MimiclabError):
    """A simulation engine that cannot run what was asked, or is not available here."""


class DivergedError(MimiclabError):
    """A training whose losses became NaN or infinite; a dump repeats the gradient step."""


class CheckpointError(MimiclabError):
    """A checkpoint or run folder that is missing, damaged or made for something else."""


class ContractError(MimiclabError):
    """A policy whose contract is missing or disagrees with what it is asked to run on."""


class RecordingError(MimiclabError):
    """A recording of rollouts that is missing, damaged or made for something else."""


class PipelineError(MimiclabError):
    """A stage of a pipeline that cannot run yet, or that another recipe has begun."""


class RegistryError(MimiclabError):
    """A motion registry that cannot hold a name, is out of reach, or holds a damaged file."""


class LocationError(MimiclabError):
    """A file elsewhere that is not there, out of reach, or not the one that was named."""


class OutputError(MimiclabError):
    """An output that cannot be written; nothing was left half-written."""


class PortInUseError(MimiclabError):
    """The viewer's port is taken by another program."""
