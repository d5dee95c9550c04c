"""Writing a recording: episode by episode, and whole or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimiclab.datasets.recording_layout import (
    EPISODE_COLUMNS,
    FORMAT,
    SCHEMA,
    Episode,
    RecordingInfo,
)
from mimiclab.errors import MimiclabError, OutputError
from mimiclab.files import atomic_path

if TYPE_CHECKING:
    import h5py

_CHUNK_BYTES = 1 << 18
"""Size of the pieces in which columns are compressed: small enough to read a few steps."""
_EPISODE_ROWS = 1024


class Recorder:
    """Used as `with Recorder(...) as recorder: recorder.add(episode)`.

    Each episode goes to a temporary file at once; the file appears under its name when the block
    ends without an error, and not at all otherwise. Pieces are compressed and carry checksums.
    """

    def __init__(self, path: str | Path, info: RecordingInfo, clip_names: Sequence[str]) -> None:
        """Prepare to write.

        Args:
            path: the file, replaced if it exists.
            info: what the columns mean.
            clip_names: all clips that episodes may be of.
        """
        self.path = Path(path)
        self.info = info
        self.clip_names = tuple(clip_names)
        self.num_steps = 0
        """Steps written so far."""
        self.num_episodes = 0
        """Episodes written so far."""

    def __enter__(self) -> "Recorder":
        import h5py

        self._stack = ExitStack()
        try:
            temporary = self._stack.enter_context(atomic_path(self.path))
            self._file = self._stack.enter_context(h5py.File(temporary, "w"))
            self._prepare(self._file)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None and not self.num_episodes:
            error = MimiclabError(
                f"no episode was recorded, so {self.path} was not written; record at least one"
            )
            self._stack.__exit__(type(error), error, None)
            raise error
        self._stack.__exit__(kind, error, trace)

    def add(self, episode: Episode) -> None:
        """Append an episode.

        Raises:
            MimiclabError: of another shape than announced, of an unknown clip, empty, or with
                numbers that are not finite.
            OutputError: the disk is full.
        """
        steps, columns = len(episode), self._columns(episode)
        for name, (shape, _) in self.info.columns.items():
            given = columns.get(name)
            if given is None or given.shape != (steps, *shape):
                raise MimiclabError(
                    f"episode of {episode.clip!r}: {name} has shape "
                    f"{None if given is None else given.shape}, expected {(steps, *shape)}"
                )
            if not np.isfinite(given).all():
                row = int(np.argmin(np.isfinite(given.reshape(steps, -1)).all(axis=1)))
                raise MimiclabError(
                    f"episode of {episode.clip!r}: {name} is NaN or infinite in step {row}; "
                    "nothing of it was recorded"
                )
        if not steps or episode.clip not in self.clip_names:
            raise MimiclabError(
                f"an episode of {steps} steps of clip {episode.clip!r} cannot be recorded; "
                f"expected at least one step of {', '.join(self.clip_names[:5])}"
            )
        row = {
            "first": self.num_steps,
            "length": steps,
            "clip": self.clip_names.index(episode.clip),
            "start_s": episode.start_s,
            "seed": episode.seed,
            "from_start": episode.from_start,
        }
        row |= {f"observations/{g}": episode.final_observations[g] for g in self.info.groups}
        try:
            for name, values in columns.items():
                _append(self._file[f"steps/{name}"], values)
            for name, value in row.items():
                _append(self._file[f"episodes/{name}"], np.asarray(value)[None])
        except OSError as failure:
            raise OutputError(
                f"cannot write {self.path} ({failure}); nothing was changed there"
            ) from failure
        self.num_steps += steps
        self.num_episodes += 1

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        last = np.zeros(len(episode), bool)
        last[-1:] = True
        found = {f"observations/{name}": values for name, values in episode.observations.items()}
        found |= {
            "actions": episode.actions,
            "action_mean": episode.action_mean,
            "action_std": episode.action_std,
            "rewards": episode.rewards,
            "reference_time_s": episode.reference_time_s,
            "terminated": last & episode.failed,
            "timeout": last & (not episode.failed),
        }
        known = {name: v for name, v in found.items() if v is not None and name in self._names}
        return known | {name: episode.extra[name] for name in episode.extra}

    def _prepare(self, file: "h5py.File") -> None:
        info = self.info
        self._names = set(info.columns)
        for name, value in (("format", FORMAT), ("robot", info.robot)):
            file.attrs[name] = np.bytes_(value.encode())
        file.attrs["schema"] = SCHEMA
        file.attrs["control_hz"] = info.control_hz
        # Fixed-length text, because damage in HDF5's heap of variable strings can crash a reader.
        file.create_dataset("about", data=np.bytes_(info.to_json().encode()))
        file.create_dataset("clips", data=np.array([n.encode() for n in self.clip_names]))
        for name, (shape, kind) in info.columns.items():
            rows = max(1, _CHUNK_BYTES // max(1, int(np.prod(shape)) * kind.itemsize))
            _column(file, f"steps/{name}", shape, kind, min(rows, 8192))
        for name, kind in EPISODE_COLUMNS.items():
            _column(file, f"episodes/{name}", (), kind, _EPISODE_ROWS)
        for name, width in info.groups.items():
            rows = max(1, _CHUNK_BYTES // (4 * width))
            _column(file, f"episodes/observations/{name}", (width,), np.dtype("f4"), min(rows, 256))


def _column(
    file: "h5py.File", name: str, shape: tuple[int, ...], kind: np.dtype, rows: int
) -> None:
    file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        dtype=kind,
        chunks=(rows, *shape),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
        fletcher32=True,
    )


def _append(column: Any, values: np.ndarray) -> None:
    before = column.shape[0]
    column.resize(before + len(values), axis=0)
    column[before:] = values
