"""Writing a library clip by clip, never holding more than one shard of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch

from mimiclab.errors import MotionError, OutputError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import resample
from mimiclab.motions.library.frame import RowLayout
from mimiclab.motions.library.half import from_half, half_width, to_half
from mimiclab.motions.library.table import row_digest
from mimiclab.motions.packed.index import ClipIndex, joined
from mimiclab.motions.packed.packing import check_bodies, check_clips, clip_entry, pack
from mimiclab.motions.packed.shards import (
    INDEX_FILE,
    Shard,
    read_shard,
    shard_name,
    write_index,
    write_shard,
)
from mimiclab.robots import Robot, get_robot

SHARD_BYTES = 256 << 20
"""Usual size of a shard."""


@dataclass(frozen=True)
class PackedClip:
    """A clip ready to be stored; made in any process."""

    name: str
    rows: np.ndarray
    """Float32 (frames, width), or int16 words in half precision."""
    entry: dict[str, Any]
    """What the index notes of it."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """What all clips of a library have in common."""

    robot: str
    """Registry name."""
    bodies: tuple[str, ...]
    """Bodies to keep, root first."""
    fps: float | None = None
    """Resample to this rate, Hz; None keeps each clip's own."""
    half: bool = False
    """Store body data in half precision, see `library_half`."""

    @property
    def layout(self) -> RowLayout:
        """Layout of the float32 rows."""
        return RowLayout(get_robot(self.robot).num_joints, len(self.bodies))

    def pack(self, clip: MotionClip) -> PackedClip:
        """Forward kinematics, encoding and checksum of a clip.

        Raises:
            MotionError: other joints than the robot's, or numbers that half precision cannot hold.
            RobotError: a clip of another robot.
        """
        robot = get_robot(self.robot)
        check_clips([clip], robot)
        clip = clip if self.fps is None else resample(clip, self.fps)
        rows = torch.from_numpy(pack(clip, robot, self.bodies))
        stored = to_half(rows, self.layout) if self.half else rows
        read_back = from_half(stored, self.layout) if self.half else rows
        entry = {**clip_entry(clip), "digest": row_digest(read_back).hex()}
        return PackedClip(clip.name, stored.numpy(), entry)


