"""Many clips as one table of frames: fast lookup of a reference at (clip, time)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import resample
from mimiclab.motions.library.frame import MotionFrame as MotionFrame
from mimiclab.motions.library.frame import RowLayout
from mimiclab.motions.library.streaming import ShardedTable
from mimiclab.motions.library.table import FrameTable, ResidentTable, mapped_rows, row_digest
from mimiclab.motions.packed.index import ClipIndex
from mimiclab.motions.packed.packing import check_bodies, check_clips, clip_entry, pack
from mimiclab.motions.packed.shards import read_folder, read_shard, write_shard
from mimiclab.robots import Robot, get_robot

IN_MEMORY_BYTES = 2 << 30
"""Float32 rows of more than this are streamed on the CPU unless asked otherwise."""
IN_GPU_MEMORY = 0.25
"""Share of a GPU's free memory that float32 rows may take; larger libraries are streamed."""
_ON_GRID = 1e-3
"""A time closer than this to a stored frame, in frames, is that frame (20 us at 50 Hz)."""


class MotionLibrary:
    """Clips of one robot, packed into one float32 row per frame.

    `RowLayout` says what a row holds. Quaternions of successive frames lie on one hemisphere, so
    that interpolation needs no sign test. The rows are in memory, or streamed from files.
    """

    def __init__(
        self, frames: torch.Tensor | FrameTable, index: ClipIndex, content_hash: str = ""
    ) -> None:
        """Wrap packed rows (all rows, row width); use `from_clips` or `load`.

        Raises:
            MotionFileError: rows and index do not fit.
        """
        self.table = ResidentTable(frames) if isinstance(frames, torch.Tensor) else frames
        self.index = index
        """Names, frame counts, rates and weights as arrays."""
        self._stored_hash = content_hash
        self.robot = index.robot
        self.joint_names = index.joint_names
        self.body_names = index.body_names
        self.clip_names = index.names
        self.layout = RowLayout(len(index.joint_names), len(index.body_names))
        device = self.table.device
        self.clip_frames = torch.from_numpy(index.frames.copy()).to(device)
        """Number of frames of each clip. Shape (C,)."""
        self.clip_fps = torch.from_numpy(index.fps.copy()).to(device)
        """Frame rate of each clip, Hz. Shape (C,), float64."""
        self.durations_s = (self.clip_frames - 1) / self.clip_fps
        """Time from first to last frame of each clip, s. Shape (C,), float64."""
        self.clip_weights = torch.from_numpy(index.weights.copy()).to(device)
        """How often to draw a clip, relative to others of its length. Shape (C,), float64."""
        self.group_names = index.group_names
        """Motion groups, sorted; `("default",)` where clips were given none."""
        self.clip_group = torch.from_numpy(index.group_of.copy()).to(device)
        """Which of `group_names` is that of each clip. Shape (C,), int64."""
        self._first = torch.from_numpy(index.first.copy()).to(device)
        self._last = self.clip_frames - 1
        self._check_table()

    @property
    def num_clips(self) -> int:
        """Number of clips C."""
        return len(self.clip_names)

    @property
    def device(self) -> torch.device:
        """Device of the results."""
        return self.table.device

    @property
    def streamed_from(self) -> Path | None:
        """The file or folder that rows are read from as needed; None if they are in memory."""
        return self.table.path if isinstance(self.table, ShardedTable) else None

    @property
    def frames_table(self) -> torch.Tensor:
        """All rows of a library in memory.

        Raises:
            MotionError: it is streamed.
        """
        if not isinstance(self.table, ResidentTable):
            raise MotionError(
                f"the library is streamed from {self.streamed_from}; ask `frames` or `all_frames`, "
                "or take it `in_memory()`"
            )
        return self.table.rows

    @classmethod
    def from_clips(
        cls,
        clips: Sequence[MotionClip],
        *,
        robot: str | Robot,
        fps: float | None = None,
        body_names: Sequence[str] | None = None,
        device: str | torch.device = "cpu",
    ) -> "MotionLibrary":
        """Pack clips: body poses and velocities are computed by forward kinematics.

        Args:
            clips: at least one, with unique names, all of the same robot.
            robot: the robot, or its registry name.
            fps: resample every clip to this rate, Hz; None keeps each clip's own rate.
            body_names: bodies to keep, root first; the robot's tracked bodies by default.
            device: where the table lives.

        Raises:
            MotionError: no clip, repeated names, or joints that the robot does not have.
            RobotError: a clip of another robot, or a body that does not exist.
        """
        robot = get_robot(robot) if isinstance(robot, str) else robot
        bodies = tuple(body_names) if body_names is not None else robot.tracked_bodies
        check_bodies(robot, bodies)
        check_clips(clips, robot)
        tables, entries = [], []
        for given in clips:
            clip = given if fps is None else resample(given, fps)
            tables.append(pack(clip, robot, bodies))
            entries.append(clip_entry(clip))
        table = torch.from_numpy(np.concatenate(tables)).to(device)
        return cls(table, ClipIndex.of(robot.name, robot.joint_names, bodies, entries))

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: the rows, with the index as JSON in its metadata.

        Raises:
            MotionError: the library is streamed.
            OutputError: the file cannot be written.
        """
        rows = self.frames_table.cpu().contiguous().numpy()
        index = replace(self.index, digests=self.digests)
        write_shard(Path(path), rows, index, self.content_hash)

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str | torch.device = "cpu",
        *,
        streaming: bool | None = None,
    ) -> "MotionLibrary":
        """Open a packed library: one file, or the folder that a `LibraryWriter` made.

        Args:
            path: the file or folder.
            device: where results are wanted.
            streaming: read rows only as they are asked for; None does so if all rows as float32
                take more than `IN_MEMORY_BYTES`, or on a GPU more than `IN_GPU_MEMORY`. Otherwise
                they are in memory; those of a single file in full precision are memory-mapped.

        Raises:
            MotionFileError: missing, damaged, incomplete, of another kind or of a newer schema.
        """
        path = Path(path)
        if path.is_dir():
            index, shards, content_hash = read_folder(path)
        else:
            shards = [read_shard(path)]
            index, content_hash = shards[0].index(), shards[0].content_hash
        layout = RowLayout(len(index.joint_names), len(index.body_names))
        table = ShardedTable(path, shards, layout)
        library = cls(table, index, content_hash)
        if streaming is None:
            streaming = library._is_large(device)
        if streaming:
            return cls(table.to(device), index, content_hash)
        if path.is_file() and not table.half:
            library = cls(mapped_rows(path), index, content_hash)
        return library.in_memory(device)

    def to(self, device: str | torch.device) -> "MotionLibrary":
        """The same library on another device; a streamed one is read into memory if it fits.

        What fits is what `load` would put there.
        """
        if torch.device(device) == self.device:
            return self
        if isinstance(self.table, ShardedTable) and self._is_large(device):
            return MotionLibrary(self.table.to(device), self.index, self._stored_hash)
        return self.in_memory(device)

    def in_memory(self, device: str | torch.device = "cpu") -> "MotionLibrary":
        """The same library with all rows in the memory of a device, whatever their size."""
        if isinstance(self.table, ResidentTable):
            rows = self.table.rows.to(device)
            same = rows is self.table.rows
            return self if same else MotionLibrary(rows, self.index, self._stored_hash)
        assert isinstance(self.table, ShardedTable)
        rows = self.table.spans(self.index.first, self.index.frames, device)
        return MotionLibrary(rows, self.index.packed(), self._stored_hash)

    def __deepcopy__(self, memo: dict) -> "MotionLibrary":
        """Libraries never change, so copied configurations share them."""
        return self

    def select(
        self, clips: Sequence[int], factors: Sequence[float] | None = None
    ) -> "MotionLibrary":
        """A library of some of the clips, in the order given: the share of one training process.

        `factors` multiply their weights.

        Raises:
            MotionError: no clip selected, or an index outside the library.
        """
        bad = [i for i in clips if not 0 <= i < self.num_clips]
        if not clips or bad:
            raise MotionError(
                f"cannot select clips {(bad or list(clips))[:10]} of {self.num_clips}; "
                f"choose at least one index from 0 to {self.num_clips - 1}"
            )
        chosen = self.index.select(clips)
        if factors is not None:
            chosen = replace(chosen, weights=chosen.weights * np.asarray(factors))
        if isinstance(self.table, ShardedTable):
            return MotionLibrary(self.table, chosen)
        return MotionLibrary(torch.cat([self._span(i) for i in clips]), chosen.packed())

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of robot, names, frame rates and all frames; source and licence do not count.

        It depends neither on how the clips are stored in shards nor on whether they are streamed.
        """
        return self._stored_hash or replace(self.index, digests=self.digests).content_hash()

    def compute_hash(self) -> str:
        """The content hash, computed from the frames even if a saved one is known."""
        return replace(self.index, digests=self._computed_digests()).content_hash()

    def verify(self, clips: Sequence[int] | None = None) -> None:
        """Read every frame of some clips (all by default) and compare it with its checksum.

        Raises:
            MotionFileError: clips have changed since the library was packed; they are named.
        """
        known = self.index.digests
        if known is None:
            return
        clips = range(self.num_clips) if clips is None else clips
        differ = [i for i in clips if row_digest(self._span(i)) != known[i].tobytes()]
        if differ:
            named = ", ".join(repr(self.clip_names[i]) for i in differ[:5])
            raise MotionFileError(
                f"motion library {self.streamed_from or ''}: {len(differ)} of {self.num_clips} "
                f"clips are not as they were packed: {named}; copy or pack the library again"
            )

    def has_fps(self, fps: float) -> bool:
        """Whether every clip has this frame rate: then whole steps need no interpolation."""
        return bool((self.clip_fps == fps).all())

    def require_duration(self, seconds: float, purpose: str) -> None:
        """Refuse clips that are too short.

        Raises:
            MotionError: a clip lasts less than `seconds`.
        """
        short = (self.durations_s < seconds - 1e-9).nonzero().flatten().tolist()
        if short:
            named = ", ".join(
                f"{self.clip_names[i]!r} ({float(self.durations_s[i]):.3g} s)" for i in short[:5]
            )
            raise MotionError(
                f"{len(short)} of {self.num_clips} clips are shorter than the {seconds:.3g} s that "
                f"{purpose} needs: {named}; leave them out or choose a shorter one"
            )

    def frames(
        self, clip: torch.Tensor, time_s: torch.Tensor, interpolate: bool | None = None
    ) -> MotionFrame:
        """The reference of each environment.

        Positions, angles and velocities are interpolated linearly, quaternions linearly and then
        normalised. Times before the start or after the end give the first or last frame.

        Args:
            clip: clip of each environment. Shape (N,), long.
            time_s: time since the start of the clip, s. Shape (N,); float64 keeps long clips exact.
            interpolate: False takes the nearest stored frame; None finds out whether all times are
                on stored frames, which saves half of the work.
        """
        row, blend = self._locate(clip, time_s)
        if interpolate is None:
            interpolate = bool((blend > 0).any())
        if not interpolate:
            return self.layout.split(self.table.nearest(row + (blend >= 0.5).long()))
        frame = self.layout.split(self.table.between(row, blend))
        quat = frame.body_quat_w
        quat *= torch.rsqrt(quat.square().sum(-1, keepdim=True))
        return frame

    def horizon(
        self, clip: torch.Tensor, time_s: torch.Tensor, offsets_s: torch.Tensor
    ) -> MotionFrame:
        """References at `time_s + offsets_s`; past the end the last frame is held.

        Shapes: clip (N,), time_s (N,), offsets_s (H,); the result has a second axis H.
        """
        count = len(offsets_s)
        times = (time_s[:, None] + offsets_s.to(time_s)).flatten()
        flat = self.frames(clip.repeat_interleave(count), times)
        shape = (len(clip), count)
        return MotionFrame(
            **{name: value.unflatten(0, shape) for name, value in vars(flat).items()}
        )

    def clip(self, i: int) -> MotionClip:
        """Clip `i` back as generalised coordinates (float32 precision), for export and play.

        Raises:
            MotionError: index outside the library.
        """
        if not 0 <= i < self.num_clips:
            raise MotionError(f"no clip {i}; the library has 0 to {self.num_clips - 1}")
        note = self.index.note(i)
        frame = self.all_frames(i)
        quat = frame.body_quat_w[:, 0].cpu().numpy().astype(np.float64)
        return MotionClip(
            name=self.clip_names[i],
            robot=self.robot,
            fps=float(self.index.fps[i]),
            joint_names=self.joint_names,
            root_pos=frame.body_pos_w[:, 0].cpu().numpy(),
            root_quat_wxyz=quat / np.linalg.norm(quat, axis=1, keepdims=True),
            joint_pos=frame.joint_pos.cpu().numpy(),
            source=note.source,
            licence=note.licence,
            tags=note.tags,
            weight=float(self.index.weights[i]),
            group=self.index.group(i),
        )

    def all_frames(self, i: int) -> MotionFrame:
        """Every stored frame of clip `i`, the first axis is time."""
        return self.layout.split(self._span(i))

    def _span(self, i: int) -> torch.Tensor:
        return self.table.span(int(self.index.first[i]), int(self.index.frames[i]))

    @cached_property
    def digests(self) -> np.ndarray:
        """SHA-256 of the float32 rows of each clip, uint8 (C, 32); computed if not known."""
        return self._computed_digests() if self.index.digests is None else self.index.digests

    def _computed_digests(self) -> np.ndarray:
        joined = b"".join(row_digest(self._span(i)) for i in range(self.num_clips))
        return np.frombuffer(joined, np.uint8).reshape(-1, 32)

    def _is_large(self, device: str | torch.device) -> bool:
        needed = self.index.rows * self.layout.width * 4
        if torch.device(device).type != "cuda":
            return needed > IN_MEMORY_BYTES
        free, _ = torch.cuda.mem_get_info(device)
        return needed > IN_GPU_MEMORY * free

    def _locate(
        self, clip: torch.Tensor, time_s: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        phase = (time_s.double() * self.clip_fps[clip]).clamp(min=0.0)
        phase = torch.minimum(phase, self._last[clip].double())
        whole = phase.round()
        phase = torch.where((phase - whole).abs() < _ON_GRID, whole, phase)
        start = phase.floor()
        return self._first[clip] + start.long(), phase - start

    def _check_table(self) -> None:
        needed = int((self.index.first + self.index.frames).max()), self.layout.width
        there = self.table.shape
        if there[0] < needed[0] or there[1] != needed[1]:
            raise MotionFileError(
                f"motion library table has shape {there}, its index describes {needed}; "
                "the file is damaged, write it again"
            )
