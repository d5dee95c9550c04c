"""What a human motion format is, and the last steps that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.conform import metres_per_unit, turn_z_up, up_axis
from mimiclab.motions.human.skeletons import SkeletonMap, load_skeleton, recognise_skeleton


@dataclass(frozen=True, kw_only=True)
class HumanReadOptions:
    """What the caller declares about a file; None leaves it to the file or the format."""

    fps: float | None = None
    """Frame rate; must agree with the file if that states one."""
    skeleton: str | None = None
    """Name of a shipped landmark map, or path to one's own; found by the joints if None."""
    units: str | None = None
    """A name in `UNITS`; must agree with the format if that fixes them."""
    up: str | None = None
    """`y` or `z`; must agree with the format if that fixes it."""
    asf: Path | None = None
    """Skeleton file of an AMC; found beside it if None."""
    body_model: Path | None = None
    """SMPL body model as npz; published mean joint positions if None."""


@dataclass(kw_only=True)
class RawMotion:
    """A motion as a file has it: its own units and axes."""

    path: Path
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    pos: np.ndarray
    """Shape (T, B, 3), float64, file units and axes; `finish` overwrites it."""
    quat_wxyz: np.ndarray | None
    """Shape (T, B, 4), float64, in file axes; `finish` overwrites it."""
    fps: float
    units: str | None = None
    """Name in `UNITS` where the format fixes it."""
    up: str | None = None
    """Axis where the format fixes it."""
    skeleton: str = ""
    """Landmark map where the format fixes it."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HumanFormat:
    """One file format of human motions: how to recognise and read it."""

    name: str
    suffixes: tuple[str, ...]
    summary: str
    """One line for help texts and error messages."""
    recognise: Callable[[Path, bytes], bool]
    """Whether a file, by its path and first bytes, looks like this format."""
    read: Callable[[Path, HumanReadOptions], RawMotion]


def open_text(path: Path) -> str:
    """The file as text; comments and names may be in an old Western encoding.

    Raises:
        MotionFileError: empty or unreadable.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MotionFileError(f"{path}: cannot be read ({error.strerror})") from error
    if not data.strip():
        raise MotionFileError(
            f"{path}: the file is empty ({len(data)} bytes); copy or download it again"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def agreed_fps(path: Path, stated: float | None, declared: float | None) -> float:
    """The frame rate: the file's, which must agree with the declared one, or the declared one.

    Raises:
        MotionFileError: missing without a declaration, not positive, or disagreeing.
    """
    found = declared if stated is None else stated
    if found is None:
        raise MotionFileError(
            f"{path}: the frame rate is missing; state it with fps=... (on the command line --fps)"
        )
    if not (np.isfinite(found) and found > 0):
        raise MotionFileError(
            f"{path}: fps is {found:g}, expected a positive number of frames per second"
        )
    # A thousandth covers rates that were rounded for printing, like 29.97.
    if declared is not None and not abs(declared - found) <= 1e-3 * found:
        raise MotionFileError(
            f"{path}: the file says {found:g} fps but {declared:g} was declared; leave fps out to "
            "trust the file, or correct the file"
        )
    return float(found)


def refuse_unfolding(path: Path, file_bytes: int, frames: int, joints: int) -> None:
    """Refuse files whose joints would take far more memory than the text that describes them.

    Joints without channels cost nothing in a file and 56 bytes in each frame. Real files need 1 to
    8 times their size.

    Raises:
        MotionFileError: more than 12 times the file's size, and more than 64 MiB.
    """
    needed = frames * joints * 7 * 8  # position and quaternion
    if needed > max(64 * 2**20, 12 * file_bytes):
        raise MotionFileError(
            f"{path}: {frames} frames of {joints} joints would take {needed / 2**20:.0f} MiB from "
            f"a file of {file_bytes / 2**20:.2f} MiB; that is no captured motion. If it is one, "
            "cut it or leave out joints that never move"
        )


def finish(raw: RawMotion, options: HumanReadOptions) -> HumanClip:
    """Metres, z up and the landmark map that fits.

    Raises:
        MotionFileError: units or up axis cannot be told or contradict the format; non-finite
            numbers.
        UnknownNameError: no such landmark map.
        MotionError: the declared landmark map does not fit the joints.
    """
    path, pos = raw.path, raw.pos
    # Squares of such large numbers would overflow; compared so that NaN fails too.
    bad = np.flatnonzero(~((pos < 1e12) & (pos > -1e12)).all(axis=(1, 2)))
    if bad.size:
        raise MotionFileError(
            f"{path}: {bad.size} of {len(pos)} frames have NaN, infinite or huge values, first "
            f"frame {bad[0]}; repair or cut the file"
        )
    for key, fixed, declared in (
        ("units", raw.units, options.units),
        ("up", raw.up, options.up),
    ):
        if None not in (fixed, declared) and fixed != declared:
            raise MotionFileError(
                f"{path}: {key} is {declared!r} but this format has {fixed!r}; leave it out"
            )
    skeleton = _skeleton(raw, options)
    factor = metres_per_unit(path, raw.parents, pos, raw.units or options.units)
    up = raw.up or options.up
    pairs = [] if skeleton is None else standing_pairs(skeleton, raw.joint_names)
    up = up_axis(path, pos, pairs, up)
    pos *= factor
    if up == "y":
        turn_z_up(pos, raw.quat_wxyz)
    for array in (pos, raw.quat_wxyz):
        if array is not None:
            array.flags.writeable = False  # the clip keeps read-only arrays without a copy
    return HumanClip(
        name=path.stem,
        fps=raw.fps,
        skeleton="" if skeleton is None else skeleton.name,
        joint_names=raw.joint_names,
        parents=raw.parents,
        joint_pos_w=pos,
        joint_quat_wxyz_w=raw.quat_wxyz,
        source=path.name,
        tags=raw.tags,
    )


def _skeleton(raw: RawMotion, options: HumanReadOptions) -> SkeletonMap | None:
    name = options.skeleton or raw.skeleton
    return load_skeleton(name) if name else recognise_skeleton(raw.joint_names)


def standing_pairs(skeleton: SkeletonMap, joint_names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Columns of (lower, upper) joints of someone who stands: ankles, hips and shoulders."""
    columns = skeleton.columns(joint_names)
    found = []
    for lower, upper in (("ankle", "hip"), ("hip", "shoulder")):
        for side in ("left", "right"):
            ends = [skeleton.points.get(f"{side}_{part}") for part in (lower, upper)]
            joints = [p.weights[0][0] if p else None for p in ends]
            if None not in joints and all(j in columns for j in joints):
                found.append((columns[joints[0] or ""], columns[joints[1] or ""]))
    return found
