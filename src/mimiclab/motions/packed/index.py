"""What a motion library knows of its clips, as arrays: names, frames, rates, places, digests."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.clip import DEFAULT_GROUP


@dataclass(frozen=True)
class ClipNotes:
    """Where a clip comes from."""

    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ClipIndex:
    """The clips of a library, without their frames. C clips; arrays of shape (C,)."""

    robot: str
    joint_names: tuple[str, ...]
    body_names: tuple[str, ...]
    names: tuple[str, ...]
    frames: np.ndarray
    """Frames of each clip, int64."""
    fps: np.ndarray
    """Frame rates, Hz, float64."""
    first: np.ndarray
    """Row of the first frame of each clip in the table, int64."""
    weights: np.ndarray
    """How often to draw a clip, relative to others of its length; float64, 1 if nothing is said."""
    notes: tuple[ClipNotes, ...]
    """The different notes."""
    note_of: np.ndarray
    """Which of `notes` is that of a clip, int32."""
    group_names: tuple[str, ...]
    """Motion groups, sorted; also those that no clip of a part of a library is in."""
    group_of: np.ndarray
    """Which of `group_names` is that of a clip, int64."""
    digests: np.ndarray | None = None
    """SHA-256 of the float32 rows of each clip, uint8 (C, 32), if known."""

    @classmethod
    def of(
        cls,
        robot: str,
        joint_names: Sequence[str],
        body_names: Sequence[str],
        entries: Sequence[dict[str, Any]],
        group_names: Sequence[str] = (),
    ) -> "ClipIndex":
        """From one dict for each clip, in the order of their rows, as files hold them.

        `group_names` are groups that exist even if no clip is in them.
        """
        frames = np.array([entry["frames"] for entry in entries], dtype=np.int64)
        known: dict[ClipNotes, int] = {}
        note_of = [
            known.setdefault(
                ClipNotes(entry["source"], entry["licence"], tuple(entry["tags"])), len(known)
            )
            for entry in entries
        ]
        digests = None
        if entries and all("digest" in entry for entry in entries):
            joined = bytes.fromhex("".join(entry["digest"] for entry in entries))
            digests = np.frombuffer(joined, np.uint8).reshape(-1, 32)
        groups = [entry.get("group", DEFAULT_GROUP) for entry in entries]
        named = tuple(sorted({*groups, *group_names}))
        return cls(
            robot=robot,
            joint_names=tuple(joint_names),
            body_names=tuple(body_names),
            names=tuple(entry["name"] for entry in entries),
            frames=frames,
            fps=np.array([entry["fps"] for entry in entries], dtype=np.float64),
            first=np.cumsum(frames) - frames,
            weights=np.array([entry.get("weight", 1.0) for entry in entries], dtype=np.float64),
            notes=tuple(known),
            note_of=np.array(note_of, dtype=np.int32),
            group_names=named,
            group_of=np.array([named.index(group) for group in groups], dtype=np.int64),
            digests=digests,
        )

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.names)

    @property
    def rows(self) -> int:
        """Frames of all clips together."""
        return int(self.frames.sum())

    def entries(self) -> list[dict[str, Any]]:
        """One dict for each clip, from which `of` makes an equal index."""
        out = []
        for i, name in enumerate(self.names):
            note = self.note(i)
            entry = {
                "name": name,
                "fps": float(self.fps[i]),
                "frames": int(self.frames[i]),
                "source": note.source,
                "licence": note.licence,
                "tags": list(note.tags),
            }
            if self.weights[i] != 1.0:
                entry["weight"] = float(self.weights[i])
            if self.group(i) != DEFAULT_GROUP:
                entry["group"] = self.group(i)
            if self.digests is not None:
                entry["digest"] = self.digests[i].tobytes().hex()
            out.append(entry)
        return out

    def note(self, i: int) -> ClipNotes:
        """Source, licence and tags of clip `i`."""
        return self.notes[self.note_of[i]]

    def group(self, i: int) -> str:
        """Motion group of clip `i`."""
        return self.group_names[self.group_of[i]]

    def in_group(self, name: str) -> "ClipIndex":
        """The same clips, all in the motion group `name`."""
        return replace(self, group_names=(name,), group_of=np.zeros_like(self.group_of))

    def select(self, clips: Sequence[int]) -> "ClipIndex":
        """Some of the clips, in the order given; they stay at their rows, and groups at theirs."""
        chosen = np.asarray(clips, dtype=np.int64)
        return replace(
            self,
            names=tuple(self.names[i] for i in chosen.tolist()),
            **{key: getattr(self, key)[chosen] for key in _ARRAYS},
            digests=None if self.digests is None else self.digests[chosen],
        )

    def packed(self) -> "ClipIndex":
        """The same clips with their rows one after the other."""
        return replace(self, first=np.cumsum(self.frames) - self.frames)

    def content_hash(self) -> str:
        """SHA-256 of robot, names, rates, frame counts and digests; notes and weights not counted.

        Neither shards nor precision of storage enter, so equal frames have equal hashes.
        """
        assert self.digests is not None
        clips = list(zip(self.names, self.fps.tolist(), self.frames.tolist(), strict=True))
        names = [self.robot, self.joint_names, self.body_names, clips]
        digest = hashlib.sha256(json.dumps(names).encode())
        digest.update(np.ascontiguousarray(self.digests).data)
        return digest.hexdigest()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays to store; texts as UTF-8 bytes, so that 100,000 clips open in milliseconds."""
        notes = [[note.source, note.licence, note.tags] for note in self.notes]
        arrays = {
            "frames": self.frames,
            "fps": self.fps,
            "weights": self.weights,
            "note_of": self.note_of,
            "names": _text(json.dumps(self.names)),
            "notes": _text(json.dumps(notes)),
        }
        if self.group_names != (DEFAULT_GROUP,):
            arrays["group_names"] = _text(json.dumps(self.group_names))
            arrays["group_of"] = self.group_of
        return arrays if self.digests is None else {**arrays, "digests": self.digests}

    @classmethod
    def from_arrays(
        cls,
        robot: str,
        joint_names: Sequence[str],
        body_names: Sequence[str],
        arrays: dict[str, np.ndarray],
    ) -> "ClipIndex":
        """From what `to_arrays` gave.

        Raises:
            MotionFileError: arrays of different lengths.
        """
        names = tuple(json.loads(arrays["names"].tobytes()))
        groups = (DEFAULT_GROUP,)
        if "group_names" in arrays:
            groups = tuple(json.loads(arrays["group_names"].tobytes()))
        else:
            arrays = {**arrays, "group_of": np.zeros(len(names), np.int64)}
        keys = ("frames", "fps", "weights", "note_of", "group_of", "digests")
        lengths = {key: len(arrays[key]) for key in keys}
        if set(lengths.values()) != {len(names)}:
            raise MotionFileError(f"the index has {len(names)} names, but arrays of {lengths}")
        if len(names) and int(arrays["group_of"].max()) >= len(groups):
            raise MotionFileError(f"the index names {len(groups)} groups, but counts more")
        frames = arrays["frames"]
        return cls(
            robot=robot,
            joint_names=tuple(joint_names),
            body_names=tuple(body_names),
            names=names,
            first=np.cumsum(frames) - frames,
            group_names=groups,
            notes=tuple(
                ClipNotes(source, licence, tuple(tags))
                for source, licence, tags in json.loads(arrays["notes"].tobytes())
            ),
            **{key: arrays[key] for key in keys},
        )


_ARRAYS = ("frames", "fps", "first", "weights", "note_of", "group_of")


def joined(parts: Iterable[ClipIndex]) -> ClipIndex:
    """The clips of several parts, whose rows lie one part after the other."""
    parts = list(parts)
    known: dict[ClipNotes, int] = {}
    note_of = []
    for part in parts:
        places = np.array([known.setdefault(note, len(known)) for note in part.notes], np.int32)
        note_of.append(places[part.note_of])
    groups = tuple(sorted({name for part in parts for name in part.group_names}))
    group_of = [
        np.array([groups.index(name) for name in part.group_names], np.int64)[part.group_of]
        for part in parts
    ]
    digests = [part.digests for part in parts if part.digests is not None]
    frames = np.concatenate([part.frames for part in parts])
    return replace(
        parts[0],
        names=tuple(name for part in parts for name in part.names),
        frames=frames,
        first=np.cumsum(frames) - frames,
        fps=np.concatenate([part.fps for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
        notes=tuple(known),
        note_of=np.concatenate(note_of),
        group_names=groups,
        group_of=np.concatenate(group_of),
        digests=np.concatenate(digests) if len(digests) == len(parts) else None,
    )


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)
