"""Many clips as one table of frames: fast lookup of a reference at (clip, time)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.files import atomic_path
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import resample
from mimiclab.motions.packing import check_bodies, check_clips, pack
from mimiclab.robots import Robot, get_robot

SCHEMA = 1
_ON_GRID = 1e-3
"""A time closer than this to a stored frame, in frames, is that frame (20 us at 50 Hz)."""


@dataclass(frozen=True)
class MotionFrame:
    """The reference at one time for N environments; with a horizon the shapes are (N, H, ...).

    Float32, world frame. Velocities of bodies are those of link origins. The fields are views into
    one packed row, so add env origins out of place.
    """

    joint_pos: torch.Tensor
    """Joint angles, rad. Shape (N, J)."""
    joint_vel: torch.Tensor
    """Joint velocities, rad/s. Shape (N, J)."""
    body_pos_w: torch.Tensor
    """Positions of the tracked bodies, m. Shape (N, B, 3)."""
    body_quat_w: torch.Tensor
    """Orientations (w, x, y, z) of the tracked bodies. Shape (N, B, 4)."""
    body_lin_vel_w: torch.Tensor
    """Linear velocities, m/s. Shape (N, B, 3)."""
    body_ang_vel_w: torch.Tensor
    """Angular velocities, rad/s. Shape (N, B, 3)."""
    joint_pos_vel: torch.Tensor
    """Joint angles and velocities side by side, the tracking command. Shape (N, 2 J)."""


class MotionLibrary:
    """Clips of one robot, packed into one float32 row per frame.

    A row holds joint_pos (J), joint_vel (J), then for the B tracked bodies position (3 B),
    quaternion (4 B), linear velocity (3 B), angular velocity (3 B). Quaternions of successive
    frames lie on one hemisphere, so that interpolation needs no sign test.
    """

    def __init__(self, frames: torch.Tensor, index: dict[str, Any], content_hash: str = "") -> None:
        """Wrap packed `frames` (sum of clip frames, row width); use `from_clips` or `load`."""
        self.frames_table = frames
        self._index = index
        self._stored_hash = content_hash
        self.robot: str = index["robot"]
        self.joint_names: tuple[str, ...] = tuple(index["joint_names"])
        self.body_names: tuple[str, ...] = tuple(index["body_names"])
        clips = index["clips"]
        self.clip_names: tuple[str, ...] = tuple(c["name"] for c in clips)
        device = frames.device
        counts = torch.tensor([c["frames"] for c in clips], dtype=torch.long)
        self.clip_frames = counts.to(device)
        """Number of frames of each clip. Shape (C,)."""
        self.clip_fps = torch.tensor([c["fps"] for c in clips], dtype=torch.float64, device=device)
        """Frame rate of each clip, Hz. Shape (C,)."""
        self.durations_s = (self.clip_frames - 1) / self.clip_fps
        """Time from first to last frame of each clip, s. Shape (C,), float64."""
        self._first = (counts.cumsum(0) - counts).to(device)
        self._last = self.clip_frames - 1
        self._check_table()

    @property
    def num_clips(self) -> int:
        """Number of clips C."""
        return len(self.clip_names)

    @property
    def device(self) -> torch.device:
        """Device of the table; results live there."""
        return self.frames_table.device

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
            entries.append(
                {
                    "name": clip.name,
                    "fps": float(clip.fps),
                    "frames": len(tables[-1]),
                    "source": clip.source,
                    "licence": clip.licence,
                    "tags": list(clip.tags),
                }
            )
        index = {
            "robot": robot.name,
            "joint_names": list(robot.joint_names),
            "body_names": list(bodies),
            "clips": entries,
        }
        table = torch.from_numpy(np.concatenate(tables))
        return cls(table.to(device), index)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file: the table, with the index as JSON in its metadata.

        Raises:
            OutputError: the file cannot be written.
        """
        metadata = {
            "mimiclab_motion_library": str(SCHEMA),
            "index": json.dumps(self._index),
            "content_hash": self.content_hash,
        }
        with atomic_path(path) as temporary:
            try:
                save_file(
                    {"frames": self.frames_table.cpu().contiguous()}, temporary, metadata=metadata
                )
            except SafetensorError as error:  # its own type for "no space left"
                raise OSError(0, str(error)) from error

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device = "cpu") -> "MotionLibrary":
        """Open a saved library. On the CPU the table is memory-mapped, not read.

        Raises:
            MotionFileError: missing, damaged, of another kind or of a newer schema.
        """
        path = Path(path)
        if not path.is_file():
            raise MotionFileError(f"motion library {path} does not exist; check the path")
        try:
            with safe_open(path, framework="pt", device=str(device)) as file:
                metadata = file.metadata() or {}
                if "mimiclab_motion_library" not in metadata:
                    raise MotionFileError(
                        f"{path} is a safetensors file but not a motion library; "
                        "make one with MotionLibrary.save"
                    )
                if int(metadata["mimiclab_motion_library"]) > SCHEMA:
                    raise MotionFileError(
                        f"{path} has motion library schema {metadata['mimiclab_motion_library']}, "
                        f"this version reads up to {SCHEMA}; update mimiclab"
                    )
                frames = file.get_tensor("frames")
                index = json.loads(metadata["index"])
                return cls(frames, index, metadata["content_hash"])
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise MotionFileError(
                f"motion library {path} cannot be read ({error}); write it again"
            ) from error

    def to(self, device: str | torch.device) -> "MotionLibrary":
        """The same library on another device."""
        if torch.device(device) == self.device:
            return self
        return MotionLibrary(self.frames_table.to(device), self._index, self._stored_hash)

    def __deepcopy__(self, memo: dict) -> "MotionLibrary":
        """Libraries never change, so copied configurations share them."""
        return self

    def select(self, clips: Sequence[int]) -> "MotionLibrary":
        """A library of some of the clips, in the order given: the share of one training process.

        Raises:
            MotionError: no clip selected, or an index outside the library.
        """
        bad = [i for i in clips if not 0 <= i < self.num_clips]
        if not clips or bad:
            raise MotionError(
                f"cannot select clips {list(clips)} of {self.num_clips}; "
                f"choose at least one index from 0 to {self.num_clips - 1}"
            )
        rows = [
            self.frames_table[int(self._first[i]) : int(self._first[i] + self.clip_frames[i])]
            for i in clips
        ]
        entries = [self._index["clips"][i] for i in clips]
        return MotionLibrary(torch.cat(rows), {**self._index, "clips": entries})

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of robot, names, frame rates and all frames; source and licence do not count."""
        return self._stored_hash or self.compute_hash()

    def compute_hash(self) -> str:
        """The content hash, computed from the frames even if a saved one is known."""
        clips = [[c["name"], c["fps"], c["frames"]] for c in self._index["clips"]]
        names = [self.robot, self.joint_names, self.body_names, clips]
        digest = hashlib.sha256(json.dumps(names).encode())
        digest.update(self.frames_table.cpu().contiguous().numpy().data)
        return digest.hexdigest()

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
            nearest = row + (blend >= 0.5).long()
            return self._split(self.frames_table.index_select(0, nearest))
        weight = blend.to(self.frames_table.dtype)
        # One fused pass: weighted sums of two rows each.
        packed = torch.nn.functional.embedding_bag(
            torch.stack([row, row + (blend > 0).long()], dim=1),
            self.frames_table,
            mode="sum",
            per_sample_weights=torch.stack([1.0 - weight, weight], dim=1),
        )
        frame = self._split(packed)
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
        entry = self._index["clips"][i]
        first = int(self._first[i])
        frame = self._split(self.frames_table[first : first + entry["frames"]])
        quat = frame.body_quat_w[:, 0].cpu().numpy().astype(np.float64)
        return MotionClip(
            name=entry["name"],
            robot=self.robot,
            fps=entry["fps"],
            joint_names=self.joint_names,
            root_pos=frame.body_pos_w[:, 0].cpu().numpy(),
            root_quat_wxyz=quat / np.linalg.norm(quat, axis=1, keepdims=True),
            joint_pos=frame.joint_pos.cpu().numpy(),
            source=entry["source"],
            licence=entry["licence"],
            tags=tuple(entry["tags"]),
        )

    def all_frames(self, i: int) -> MotionFrame:
        """Every stored frame of clip `i`, as views; the first axis is time."""
        first = int(self._first[i])
        return self._split(self.frames_table[first : first + int(self.clip_frames[i])])

    def _locate(
        self, clip: torch.Tensor, time_s: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        phase = (time_s.double() * self.clip_fps[clip]).clamp(min=0.0)
        phase = torch.minimum(phase, self._last[clip].double())
        whole = phase.round()
        phase = torch.where((phase - whole).abs() < _ON_GRID, whole, phase)
        start = phase.floor()
        return self._first[clip] + start.long(), phase - start

    def _split(self, packed: torch.Tensor) -> MotionFrame:
        joints, bodies = len(self.joint_names), len(self.body_names)
        rest = packed[:, 2 * joints :]
        return MotionFrame(
            joint_pos=packed[:, :joints],
            joint_vel=packed[:, joints : 2 * joints],
            body_pos_w=rest[:, : 3 * bodies].unflatten(1, (bodies, 3)),
            body_quat_w=rest[:, 3 * bodies : 7 * bodies].unflatten(1, (bodies, 4)),
            body_lin_vel_w=rest[:, 7 * bodies : 10 * bodies].unflatten(1, (bodies, 3)),
            body_ang_vel_w=rest[:, 10 * bodies :].unflatten(1, (bodies, 3)),
            joint_pos_vel=packed[:, : 2 * joints],
        )

    def _check_table(self) -> None:
        width = 2 * len(self.joint_names) + 13 * len(self.body_names)
        expected = (int(self.clip_frames.sum()), width)
        if tuple(self.frames_table.shape) != expected:
            raise MotionFileError(
                f"motion library table has shape {tuple(self.frames_table.shape)}, its index "
                f"describes {expected}; the file is damaged, write it again"
            )
