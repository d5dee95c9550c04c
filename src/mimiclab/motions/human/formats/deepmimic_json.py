"""DeepMimic's motion files: joint rotations of its own humanoid, each frame with a duration.

Joints and their offsets are those of DeepMimic's `humanoid3d.txt` (MIT licence); y is up and the
figure faces x. Spherical joints are quaternions w x y z, knees and elbows angles about z (rad).
"""

import json
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_normalize, quat_slerp
from mimiclab.motions.human.formats.base import (
    HumanFormat,
    HumanReadOptions,
    RawMotion,
    agreed_fps,
    open_text,
)
from mimiclab.motions.human.tree import JointPose, turn_about, world_poses

_JOINTS: tuple[tuple[str, str, tuple[float, float, float], int], ...] = (
    ("root", "", (0.0, 0.0, 0.0), 4),
    ("chest", "root", (0.0, 0.236151, 0.0), 4),
    ("neck", "chest", (0.0, 0.223894, 0.0), 4),
    ("right_hip", "root", (0.0, 0.0, 0.084887), 4),
    ("right_knee", "right_hip", (0.0, -0.421546, 0.0), 1),
    ("right_ankle", "right_knee", (0.0, -0.409870, 0.0), 4),
    ("right_shoulder", "chest", (-0.02405, 0.24350, 0.18311), 4),
    ("right_elbow", "right_shoulder", (0.0, -0.274788, 0.0), 1),
    ("left_hip", "root", (0.0, 0.0, -0.084887), 4),
    ("left_knee", "left_hip", (0.0, -0.421546, 0.0), 1),
    ("left_ankle", "left_knee", (0.0, -0.409870, 0.0), 4),
    ("left_shoulder", "chest", (-0.02405, 0.24350, -0.18311), 4),
    ("left_elbow", "left_shoulder", (0.0, -0.274788, 0.0), 1),
    # Fixed: wrists, the head sphere's centre and the middles of the foot boxes' lower front edges.
    ("right_wrist", "right_elbow", (0.0, -0.258947, 0.0), 0),
    ("left_wrist", "left_elbow", (0.0, -0.258947, 0.0), 0),
    ("head", "neck", (0.0, 0.175, 0.0), 0),
    ("right_toe", "right_ankle", (0.1335, -0.05, 0.0), 0),
    ("left_toe", "left_ankle", (0.1335, -0.05, 0.0), 0),
)
"""Name, parent, offset in the parent's frame (m), numbers in a frame (4 quaternion, 1 angle)."""
_WIDTH = 4 + sum(numbers for *_, numbers in _JOINTS)
"""Numbers of a frame: duration, root position, then the joints: 44."""


def _read(path: Path, options: HumanReadOptions) -> RawMotion:
    """Read one cycle of the motion; frames of unlike durations are resampled to a fixed rate.

    Raises:
        MotionFileError: not such a file, wrong numbers of numbers, bad durations, zero quaternions.
    """
    loop, frames = _frames(path)
    durations = frames[:-1, 0]  # how long the last frame stays has no meaning within the cycle
    if (durations <= 0).any():
        bad = int(np.flatnonzero(durations <= 0)[0])
        raise MotionFileError(
            f"{path}: frame {bad} lasts {durations[bad]:g} s, expected a positive duration"
        )
    step = float(np.median(durations)) if len(durations) else float(frames[0, 0])
    stated = 1.0 / step if step > 0 else None
    if stated is not None and abs(stated - round(stated)) < 1e-3 * stated:
        stated = float(round(stated))  # durations are printed with few digits
    even = not len(durations) or bool(np.abs(durations - step).max() <= 1e-3 * step)
    fps = agreed_fps(path, stated if even else None, options.fps if even else options.fps or stated)
    values = _quaternions(path, frames)
    if not even:
        values = _resampled(path, values, np.concatenate([[0.0], np.cumsum(durations)]), fps)
    names = [name for name, *_ in _JOINTS]
    parents = tuple(names.index(parent) if parent else -1 for _, parent, *_ in _JOINTS)
    place, turns = values

    def local(joint: int, part: slice) -> JointPose:
        name, _, offset, _ = _JOINTS[joint]
        turn = turns[name][part] if name in turns else None
        return (place[part] if joint == 0 else np.array(offset)), turn

    pos, quat = world_poses(parents, len(place), local)
    return RawMotion(
        path=path,
        joint_names=tuple(names),
        parents=parents,
        pos=pos,
        quat_wxyz=quat,
        fps=fps,
        units="m",
        up="y",
        skeleton="deepmimic",
        tags=("loop",) if loop else (),
    )