class LibraryWriter:
    """Writes a folder of shards that `MotionLibrary.load` opens.

        with LibraryWriter("library", robot="unitree_g1") as writer:
            for clip in clips:
                writer.append(clip)

    Each shard is written whole or not at all, and the index last: a folder whose writing was
    interrupted is no library, and can be gone on with. Holds about twice a shard in memory.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        robot: str | Robot,
        fps: float | None = None,
        body_names: Sequence[str] | None = None,
        half: bool = False,
        shard_bytes: int = SHARD_BYTES,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        """Begin a library.

        Args:
            folder: where to write; made if it does not exist.
            robot: the robot, or its registry name.
            fps: resample every clip to this rate, Hz; None keeps each clip's own rate.
            body_names: bodies to keep, root first; the robot's tracked bodies by default.
            half: store body data in half precision.
            shard_bytes: begin a new shard rather than let one grow above this; a clip stays whole.
            overwrite: remove a library that is there.
            resume: go on behind the shards that an interrupted writer left; `origins` tells what is
                in them.

        Raises:
            OutputError: there is a library, or shards of one, and neither option was given; or
                shards that were begun with other settings.
            RobotError: a body that does not exist.
        """
        robot = get_robot(robot) if isinstance(robot, str) else robot
        bodies = tuple(body_names) if body_names is not None else robot.tracked_bodies
        check_bodies(robot, bodies)
        if shard_bytes <= 0:
            raise OutputError(f"a shard of {shard_bytes} bytes was asked for; expected more than 0")
        self.folder = Path(folder)
        self.packing = Packing(robot=robot.name, bodies=bodies, fps=fps, half=half)
        self.shard_bytes = shard_bytes
        self.origins: set[str] = set()
        """The `origin` of all clips so far."""
        self._parts: list[ClipIndex] = []
        self._waiting: list[PackedClip] = []
        self._bytes = 0
        self._names: set[str] = set()
        self._prepare(overwrite, resume)

    @property
    def num_clips(self) -> int:
        """Clips so far."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Whether a clip of this name was appended."""
        return name in self._names

    def append(self, clip: MotionClip | PackedClip, *, name: str = "", origin: str = "") -> None:
        """Add a clip, or one that `packing.pack` has prepared.

        Args:
            clip: the clip.
            name: its name in the library, if it shall be another than its own.
            origin: anything that tells the caller, who resumes, that this one is done.

        Raises:
            MotionError: a name that is taken, other joints, or numbers that cannot be stored.
            RobotError: a clip of another robot.
            OutputError: a shard is full and cannot be written.
        """
        packed = clip if isinstance(clip, PackedClip) else self.packing.pack(clip)
        name = name or packed.name
        if name in self._names:
            raise MotionError(
                f"clip names must differ, as statistics are kept by name; repeated: {name!r}; "
                "rename the clip or its file"
            )
        columns = (
            half_width(self.packing.layout) if self.packing.half else self.packing.layout.width
        )
        if packed.rows.shape[1] != columns:
            raise MotionError(
                f"motion {name!r} has rows of {packed.rows.shape[1]} numbers, this library of "
                f"{columns}; pack it with the writer's own `packing`"
            )
        if self._waiting and self._bytes + packed.rows.nbytes > self.shard_bytes:
            self._flush()
        extra = {"name": name, **({"origin": origin} if origin else {})}
        self._waiting.append(replace(packed, name=name, entry={**packed.entry, **extra}))
        self._bytes += packed.rows.nbytes
        self._names.add(name)
        self.origins.add(origin)

    def close(self) -> None:
        """Write what is left and the index: now it is a library.

        Raises:
            MotionError: no clip was appended.
            OutputError: it cannot be written.
        """
        if self._waiting:
            self._flush()
        if not self._parts:
            raise MotionError("a motion library needs at least one clip, none was given")
        index = joined(self._parts)
        shards = [(part.rows, part.content_hash()) for part in self._parts]
        write_index(self.folder, index, shards, index.content_hash())

    def __enter__(self) -> "LibraryWriter":
        """The writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, unless an error ended the work: then the shards wait to be gone on with."""
        if kind is None:
            self.close()

    def _flush(self) -> None:
        robot = get_robot(self.packing.robot)
        entries = [clip.entry for clip in self._waiting]
        part = ClipIndex.of(robot.name, robot.joint_names, self.packing.bodies, entries)
        rows = np.concatenate([clip.rows for clip in self._waiting])
        self._waiting, self._bytes = [], 0
        path = self.folder / shard_name(len(self._parts))
        write_shard(path, rows, part, part.content_hash(), entries)
        self._parts.append(part)

    def _prepare(self, overwrite: bool, resume: bool) -> None:
        there = sorted(self.folder.glob(shard_name(0).replace("00000", "*")))
        index = self.folder / INDEX_FILE
        if overwrite:
            # The index first: what is left if this is interrupted is no library.
            for path in (index, *there):
                path.unlink(missing_ok=True)
        elif index.exists():
            raise OutputError(
                f"{self.folder} is a motion library already; choose another folder, or overwrite it"
            )
        elif there and not resume:
            raise OutputError(
                f"{self.folder} holds {len(there)} shards of a library whose packing did not "
                "finish; resume or overwrite it, or choose another folder"
            )
        elif there:
            for number, path in enumerate(there):
                if path.name != shard_name(number):
                    raise OutputError(f"{self.folder / shard_name(number)} is missing; overwrite")
                self._take_over(read_shard(path))

    def _take_over(self, shard: Shard) -> None:
        part, robot = shard.index(), get_robot(self.packing.robot)
        given = {
            "robot": robot.name,
            "bodies": self.packing.bodies,
            "half": self.packing.half,
            "fps": self.packing.fps,
        }
        found = {
            "robot": part.robot,
            "bodies": part.body_names,
            "half": shard.dtype != "F32",
            # Clips that kept their rates have none in common that could be asked for.
            "fps": float(part.fps[0]) if self.packing.fps is not None else None,
        }
        differ = [key for key in given if given[key] != found[key]]
        if differ or part.digests is None:
            told = ", ".join(f"{key} {found[key]!r} instead of {given[key]!r}" for key in differ)
            raise OutputError(
                f"{shard.path} was begun with other settings ({told}); "
                "give the same ones, or overwrite the folder"
            )
        self._parts.append(part)
        self._names.update(part.names)
        entries = json.loads(shard.metadata["index"])["clips"]
        self.origins.update(entry.get("origin", "") for entry in entries)
