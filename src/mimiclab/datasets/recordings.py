"""Reading recorded rollouts: episodes one at a time, or observation-action pairs for cloning."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimiclab.datasets.recording_layout import (
    EPISODE_COLUMNS,
    FORMAT,
    SCHEMA,
    Episode,
    RecordingInfo,
)
from mimiclab.errors import RecordingError, UnknownNameError
from mimiclab.motions.formats.hdf5 import SIGNATURE

_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, AttributeError)
"""What h5py raises for files that are not what they should be."""


class Recording:
    """A recording, opened for reading; rows are read from the file when asked for.

    Raises:
        RecordingError: missing, damaged, cut off, not a recording, or of a newer schema.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _open(self.path)
        try:
            self.info = self._read_info()
            """Robot, layout, policy, task, switches."""
            self.clip_names = tuple(v.decode() for v in self._dataset("clips", (), None)[:])
            """Names of the clips."""
            self._columns = {
                name: self._dataset(f"steps/{name}", *about)
                for name, about in self.info.columns.items()
            }
            table = {
                name: self._dataset(f"episodes/{name}", (), kind)[:]
                for name, kind in EPISODE_COLUMNS.items()
            }
            self._final = {
                name: self._dataset(f"episodes/observations/{name}", (width,), np.dtype("f4"))
                for name, width in self.groups.items()
            }
            self.first, self.lengths = table["first"], table["length"]
            """First step and number of steps of each episode. Shapes (E,)."""
            self.clips, self.start_s = table["clip"], table["start_s"]
            """Clip and start time in it, s, of each episode. Shapes (E,)."""
            self.seeds, self.from_start = table["seed"], table["from_start"]
            """Seed of each episode, and whether it was planned from the clip's first frame."""
            self._check_episodes()
        except RecordingError:
            self.close()
            raise
        except _DAMAGE as error:
            self.close()
            raise self._damaged(error) from error

    @property
    def layout(self) -> Mapping[str, Any]:
        """Robot, rate, observations, history, actions; see `RecordingInfo`."""
        return self.info.layout

    @property
    def groups(self) -> dict[str, int]:
        """Observation groups and their widths."""
        return self.info.groups

    @property
    def num_episodes(self) -> int:
        """Number of episodes E."""
        return len(self.lengths)

    @property
    def num_steps(self) -> int:
        """Number of steps M of all episodes."""
        return int(self.lengths.sum())

    def read(self, column: str, first: int = 0, count: int | None = None) -> np.ndarray:
        """Rows of a column of /steps: `actions`, `observations/actor`, ...

        Raises:
            UnknownNameError: no such column.
            RecordingError: the rows are damaged.
        """
        if column not in self._columns:
            raise UnknownNameError(f"column of {self.path}", column, self._columns)
        stop = self.num_steps if count is None else first + count
        try:
            return self._columns[column][first:stop]
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def episode(self, i: int) -> Episode:
        """Episode `i`.

        Raises:
            RecordingError: there is no such episode, or it is damaged.
        """
        if not 0 <= i < self.num_episodes:
            raise RecordingError(
                f"{self.path} has episodes 0 to {self.num_episodes - 1}, asked was {i}"
            )
        rows = int(self.first[i]), int(self.lengths[i])
        known = {name: self.read(name, *rows) for name in self.info.columns}
        try:
            final = {g: data[i] for g, data in self._final.items()}
        except _DAMAGE as error:
            raise self._damaged(error) from error
        return Episode(
            clip=self.clip_names[self.clips[i]],
            start_s=float(self.start_s[i]),
            seed=int(self.seeds[i]),
            from_start=bool(self.from_start[i]),
            observations={name: known[f"observations/{name}"] for name in self.groups},
            final_observations=final,
            actions=known["actions"],
            action_mean=known["action_mean"],
            action_std=known.get("action_std"),
            rewards=known["rewards"],
            reference_time_s=known["reference_time_s"],
            failed=bool(known["terminated"][-1]),
            extra={name: known[name] for name in self.info.extra_columns},
        )

    @property
    def episodes(self) -> Iterator[Episode]:
        """All episodes, read one after the other."""
        return (self.episode(i) for i in range(self.num_episodes))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_info(self) -> RecordingInfo:
        attrs = self._file.attrs
        kind: Any = attrs.get("format")
        if kind != FORMAT.encode():
            raise RecordingError(
                f"{self.path} is an HDF5 file, but not a recording: its attribute `format` is "
                f"{kind!r}, expected {FORMAT!r}; make one with `mimiclab record`"
            )
        schema = int(attrs["schema"])  # pyright: ignore[reportArgumentType]
        if schema > SCHEMA:
            raise RecordingError(
                f"{self.path} has schema {schema}, this version reads up to {SCHEMA}; update "
                "mimiclab"
            )
        about = self._dataset("about", (), None)[()]
        return RecordingInfo.from_json(about.decode(), str(self.path))

    def _dataset(self, name: str, shape: tuple[int, ...], kind: np.dtype | None) -> h5py.Dataset:
        """A dataset of rows of a shape and type, in this file; no type stands for text."""
        data = self._file[name]
        if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
            raise TypeError(f"{name} is {data!r}, expected an array in this file")
        fits = data.dtype.kind == "S" if kind is None else data.dtype == kind
        if not fits or data.shape[1:] != shape:
            raise TypeError(f"{name} is {data!r}, expected rows {shape} of {kind or 'text'}")
        return data

    def _check_episodes(self) -> None:
        """Episodes must lie end to end, and end where steps say so: no padding, nothing after."""
        ends = self.first + self.lengths
        starts = np.concatenate([[0], ends[:-1]])
        if not len(ends) or (self.lengths < 1).any() or (self.first != starts).any():
            raise ValueError("episodes do not lie end to end")
        if (self.clips < 0).any() or (self.clips >= len(self.clip_names)).any():
            raise ValueError("an episode of an unknown clip")
        rows = {name: len(data) for name, data in self._columns.items()}
        if set(rows.values()) != {int(ends[-1])}:
            raise ValueError(f"{int(ends[-1])} steps expected, columns have {rows}")
        done = self._columns["terminated"][:] | self._columns["timeout"][:]
        if done.sum() != len(ends) or not done[ends - 1].all():
            raise ValueError("steps after the end of an episode")

    def _damaged(self, error: Exception) -> RecordingError:
        return RecordingError(
            f"{self.path}: the recording is damaged ({error}); copy it again, or record it again"
        )


