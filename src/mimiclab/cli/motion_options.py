"""Options that every command which reads motions has: which files, and what they do not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.motions.clip import MotionClip
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
