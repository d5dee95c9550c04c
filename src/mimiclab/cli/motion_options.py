"""Options that every command which reads motions has: which files, and what they do not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.motions.clip import MotionClip
    from mimiclab.motions.human.clip import HumanClip
    from mimiclab.motions.sources import MotionSource

Inputs = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="MOTION...")]
"""Files, folders, globs, `builtin:NAME`, names of motion sets, or expressions of them."""
Json = Annotated[Path | None, tyro.conf.arg(name="json")]
"""A file for the findings as JSON."""


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How motion files are found and read."""

    robot: str = "unitree_g1"
    """Robot of the files; those that name another one are refused."""
    fps: float | None = None
    """Frame rate of files that do not state one; 30 for CSV if left out."""
    root_quat_order: Literal["xyzw", "wxyz"] | None = None
    """Order of the root quaternion in CSV files (Unitree xyzw, Kimodo wxyz)."""
    motion_folder: Path | None = None
    """Folder that holds the clips of motion sets."""
    ignore_keys: tuple[str, ...] = ()
    """npz keys to pass over although the format does not know them."""
    terrain: str = ""
    """Mesh of the ground, for files that do not name theirs; kept with the clip."""

    def find(self, motions: str | Sequence[str]) -> "list[MotionSource]":
        """What the words name, not read yet; raises as `find_sources`."""
        from mimiclab.motions.sources import find_sources

        return find_sources(motions, **vars(self))

    def load(self, motions: str | Sequence[str]) -> "list[MotionClip]":
        """The clips that the words name; raises as `load_motions`."""
        from mimiclab.motions.sources import load_motions

        return load_motions(motions, **vars(self))


Sources = Annotated[SourceOptions, tyro.conf.arg(name="")]
"""Type of a command's parameter; its default is `DEFAULTS`."""
DEFAULTS = SourceOptions()


@dataclass(frozen=True, kw_only=True)
class HumanOptions:
    """How files with motions of people are read; each is found from the file if left out."""

    skeleton: str | None = None
    """Landmark map of a person's joints: a shipped one's name, or a YAML file."""
    units: Literal["m", "cm", "mm", "inch", "cmu"] | None = None
    """Length unit of a BVH or of joint positions; `cmu` is inches / 0.45."""
    up: Literal["y", "z"] | None = None
    """Axis that points up in a file of people."""
    asf: Path | None = None
    """Skeleton of an AMC; the one beside it if left out."""
    body_model: Path | None = None
    """Licensed SMPL model (npz); a published mean body if left out."""

    def read(self, path: str | Path, fps: float | None = None) -> "HumanClip":
        """The person's motion in a file; raises as `read_human`."""
        from mimiclab.motions.human.formats import read_human

        return read_human(path, fps=fps, **vars(self))


Humans = Annotated[HumanOptions, tyro.conf.arg(name="")]
"""Type of a command's parameter; its default is `HUMAN_DEFAULTS`."""
HUMAN_DEFAULTS = HumanOptions()