_Pose = tuple[np.ndarray, dict[str, np.ndarray]]
"""Root position (T, 3) and quaternions (T, 4) of the joints that turn."""


def _frames(path: Path) -> tuple[bool, np.ndarray]:
    """Whether the motion is a cycle, and the numbers. Shape (T, 44)."""
    expected = f'expected {{"Loop": "wrap" or "none", "Frames": [[{_WIDTH} numbers], ...]}}'
    try:
        data = json.loads(open_text(path))
    except (ValueError, RecursionError) as error:
        raise MotionFileError(
            f"{path}: not valid JSON ({str(error)[:80]}); it is damaged or no DeepMimic motion"
        ) from error
    frames = data.get("Frames") if isinstance(data, dict) else None
    if not isinstance(frames, list) or not frames:
        raise MotionFileError(f"{path}: not a DeepMimic motion; {expected}")
    loop = data.get("Loop", "none")
    if loop not in ("wrap", "none"):
        raise MotionFileError(f"{path}: Loop is {str(loop)[:40]!r}; {expected}")
    for index, frame in enumerate(frames):
        if not isinstance(frame, list) or len(frame) != _WIDTH:
            got = len(frame) if isinstance(frame, list) else type(frame).__name__
            raise MotionFileError(f"{path}: frame {index} has {got} numbers; {expected}")
        if not all(type(number) in (int, float) for number in frame):
            raise MotionFileError(f"{path}: frame {index} holds more than numbers; {expected}")
    try:
        table = np.array(frames, np.float64)
    except OverflowError:
        table = np.full((1, 1), np.inf)
    if not np.isfinite(table).all():
        raise MotionFileError(f"{path}: NaN or infinite numbers; repair or cut the file")
    return loop == "wrap", table


def _quaternions(path: Path, frames: np.ndarray) -> _Pose:
    turns, column = {}, 4
    for name, _, _, numbers in _JOINTS:
        part = frames[:, column : column + numbers]
        column += numbers
        if numbers == 1:
            turns[name] = turn_about(2, np.degrees(part[:, 0]))
        elif numbers == 4:
            norm = np.linalg.norm(part, axis=1)
            # DeepMimic's own files have lengths down to 0.58, which it normalises on loading.
            if norm.min() < 0.3 or norm.max() > 3.0:
                bad = int(np.abs(np.log(np.maximum(norm, 1e-9))).argmax())
                raise MotionFileError(
                    f"{path}: frame {bad} has a quaternion of length {norm[bad]:.3g} at {name}, "
                    "expected 1; the file is damaged or in another layout"
                )
            turns[name] = quat_normalize(part)
    return frames[:, 1:4], turns


def _resampled(path: Path, values: _Pose, times: np.ndarray, fps: float) -> _Pose:
    """Linear in position and slerp in rotation, at k / fps up to the last frame."""
    count = int(np.floor(times[-1] * fps + 1e-6)) + 1
    if count > 100 * len(times) + 1000:
        raise MotionFileError(
            f"{path}: at {fps:g} fps its {times[-1]:.3g} s are {count} frames, but the file has "
            f"{len(times)}; its durations are damaged"
        )
    at = np.minimum(np.arange(count) / fps, times[-1])
    low = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    blend = (at - times[low]) / (times[low + 1] - times[low])
    place, turns = values
    mixed = place[low] + blend[:, None] * (place[low + 1] - place[low])
    return mixed, {k: quat_slerp(q[low], q[low + 1], blend) for k, q in turns.items()}


def _recognise(path: Path, head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"Frames"' in head


FORMAT = HumanFormat(
    name="deepmimic_json",
    suffixes=(".txt", ".json"),
    summary='DeepMimic JSON: "Loop" and "Frames" of 44 numbers, its own humanoid',
    recognise=_recognise,
    read=_read,
)
