"""Motion files in and out: one module for each format, found by what a file holds."""

from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.files import atomic_path
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import (
    beyondmimic_npz,
    cmu_amc,
    cmu_hdf5,
    gmr,
    holosoma_npz,
    locomujoco_npz,
    mimiclab_npz,
    mjlab_npz,
    phc,
    protomotions,
    unitree_csv,
    videomimic,
)
from mimiclab.motions.formats.base import Content, MotionFormat, ReadOptions
from mimiclab.motions.formats.base import MotionFile as MotionFile
from mimiclab.motions.formats.base import StoredArrays as StoredArrays
from mimiclab.motions.formats.content import open_content

FORMATS: dict[str, MotionFormat] = {
    item.name: item
    for item in (
        unitree_csv.FORMAT,
        mimiclab_npz.FORMAT,
        mimiclab_npz.FORMAT_WITH_BODIES,
        mjlab_npz.FORMAT,
        beyondmimic_npz.FORMAT,
        locomujoco_npz.FORMAT,
        holosoma_npz.FORMAT,
        phc.NPZ,
        phc.PICKLE,
        phc.PICKLE_WITHOUT_WRISTS,
        protomotions.FORMAT,
        videomimic.PICKLE,
        videomimic.HDF5,
        gmr.NPZ,
        gmr.PICKLE,
        cmu_hdf5.FORMAT,
        cmu_amc.FORMAT,
    )
}
"""All formats by name."""

MOTION_SUFFIXES = (".npz", ".csv", ".h5", ".hdf5", ".pkl", ".pickle", ".joblib", ".motion")
"""Suffixes of files that folders are searched for; `.pt` is left out, as checkpoints have it."""


def read_motion(
    path: str | Path,
    *,
    robot: str | None = None,
    fps: float | None = None,
    format: str | None = None,
    root_quat_order: str | None = None,
    frame_range: tuple[int, int] | None = None,
    ignore_keys: tuple[str, ...] = (),
    terrain: str | Path = "",
) -> MotionClip:
    """The clip in a motion file; derived arrays in the file are ignored (see `read_motion_file`).

    Args:
        path: file to read.
        robot: registry name; needed for files without names, checked against those with.
        fps: frame rate; must agree with the file where that states one.
        format: a name in `FORMATS`; detected from the content if left out.
        root_quat_order: `wxyz` or `xyzw`, for CSV files and GMR's pickles.
        frame_range: first frame and the one after the last, counted from 0.
        ignore_keys: npz keys to pass over although the format does not know them.
        terrain: the ground's mesh, for files that do not name theirs; kept with the clip.

    Raises:
        MotionFileError: the file cannot be read as a motion; the message says why.
        MotionError: its content is invalid (NaN, bad quaternions, bad range).
        RobotError: it is for another robot.
        UnknownNameError: unknown robot or format.
    """
    file = read_motion_file(
        path,
        robot=robot,
        fps=fps,
        format=format,
        root_quat_order=root_quat_order,
        ignore_keys=ignore_keys,
        terrain=terrain,
    )
    return file.clip if frame_range is None else file.clip.cut(*frame_range)


def read_motion_file(
    path: str | Path,
    *,
    robot: str | None = None,
    fps: float | None = None,
    format: str | None = None,
    root_quat_order: str | None = None,
    ignore_keys: tuple[str, ...] = (),
    terrain: str | Path = "",
) -> MotionFile:
    """As `read_motion`, with what the file claimed beside the clip, for `check_file`."""
    options = ReadOptions(
        robot=robot,
        fps=fps,
        root_quat_order=root_quat_order,
        ignore_keys=tuple(ignore_keys),
        terrain=str(terrain),
    )
    content = open_content(path)
    # Damaged numbers can be as large as numbers get; what becomes of them is refused anyway.
    with np.errstate(all="ignore"):
        file = (_named(format) if format else _detect(content, robot)).read(content, options)
    for key, array in vars(file.stored).items() if file.stored else ():
        if key != "body_names" and array is not None and len(array) != file.clip.num_frames:
            raise MotionFileError(
                f"{path}: {key} has {len(array)} frames but the motion has "
                f"{file.clip.num_frames}; the file is damaged, write it anew"
            )
    return file


def write_motion(clip: MotionClip, path: str | Path, format: str | None = None) -> None:
    """Write a clip, whole or not at all; the suffix may choose the format.

    Without one: mimiclab npz, Unitree CSV; HDF5 of dm_control for its CMU humanoids, of VideoMimic
    for other robots.

    Raises:
        OutputError: the path cannot be written.
        MotionFileError: a suffix that no format has, or another one than the format's.
        UnknownNameError: unknown format.
    """
    path = Path(path)
    found = _named(format or _usual_format(clip, path))
    if path.suffix not in (found.suffix, *found.suffixes) or found.write is None:
        how = f"is written to {found.suffix} files; change the suffix"
        raise MotionFileError(
            f"{path}: format {found.name} "
            f"{'is read but never written; choose another' if found.write is None else how}"
        )
    with atomic_path(path) as temporary:
        found.write(clip, temporary)


def left_out(clip: MotionClip, format: str) -> tuple[str, ...]:
    """What a clip has that a file of this format cannot hold: contacts, objects, terrain.

    Raises:
        UnknownNameError: unknown format.
    """
    has = {"foot_contacts": clip.foot_contacts is not None, "objects": bool(clip.objects)}
    has["terrain"] = bool(clip.terrain)
    return tuple(key for key in has if has[key] and key not in _named(format).carries)


def _usual_format(clip: MotionClip, path: Path) -> str:
    hdf5 = "cmu_hdf5" if clip.robot.startswith("dm_cmu") else "videomimic_h5"
    by_suffix = {".npz": "mimiclab_npz", ".csv": "unitree_csv", ".h5": hdf5}
    if path.suffix not in by_suffix:
        raise MotionFileError(
            f"{path}: cannot tell the format from the suffix {path.suffix!r}; "
            f"use {' or '.join(by_suffix)}, or name the format"
        )
    return by_suffix[path.suffix]


def _named(name: str) -> MotionFormat:
    if name not in FORMATS:
        raise UnknownNameError("motion format", name, FORMATS)
    return FORMATS[name]


def _detect(content: Content, robot: str | None) -> MotionFormat:
    for found in FORMATS.values():
        if found.recognise(content, robot):
            return found
    if content.arrays is None:
        raise MotionFileError(
            f"{content.path}: a text file, but not one of comma separated numbers; of text files "
            f"only {unitree_csv.FORMAT.name} is known ({unitree_csv.FORMAT.summary})"
        )
    listing = "; ".join(
        f"{item.name} ({item.summary})"
        for item in FORMATS.values()
        if content.path.suffix in (item.suffix, *item.suffixes)
    )
    listed = ", ".join(sorted(content.keys))[:1000]
    raise MotionFileError(
        f"{content.path}: the keys {listed or '(none)'} are those of no "
        f"known format. Known of {content.path.suffix} files: {listing or 'none'}"
    )