def read_pairs(
    path: str | Path,
    layout: Mapping[str, Any],
    group: str | None = None,
    *,
    action_offset: str | None = None,
    action_scale: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """What a recorded policy did where: pairs for behaviour cloning, all steps of all episodes.

    Args:
        path: the recording.
        layout: what the student sees and does; see `env_state.layout_of`. Its group `actor` must
            have the terms, sizes and history of the recorded group, in the same order.
        group: recorded group to take; by default `actor` if it fits, else any that fits.
        action_offset: what the student's action of zero means, `default` or `reference`; compared
            where both know it.
        action_scale: the student's rad for each unit of action; likewise.

    Returns:
        Observations (M, D), mean actions (M, A) and their standard deviations (M, A) or None;
        float32.

    Raises:
        RecordingError: damaged, or of another robot, rate, observations or actions than the
            student's; the message says what differs.
    """
    with Recording(path) as recording:
        info = recording.info
        wrong = _differences(info, layout, action_offset, action_scale)
        name, more = _fitting_group(info, layout, group)
        if wrong or more:
            raise RecordingError(
                f"{path} was recorded with other settings than the student has:\n  "
                + "\n  ".join(wrong + more)
                + "\nRecord the student's view (`mimiclab record ... --view student=RUN`), or "
                "train with the settings of the recording"
            )
        std = recording.read("action_std") if info.has_std else None
        return recording.read(f"observations/{name}"), recording.read("action_mean"), std


def _differences(
    info: RecordingInfo,
    layout: Mapping[str, Any],
    offset: str | None,
    scale: Sequence[float] | None,
) -> list[str]:
    lines = [
        f"{key}: {info.layout[key]} in the recording, {layout[key]} here"
        for key in ("robot", "control_hz", "actions")
        if info.layout[key] != layout[key]
    ]
    if offset and info.action_offset and offset != info.action_offset:
        lines.append(
            f"actions are offsets from the {info.action_offset} joint angles in the recording, "
            f"from the {offset} ones here"
        )
    if scale is not None and info.action_scale and not np.allclose(scale, info.action_scale, 1e-5):
        worst = int(np.argmax(np.abs(np.subtract(scale, info.action_scale))))
        joint = info.joint_names[worst] if info.joint_names else f"joint {worst}"
        lines.append(
            f"action scale of {joint}: {info.action_scale[worst]:.6g} rad in the recording, "
            f"{scale[worst]:.6g} here"
        )
    return lines


def _fitting_group(
    info: RecordingInfo, layout: Mapping[str, Any], group: str | None
) -> tuple[str, list[str]]:
    """The recorded group that is the student's view, and what speaks against it."""
    groups = list(info.layout["observations"])
    if group is not None and group not in groups:
        raise UnknownNameError("recorded observation group", group, groups)
    wanted = _terms(layout, "actor")
    tried = [group] if group is not None else sorted(groups, key=lambda name: name != "actor")
    for name in tried:
        if _terms(info.layout, name) == wanted:
            return name, []
    lines = [
        f"group {name}: {', '.join(_terms(info.layout, name))} in the recording" for name in tried
    ]
    return tried[0], [*lines, f"group actor: {', '.join(wanted)} here"]


def _terms(layout: Mapping[str, Any], group: str) -> list[str]:
    """Terms of a group in order, each as `name[frames x numbers]`."""
    history = layout.get("history", {}).get(group, {})
    found = []
    for name, total in layout["observations"][group].items():
        frames = history.get(name, 1)
        found.append(f"{name}[{total}]" if frames == 1 else f"{name}[{frames}x{total // frames}]")
    return found


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise RecordingError(f"no recording at {path}; make one with `mimiclab record`")
    with path.open("rb") as file:
        head = file.read(len(SIGNATURE))
    if head != SIGNATURE:
        raise RecordingError(
            f"{path} is not an HDF5 file (it begins with {head!r}); a recording is made by "
            "`mimiclab record`"
        )
    try:
        return h5py.File(path, "r")
    except _DAMAGE as error:
        raise RecordingError(
            f"{path}: the recording is cut off or damaged ({error}); copy it again"
        ) from error
